//! WHO: the state of a room.

use super::inside::{self, Fault};
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::chunk::Chunk;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    match who(context, args) {
        Ok(state) => context.say_encoded(state),
        Err(text) => context.say(&reply::error(text)),
    }
}

fn who(context: &mut dyn Context, args: Args<'_>) -> Result<Chunk, Fault> {
    let member = inside::member(context)?;
    let room = inside::seen(context, member, &inside::room_name(args.word)?)?;
    let id = room.id;
    if room.key.is_some() && !context.hub().rooms.is_in(member, id) {
        return Err(reply::NOT_IN_ROOM);
    }
    let form = context.form();
    let state = context.hub_mut().room_state(id, form);
    state.ok_or(reply::NO_SUCH_ROOM)
}
