//! HELLO: a client that knows more than PROTOCOL.md asks what there is.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;

pub(crate) fn run(context: &mut dyn Context, _args: Args<'_>) {
    context.say(&reply::hello(env!("CARGO_PKG_VERSION"), FEATURES));
}

/// What is there, beyond the commands of 2007.
const FEATURES: &str = "me";
