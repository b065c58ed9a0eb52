//! ROOMS: asks which rooms there are.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let text = *writer.random.pick(&["ROOMS", "/rooms", "Rooms #a"]);
    (Ask::command("ROOMS", []), String::from(text))
}

pub(super) fn answer(model: &mut Model, id: Key, _: &[String]) -> Said {
    let rooms = model.list_rooms(id);
    super::or_error(model, rooms)
}
