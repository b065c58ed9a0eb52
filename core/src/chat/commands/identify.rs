//! IDENTIFY: a client logs in.

use alloc::sync::Arc;

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::member::{Login, Secret};

/// A login that a client tries.
#[derive(Debug)]
pub(crate) struct Identify {
    /// The number or nick as the client sent it, for the log.
    pub(crate) id: Arc<str>,
    pub(crate) login: Login,
    pub(crate) password: Secret,
}

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    if context.member().is_some() {
        return context.say(&reply::error(reply::ALREADY_IDENTIFIED));
    }
    context.log_in(Identify {
        id: Arc::from(args.word),
        login: Login::parse(args.word),
        password: Secret::new(args.text),
    });
}
