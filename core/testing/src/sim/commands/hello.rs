//! HELLO: asks what the server can do.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;
use flashgate_core::NickChanges;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let text = *writer.random.pick(&["HELLO", "hello", "/Hello world"]);
    (Ask::command("HELLO", []), String::from(text))
}

pub(super) fn answer(model: &mut Model, _: Key, _: &[String]) -> Said {
    let features = match model.config.nick_changes {
        NickChanges::On => "nick me",
        NickChanges::Off => "me",
    };
    Said::xml("hello", ["flashgate", env!("CARGO_PKG_VERSION"), features])
}
