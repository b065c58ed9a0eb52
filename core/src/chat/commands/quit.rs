//! QUIT: the client asks the server to end the chat.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::note::CloseReason;

pub(crate) fn run(context: &mut dyn Context, _args: Args<'_>) {
    context.end(CloseReason::Quit);
}
