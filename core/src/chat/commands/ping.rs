//! PING: the client asks whether the server answers.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    context.say(&reply::pong(args.word));
}
