//! KICK: an owner puts a member out of a room.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let ((room, nick), mut reason) = (writer.room_and_member(), writer.text());
    if writer.random.percent(50) {
        reason.clear();
    }
    // Without `#` it is no room.
    let room = match writer.random.percent(3) {
        true => String::from("lobby"),
        false => room,
    };
    let word = writer.random.pick(&["KICK", "/kick"]);
    let command = format!("{word} {room} {nick}  {reason}");
    (Ask::command("KICK", [&room, &nick, &reason]), command)
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let [room, nick, reason] = arguments else {
        panic!("a room, a nick and a reason: {arguments:?}");
    };
    let kicked = model.kick_from_room(id, room, nick, reason);
    super::or_error(model, kicked)
}
