//! TOPIC: an owner says what a room is about.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let (room, mut text) = (writer.room_inside(), writer.text());
    if writer.random.percent(30) {
        text.clear();
    } else if writer.random.percent(30) {
        text.extend(std::iter::repeat_n('ő', 200));
    }
    let word = writer.random.pick(&["TOPIC", "topic", "/Topic "]);
    let command = format!("{word} {room} {text}");
    (Ask::command("TOPIC", [&room, &text]), command)
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let [room, text] = arguments else {
        panic!("a room and a text: {arguments:?}");
    };
    let set = model.set_topic(id, room, text);
    super::or_error(model, set)
}
