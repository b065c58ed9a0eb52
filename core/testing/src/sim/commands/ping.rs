//! PING: asks whether the server is there.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let token = format!("{}", writer.unique);
    let word = writer.random.pick(&["PING", "ping", "/Ping  "]);
    let text = format!("{word} {token} x");
    (Ask::command("PING", [&token]), text)
}

pub(super) fn answer(_: &mut Model, _: Key, arguments: &[String]) -> Said {
    Said::xml("pong", [&arguments[0]])
}
