//! ROOMS: which rooms there are.

use super::inside;
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;

pub(crate) fn run(context: &mut dyn Context, _args: Args<'_>) {
    let list = match inside::member(context) {
        Ok(member) => context.hub_mut().room_list(member),
        Err(text) => reply::error(text),
    };
    context.say(&list);
}
