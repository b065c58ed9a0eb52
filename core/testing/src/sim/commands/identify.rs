//! IDENTIFY: a login. What follows from its question to the store is in `model/login.rs`.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;
use crate::sim::store::FIRST_SECRET;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let (random, unique) = (&mut *writer.random, writer.unique);
    let member = random.pick(&writer.members.all);
    // A client that must get in would be throttled for logins that no member has.
    let logins = if writer.settles { 9 } else { 10 };
    let login = match random.below(logins) {
        0..=5 => format!("{}", member.id),
        6..=8 => String::from(&*member.nick),
        _ => String::from("7x"),
    };
    // Passwords are unique, so that the model knows which client asks. A real store has one for each member.
    let secret = match random.percent(95) {
        true => writer.members.secret_of(&member.nick),
        false => FIRST_SECRET,
    };
    let password = match (random.percent(writer.swarm.wrong), writer.members.password) {
        (false, Some(password)) => String::from(password),
        (false, None) => format!("{secret} {unique}"),
        (true, _) => format!("wrong {unique}"),
    };
    let word = random.pick(&["IDENTIFY", "/identify"]);
    let text = format!("{word} {login}  {password}");
    (Ask::command("IDENTIFY", [&login, &password]), text)
}

/// Only a member gets an answer at once.
pub(super) fn answer(model: &mut Model, id: Key, _: &[String]) -> Said {
    assert!(
        model.who(id).is_some(),
        "answered before the store was asked"
    );
    Said::error("Already identified.")
}
