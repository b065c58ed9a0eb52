//! KICK: the owner of a room turns a member out, who may not come back for a while.

use super::inside::{self, Fault};
use super::part;
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::event::Event;
use crate::chat::reply;
use crate::chunk::Audience;
use crate::text;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let result = kick(context, args);
    inside::fault(context, result);
}

fn kick(context: &mut dyn Context, args: Args<'_>) -> Result<(), Fault> {
    let (online, room) = inside::room(context, args.word)?;
    let id = room.id;
    let Args { word: nick, text } = args.further();
    let reason = text::first_chars(text, MAX_REASON);
    let part = reply::kicked_part(&room.name, nick, online.nick(), reason);
    let owner = inside::owner(context, id)?;
    let hub = context.hub();
    let kicked = hub.slot_by_nick(nick);
    let kicked = kicked.filter(|kicked| hub.rooms.is_in(*kicked, id));
    let kicked = kicked.ok_or(reply::NOT_ONLINE)?;
    if kicked == owner {
        return Err(reply::MAY_NOT);
    }
    context.announce(Audience::Room(id), &part);
    context.happened(Event::Removed {
        room: id,
        member: kicked,
        by: owner,
        reason,
    });
    let now = context.now().mono;
    if let Some(visitor) = inside::visitor(context, kicked) {
        context.hub_mut().rooms.kick(id, visitor, now);
    }
    part::leave(context, kicked, id);
    Ok(())
}

/// Characters of a reason.
const MAX_REASON: usize = 200;
