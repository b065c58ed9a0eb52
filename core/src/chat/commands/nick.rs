//! NICK: a member gives itself another nick, for good; a guest until it leaves.
//!
//! For a member the store decides. The gateway carries its answer out, as the change is made even if the client has
//! left by then (`gateway::renaming`). This module has the answers that the client itself gets. A guest has its new
//! nick at once.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::config::NickChanges;
use crate::member::Answer;
use crate::name::{self, GuestNick, Nick};
use crate::web::counters::Limit;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    match check(context, args.word) {
        Ok(Wanted::Member(nick)) => context.ask_rename(&nick),
        Ok(Wanted::Guest(nick)) => context.rename_guest(&nick),
        Err(Answered::Error(error)) => context.say(&reply::error(error)),
        // A change to the nick that the client has already.
        Err(Answered::Done(nick)) => context.say(&reply::nickchanged(nick.as_str(), nick.as_str())),
    }
}

/// A nick that keeps the rules.
enum Wanted {
    Member(Nick),
    Guest(GuestNick),
}

impl Wanted {
    fn as_str(&self) -> &str {
        match self {
            Self::Member(nick) => nick.as_str(),
            Self::Guest(nick) => nick.as_str(),
        }
    }
}

/// The answer to a client whose command changes nothing.
enum Answered {
    Error(&'static str),
    Done(Wanted),
}

fn check(context: &mut dyn Context, word: &str) -> Result<Wanted, Answered> {
    let Some(member) = context.member() else {
        return Err(Answered::Error(reply::NOT_IDENTIFIED));
    };
    let config = context.config();
    if config.nick_changes == NickChanges::Off {
        return Err(Answered::Error(reply::NICKS_FIXED));
    }
    let nick = match member.member() {
        Some(_) => Nick::chosen(word).map(Wanted::Member),
        None => GuestNick::chosen(word).map(Wanted::Guest),
    };
    let nick = nick.map_err(|_| Answered::Error(reply::NICK_NOT_ALLOWED))?;
    if nick.as_str() == member.nick() {
        return Err(Answered::Done(nick));
    }
    if !context.may_rename() {
        context.counters().hit(Limit::NickWait);
        return Err(Answered::Error(reply::TRY_LATER));
    }
    // Another letter case of the own nick is no disguise.
    let is_own = name::fold(nick.as_str()) == name::fold(member.nick());
    let is_guests = matches!(&nick, Wanted::Guest(nick) if context.hub().guests().has(nick));
    if !is_own && (is_guests || config.reserved_nicks.has(nick.as_str())) {
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
        | Answer::Admin(_)
        | Answer::Denied(..)
        | Answer::Unavailable(_) => {
            context.say(&reply::error(reply::TRY_LATER));
        }
    }
}
