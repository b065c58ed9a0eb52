//! IDENTIFY: a client logs in.
//!
//! The throttle and the member store come first. If the password is right, the login claims the member's
//! place: the host decides that if other gateways share its members, and it is decided at once otherwise.
//! Then the connection takes the place, or waits for an older connection that may have it.

use alloc::sync::Arc;

use crate::chat::attempt::Attempt;
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::chunk::Audience;
use crate::config::Presence;
use crate::member::{Answer, Denial, Login, Member, Secret};
use crate::time::Millis;

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
    context.attempt(Attempt::Identify(Identify {
        id: Arc::from(args.word),
        login: Login::parse(args.word),
        password: Secret::new(args.text),
    }));
}

/// The member store has answered. A failure was counted and logged before.
pub(crate) fn answered(context: &mut dyn Context, id: Arc<str>, asked: Millis, answer: Answer) {
    match answer {
        Answer::Member(member) => context.claim(id, member),
        Answer::Denied(..) => context.hold_refusal(asked),
        Answer::Unavailable(_) => context.say(&reply::error(reply::TRY_LATER)),
        Answer::Claimed
        | Answer::Renamed(_)
        | Answer::Taken
        | Answer::PasswordChanged
        | Answer::PasswordNotAllowed
        | Answer::Admin(_) => {}
    }
}

/// The host has decided about a claim.
pub(crate) fn claimed(
    context: &mut dyn Context,
    id: Arc<str>,
    member: Member,
    asked: Millis,
    answer: Answer,
) {
    match answer {
        Answer::Claimed => context.take_place(id, member),
        Answer::Denied(Denial::AlreadyOnline, _) => context.refuse_claim(id),
        Answer::Denied(..) => {
            context.log_failure(&id, &answer);
            context.hold_refusal(asked);
        }
        Answer::Unavailable(_) => {
            context.log_failure(&id, &answer);
            context.say(&reply::error(reply::TRY_LATER));
        }
        Answer::Member(_)
        | Answer::Renamed(_)
        | Answer::Taken
        | Answer::PasswordChanged
        | Answer::PasswordNotAllowed
        | Answer::Admin(_) => {}
    }
}

/// The client has become a member or guest that was not online before.
pub(crate) fn welcome(context: &mut dyn Context, nick: &str, name: &str) {
    let login = reply::login(nick, name);
    match context.config().presence {
        Presence::All => context.announce(Audience::Everyone, &login),
        Presence::Off => context.say(&login),
    }
    context.say(&reply::identify(nick, name));
}
