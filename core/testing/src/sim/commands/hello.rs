//! HELLO: asks what the server can do.

use flashgate_core::{Guests, NickChanges, RoomCreation};

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let text = *writer.random.pick(&["HELLO", "hello", "/Hello world"]);
    (Ask::command("HELLO", []), String::from(text))
}

pub(super) fn answer(model: &mut Model, _: Key, _: &[String]) -> Said {
    let config = &model.config;
    let rooms = config.rooms == RoomCreation::All || !config.permanent_rooms.is_empty();
    let nick = config.nick_changes == NickChanges::On;
    let guests = config.guests == Guests::On;
    let words = [
        ("nick", nick),
        ("me", true),
        ("rooms", rooms),
        ("guests", guests),
    ];
    let on = words.iter().filter(|(_, is_on)| *is_on);
    let on: Vec<&str> = on.map(|(word, _)| *word).collect();
    Said::xml(
        "hello",
        ["flashgate", env!("CARGO_PKG_VERSION"), &on.join(" ")],
    )
}
