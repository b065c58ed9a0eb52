//! PART: a member leaves a room.

use alloc::vec::Vec;

use super::inside::{self, Fault};
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::event::Event;
use crate::chat::hub::{OnlineMember, Slot};
use crate::chat::reply;
use crate::chat::rooms::Left;
use crate::chunk::Audience;
use crate::id::RoomId;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let result = part(context, args);
    inside::fault(context, result);
}

fn part(context: &mut dyn Context, args: Args<'_>) -> Result<(), Fault> {
    let member = inside::member(context)?;
    let (online, room) = inside::room(context, args.word)?;
    let (part, id) = (reply::part(&room.name, online.nick()), room.id);
    context.announce(Audience::Room(id), &part);
    context.happened(Event::Left(id, member));
    leave(context, member, id);
    Ok(())
}

/// A member who leaves the server leaves all its rooms, in the order of joining. The others are notified.
pub(crate) fn leave_all(context: &mut dyn Context, member: Slot) {
    let rooms: Vec<RoomId> = context.hub().rooms.of(member).collect();
    for id in rooms {
        let hub = context.hub();
        let room = hub.rooms.get(id).map(|room| &room.name);
        let nick = hub.online(member).map_or("", OnlineMember::nick);
        let Some(part) = room.map(|name| reply::part(name, nick)) else {
            continue;
        };
        context.happened(Event::Left(id, member));
        let left = context.hub_mut().leave_room(member, id);
        context.announce(Audience::Room(id), &part);
        hand_over(context, id, left);
    }
}

/// Takes a member out of a room whose members know that already.
pub(super) fn leave(context: &mut dyn Context, member: Slot, id: RoomId) {
    let left = context.hub_mut().leave_room(member, id);
    hand_over(context, id, left);
}

/// Notifies a room of its new owner, if it has one.
fn hand_over(context: &mut dyn Context, id: RoomId, left: Option<Left>) {
    let Some(Left::HandedTo(owner)) = left else {
        return;
    };
    context.happened(Event::Owner(id, owner));
    let hub = context.hub();
    if let (Some(room), Some(owner)) = (hub.rooms.get(id), hub.online(owner)) {
        let owner = reply::owner(&room.name, owner.nick());
        context.announce(Audience::Room(id), &owner);
    }
}
