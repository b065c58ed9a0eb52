//! NICK: another nick. What follows from its question to the store is in `model/renaming.rs`.

use super::guest;
use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let nick = nick(writer);
    let word = *writer.random.pick(&["NICK", "nick", "/Nick "]);
    let more = *writer.random.pick(&["", "", " more"]);
    let text = format!("{word} {nick}{more}");
    (Ask::command("NICK", [&nick]), text)
}

/// A nick that a client may want: a new one, one that somebody has or had, or one that is never given.
fn nick(writer: &mut Writer<'_>) -> String {
    let is_real = writer.members.password.is_some();
    match writer.random.below(10) {
        0..=3 if !is_real => format!("n{}", writer.unique),
        4 if !is_real => writer.nick().to_uppercase(),
        5 if is_real => String::from(*writer.random.pick(&RULES)),
        // A nick that nobody has would change a real store, and the visitors would know its members no more.
        _ if is_real => String::from(&*writer.random.pick(&writer.members.all).nick),
        5 => String::from(*writer.random.pick(&[&RULES[..], &LOOK_ALIKES].concat())),
        6 | 7 if writer.guest => guest::nick(writer.random),
        _ => writer.nick(),
    }
}

/// The answer to a NICK about which the store is not asked.
pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let [nick] = arguments else {
        panic!("a nick: {arguments:?}");
    };
    let said = model.without_the_store(id, nick);
    said.expect("answered before the store was asked")
}

/// Nicks that break a rule.
const RULES: [&str; 5] = ["#room", "~guest", "1234", "a\u{200b}b", "b\u{43e}b"];

/// Nicks that look like the one that is kept, and that one.
const LOOK_ALIKES: [&str; 3] = ["MONA", "rnona", RESERVED];

/// The nick that the operator keeps for nobody.
pub(in crate::sim) const RESERVED: &str = "mona";
