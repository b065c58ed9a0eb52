//! NICK: a member gives itself another nick, for good.
//!
//! The store decides. The gateway carries its answer out, as the change is made even if the client has left by
//! then (`gateway::renaming`). This module has the answers that the client itself gets.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::config::NickChanges;
use crate::member::Answer;
use crate::name::{self, Nick};

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    match check(context, args.word) {
        Ok(nick) => context.ask_rename(&nick),
        Err(Answered::Error(error)) => context.say(&reply::error(error)),
        // A change to the nick that the member has already.
        Err(Answered::Done(nick)) => context.say(&reply::nickchanged(nick.as_str(), nick.as_str())),
    }
}

/// The answer to a client whose command needs no question to the store.
enum Answered {
    Error(&'static str),
    Done(Nick),
}

fn check(context: &dyn Context, word: &str) -> Result<Nick, Answered> {
    let Some(member) = context.member() else {
        return Err(Answered::Error(reply::NOT_IDENTIFIED));
    };
    let config = context.config();
    if config.nick_changes == NickChanges::Off {
        return Err(Answered::Error(reply::NICKS_FIXED));
    }
    let nick = Nick::chosen(word).map_err(|_| Answered::Error(reply::NICK_NOT_ALLOWED))?;
    if nick.as_str() == member.nick() {
        return Err(Answered::Done(nick));
    }
    if !context.may_rename() {
        return Err(Answered::Error(reply::TRY_LATER));
    }
    // Another letter case of the own nick is no disguise.
    let is_own = nick.key() == name::fold(member.nick());
    if !is_own && config.reserved_nicks.has(nick.as_str()) {
        return Err(Answered::Error(reply::NICK_TAKEN));
    }
    Ok(nick)
}

/// The store has answered. If the member has another nick, all have been notified, the client included.
pub(crate) fn answered(context: &mut dyn Context, answer: &Answer) {
    match answer {
        Answer::Renamed(_) => {}
        Answer::Taken => context.say(&reply::error(reply::NICK_TAKEN)),
        Answer::Member(_)
        | Answer::Claimed
        | Answer::PasswordChanged
        | Answer::PasswordNotAllowed
        | Answer::Denied(..)
        | Answer::Unavailable(_) => {
            context.say(&reply::error(reply::TRY_LATER));
        }
    }
}
