//! JOIN: a member joins a room. If no room has the name, the room is created.

use super::inside::{self, Fault};
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::event::Event;
use crate::chat::hub::Slot;
use crate::chat::reply;
use crate::chat::rooms::New;
use crate::chunk::Audience;
use crate::config::RoomCreation;
use crate::id::{RoomId, Source};
use crate::web::counters::Limit;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let result = join(context, args);
    inside::fault(context, result);
}

/// Whether the text behind the name of the room begins with a key or is empty.
pub(crate) fn is_good(text: &str) -> bool {
    text.is_empty() || is_key(first_word(text))
}

/// Whether a word may be the key of a room.
pub(super) fn is_key(word: &str) -> bool {
    (1..=MAX_KEY).contains(&word.chars().count())
}

fn join(context: &mut dyn Context, args: Args<'_>) -> Result<(), Fault> {
    let member = inside::member(context)?;
    let name = inside::room_name(args.word)?;
    let key = Some(first_word(args.text)).filter(|key| !key.is_empty());
    let rooms = &context.hub().rooms;
    let Some(room) = rooms.find(&name).and_then(|id| rooms.get(id)) else {
        if context.config().rooms == RoomCreation::Off {
            return Err(reply::NO_SUCH_ROOM);
        }
        let new = New {
            name,
            key,
            hidden: false,
            from: None,
        };
        return create(context, member, new);
    };
    let id = room.id;
    if rooms.is_in(member, id) {
        return Err(reply::IN_ROOM);
    }
    may_enter(context, member, id, key)?;
    let rooms = &context.hub().rooms;
    if rooms.of(member).len() >= context.config().limits.rooms_each {
        context.counters().hit(Limit::RoomsEach);
        return Err(reply::TOO_MANY_ROOMS);
    }
    enter(context, member, id);
    Ok(())
}

/// Whether the room lets the member in.
fn may_enter(
    context: &mut dyn Context,
    member: Slot,
    id: RoomId,
    key: Option<&str>,
) -> Result<(), Fault> {
    let now = context.now().mono;
    let visitor = inside::visitor(context, member).ok_or(reply::NOT_IDENTIFIED)?;
    let rooms = &context.hub().rooms;
    let Some(room) = rooms.get(id) else {
        return Err(reply::NO_SUCH_ROOM);
    };
    if room.kicks.hold(&visitor, now) {
        return Err(reply::KICKED_FROM_ROOM);
    }
    let Some(wanted) = &room.key else {
        return Ok(());
    };
    if key.is_some() && rooms.tries.are_used_up(&visitor, now) {
        return Err(reply::TRY_LATER);
    }
    if key == Some(&**wanted) {
        return Ok(());
    }
    let fault = if room.hidden {
        reply::NO_SUCH_ROOM
    } else {
        reply::WRONG_KEY
    };
    if key.is_some() {
        context.hub_mut().rooms.tries.add(&visitor, now);
    }
    Err(fault)
}

/// Creates a room for the member, who may do so, and lets it in.
pub(super) fn create(context: &mut dyn Context, member: Slot, new: New<'_>) -> Result<(), Fault> {
    let (rooms, limits) = (&context.hub().rooms, &context.config().limits);
    let from = match context.source_of(context.conn()) {
        source @ Source::Address(_) => Some(source),
        Source::Connection(_) => None,
    };
    let met = if rooms.of(member).len() >= limits.rooms_each {
        Some(Limit::RoomsEach)
    } else if rooms.len() >= limits.rooms {
        Some(Limit::Rooms)
    } else if from.is_some_and(|from| rooms.created_from(from) >= limits.rooms_per_address) {
        Some(Limit::RoomsPerAddress)
    } else {
        None
    };
    if let Some(limit) = met {
        context.counters().hit(limit);
        return Err(reply::TOO_MANY_ROOMS);
    }
    let id = context.hub_mut().rooms.create(New { from, ..new });
    enter(context, member, id);
    Ok(())
}

/// Lets the member in and notifies everyone there; then the member gets the state.
fn enter(context: &mut dyn Context, member: Slot, id: RoomId) {
    context.hub_mut().join_room(member, id);
    let hub = context.hub();
    let (Some(room), Some(online)) = (hub.rooms.get(id), hub.online(member)) else {
        debug_assert!(false, "{member:?} has just joined {id:?}");
        return;
    };
    let join = reply::join(&room.name, online.nick(), online.name());
    context.announce(Audience::Room(id), &join);
    context.happened(Event::Joined(id, member));
    let form = context.form();
    if let Some(state) = context.hub_mut().room_state(id, form) {
        context.say_encoded(state);
    }
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// Characters of a key.
const MAX_KEY: usize = 32;
