//! PASSWD: a member chooses another password.
//!
//! The old password is checked like that of an IDENTIFY: the throttle comes first, and a wrong one is a failed login.

use crate::chat::attempt::Attempt;
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::config::PasswordChanges;
use crate::member::{Answer, MemberId, Secret};
use crate::time::Millis;

/// A password that a member wants to change.
#[derive(Debug)]
pub(crate) struct Passwd {
    pub(crate) member: MemberId,
    pub(crate) old: Secret,
    pub(crate) new: Secret,
}

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let Some(online) = context.member() else {
        return context.say(&reply::error(reply::NOT_IDENTIFIED));
    };
    let Some(member) = online.member() else {
        return context.say(&reply::error(reply::MAY_NOT));
    };
    if context.config().password_changes == PasswordChanges::Off {
        return context.say(&reply::error(reply::PASSWORDS_FIXED));
    }
    context.attempt(Attempt::Passwd(Passwd {
        member,
        old: Secret::new(args.word),
        new: Secret::new(args.text),
    }));
}

/// The member store has answered. A wrong password was counted and logged before.
pub(crate) fn answered(context: &mut dyn Context, asked: Millis, answer: &Answer) {
    match answer {
        Answer::PasswordChanged => context.say(&reply::done("PASSWD", "")),
        Answer::PasswordNotAllowed => {
            context.say(&reply::error(reply::PASSWORD_NOT_ALLOWED));
        }
        Answer::Denied(..) => context.hold_refusal(asked),
        Answer::Unavailable(_) => context.say(&reply::error(reply::TRY_LATER)),
        Answer::Member(_)
        | Answer::Claimed
        | Answer::Renamed(_)
        | Answer::Taken
        | Answer::Admin(_) => {}
    }
}
