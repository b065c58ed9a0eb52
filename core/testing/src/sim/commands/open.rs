//! OPEN: creates a room with a key, or one that is hidden.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let (room, key) = (writer.room(), writer.key());
    let hidden = writer.random.percent(40);
    let secret = key.map(|key| format!("key={key}"));
    let mut options: Vec<&str> = secret.iter().map(|key| &**key).collect();
    options.extend(hidden.then_some("hidden"));
    if writer.random.percent(50) {
        options.reverse();
    }
    let word = writer.random.pick(&["OPEN", "open", "/Open "]);
    let text = format!("{word} {room} {}", options.join("  "));
    let hidden = if hidden { "hidden" } else { "" };
    let arguments = [&*room, hidden, key.unwrap_or("")];
    (Ask::command("OPEN", arguments), text)
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let [room, hidden, key] = arguments else {
        panic!("a room and its options: {arguments:?}");
    };
    let key = Some(&**key).filter(|key| !key.is_empty());
    let opened = model.open_room(id, room, key, hidden == "hidden");
    super::or_error(model, opened)
}
