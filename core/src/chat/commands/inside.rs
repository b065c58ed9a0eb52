//! What the commands of rooms look for first, in the order of their errors.

use crate::chat::context::Context;
use crate::chat::hub::{OnlineMember, Slot};
use crate::chat::reply;
use crate::chat::rooms::{Room, Visitor};
use crate::id::RoomId;
use crate::name::{self, RoomName};

/// The text of an error that the client gets.
pub(super) type Fault = &'static str;

/// The member that the client is.
pub(super) fn member(context: &dyn Context) -> Result<Slot, Fault> {
    context.slot().ok_or(reply::NOT_IDENTIFIED)
}

/// The name of a room.
pub(super) fn room_name(word: &str) -> Result<RoomName, Fault> {
    RoomName::new(word).map_err(|_| reply::ROOM_NAME)
}

/// The room of a name, if the member may know that it exists.
pub(super) fn seen<'a>(
    context: &'a dyn Context,
    member: Slot,
    name: &RoomName,
) -> Result<&'a Room, Fault> {
    let rooms = &context.hub().rooms;
    let room = rooms.find(name).and_then(|id| rooms.get(id));
    let room = room.filter(|room| !room.hidden || rooms.is_in(member, room.id));
    room.ok_or(reply::NO_SUCH_ROOM)
}

/// The room that a word names, if the client's member is in it.
pub(super) fn room<'a>(
    context: &'a dyn Context,
    word: &str,
) -> Result<(&'a OnlineMember, &'a Room), Fault> {
    let member = member(context)?;
    let room = seen(context, member, &room_name(word)?)?;
    let online = context.hub().online(member);
    match online.filter(|_| context.hub().rooms.is_in(member, room.id)) {
        Some(online) => Ok((online, room)),
        None => Err(reply::NOT_IN_ROOM),
    }
}

/// A member or guest at the door of a room.
pub(super) fn visitor(context: &dyn Context, slot: Slot) -> Option<Visitor> {
    let online = context.hub().online(slot)?;
    Some(match online.member() {
        Some(member) => Visitor::Member(member),
        None => Visitor::Guest {
            nick: name::fold(online.nick()).into(),
            source: context.source_of(online.conn),
        },
    })
}

/// Sends the client the error, if there is one.
pub(super) fn fault(context: &mut dyn Context, result: Result<(), Fault>) {
    if let Err(text) = result {
        context.say(&reply::error(text));
    }
}

/// Whether a word names a room, not a member.
pub(super) fn is_room(word: &str) -> bool {
    word.starts_with('#')
}

/// Only the owner of a room may do this.
pub(super) fn owner(context: &dyn Context, room: RoomId) -> Result<Slot, Fault> {
    let member = member(context)?;
    let room = context.hub().rooms.get(room);
    match room.and_then(|room| room.owner) {
        Some(owner) if owner == member => Ok(owner),
        Some(_) | None => Err(reply::NOT_OWNER),
    }
}
