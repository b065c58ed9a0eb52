//! PART: leaves a room.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let room = writer.room_inside();
    let word = writer.random.pick(&["PART", "part", "/Part "]);
    (Ask::command("PART", [&room]), format!("{word} {room} now"))
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let parted = model.part(id, &arguments[0]);
    super::or_error(model, parted)
}
