//! JOIN: enters a room, which the first one to enter creates.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let (room, key) = (writer.room(), writer.key());
    let word = writer.random.pick(&["JOIN", "join", "/Join "]);
    match key {
        None => (Ask::command("JOIN", [&room]), format!("{word} {room}")),
        Some(key) => {
            let text = format!("{word} {room} {key} more");
            (Ask::command("JOIN", [&room, key]), text)
        }
    }
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let key = arguments.get(1).map(|key| &**key);
    let joined = model.join(id, &arguments[0], key);
    super::or_error(model, joined)
}
