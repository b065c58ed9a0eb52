//! WHO: asks for the state of a room.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let room = writer.room_inside();
    let word = writer.random.pick(&["WHO", "/who"]);
    (Ask::command("WHO", [&room]), format!("{word} {room}  else"))
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let state = model.who_is_in(id, &arguments[0]);
    super::or_error(model, state)
}
