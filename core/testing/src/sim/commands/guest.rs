//! GUEST: a client comes online without an account. What follows from it is in `model/guests.rs`.

use crate::random::Random;
use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let (random, unique) = (&mut *writer.random, writer.unique);
    let word = *random.pick(&["GUEST", "guest", "/Guest "]);
    let nick = match random.below(10) {
        0..=3 => return (Ask::command("GUEST", []), String::from(word)),
        4..=8 => nick(random),
        _ => format!("g{unique}"),
    };
    let more = *random.pick(&["", "", " more"]);
    (
        Ask::command("GUEST", [&nick]),
        format!("{word} {nick}{more}"),
    )
}

/// A nick that other guests want, too, or one that no guest gets.
pub(super) fn nick(random: &mut Random) -> String {
    let nicks: &[&str] = match random.percent(80) {
        true => &NICKS,
        false => &NEVER,
    };
    String::from(*random.pick(nicks))
}

/// The answer to a client that does not become a guest.
pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let nick = model.guest_nick(id, arguments.first().map(|nick| &**nick));
    let error = nick.expect_err("logged before it is answered");
    super::or_error(model, Err(error))
}

/// Few nicks, so that guests want the same, in either letter case.
const NICKS: [&str; 8] = [
    "~mia", "Mia", "~MIA", "guest1", "~Guest2", "zoë", "~ZOË", "~alice",
];

/// Nicks that look like the one that is kept, and nicks that break a rule: nothing behind the mark, two marks, digits
/// alone, with what cannot be seen, and too long.
const NEVER: [&str; 10] = [
    "Mona",
    "~rnona",
    "~",
    "~~mia",
    "#room",
    "~1234",
    "a\u{200b}b",
    "b\u{43e}b",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "~~",
];
