//! HELLO: a client that knows more than the commands of 2007 asks what the server can do.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;

pub(crate) fn run(context: &mut dyn Context, _args: Args<'_>) {
    context.say(&reply::hello(env!("CARGO_PKG_VERSION"), FEATURES));
}

/// What the server can do beyond the commands of 2007, in words with a space between.
const FEATURES: &str = "me";
