//! PASSWD: another password. What follows from its question to the store is in `model/passwords.rs`.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;
use crate::sim::store::TOO_LONG;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    if writer.members.password.is_some() {
        // A real store would change, and the visitors would know its passwords no more.
        return (Ask::Wrong(USAGE), String::from("PASSWD right"));
    }
    let secret = writer.members.secret_of(writer.known.me());
    let (random, unique) = (&mut *writer.random, writer.unique);
    let old = match random.percent(writer.swarm.wrong) {
        true => "wrong",
        false => secret,
    };
    let new = match random.below(12) {
        0 => format!("s{unique}\rs"),
        1 => "s".repeat(TOO_LONG),
        _ => format!("s{unique}"),
    };
    let word = *random.pick(&["PASSWD", "passwd", "/Passwd "]);
    // A tab between the passwords allows spaces in both, a space only in the new one.
    match random.percent(50) {
        true => {
            let (old, new) = (format!("{old} {unique}"), format!("{new} \tx"));
            let text = format!("{word} {old} \t {new}");
            (Ask::command("PASSWD", [&old, &new]), text)
        }
        false => {
            let new = format!("{new} x");
            (
                Ask::command("PASSWD", [old, &new]),
                format!("{word} {old}  {new}"),
            )
        }
    }
}

/// The answer to a PASSWD about which the store is not asked.
pub(super) fn answer(model: &mut Model, id: Key, _: &[String]) -> Said {
    let error = model.passwd_without_the_store(id);
    let error = error.expect("answered before the store was asked");
    super::or_error(model, Err(error))
}

const USAGE: &str = "Usage: PASSWD old new";
