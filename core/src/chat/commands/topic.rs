//! TOPIC: the owner of a room changes its topic.

use super::inside::{self, Fault};
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::event::Event;
use crate::chat::reply;
use crate::chunk::Audience;
use crate::text;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let result = topic(context, args);
    inside::fault(context, result);
}

fn topic(context: &mut dyn Context, args: Args<'_>) -> Result<(), Fault> {
    let (online, room) = inside::room(context, args.word)?;
    let id = room.id;
    let topic = text::first_chars(args.text, MAX_TOPIC);
    let message = reply::topic(&room.name, online.nick(), topic);
    let by = inside::owner(context, id)?;
    context.hub_mut().rooms.set_topic(id, topic);
    context.announce(Audience::Room(id), &message);
    let room = id;
    context.happened(Event::Topic { room, by, topic });
    Ok(())
}

/// Characters of a topic.
const MAX_TOPIC: usize = 200;
