//! GUEST: a client comes online without an account.
//!
//! No member store is asked and nothing is stored, so the answer comes at once.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::config::Guests;
use crate::name::GuestNick;
use crate::web::counters::Limit;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    if context.member().is_some() {
        return context.say(&reply::error(reply::ALREADY_IDENTIFIED));
    }
    if context.config().guests == Guests::Off {
        return context.say(&reply::error(reply::NO_GUESTS));
    }
    if !context.may_add_guest() {
        context.counters().hit(Limit::GuestsFrom);
        return context.say(&reply::error(reply::NO_GUESTS));
    }
    match nick(context, args.word) {
        Ok(nick) => context.be_guest(&nick),
        Err(why) => context.say(&reply::error(why)),
    }
}

/// The nick of a guest that asks for `wanted`, or for none in particular; or the error that it gets.
fn nick(context: &dyn Context, wanted: &str) -> Result<GuestNick, &'static str> {
    let guests = context.hub().guests();
    let reserved = &context.config().reserved_nicks;
    if wanted.is_empty() {
        return Ok(guests.free(reserved));
    }
    let nick = GuestNick::chosen(wanted).map_err(|_| reply::NICK_NOT_ALLOWED)?;
    if guests.has(&nick) || reserved.has(nick.as_str()) {
        return Err(reply::NICK_TAKEN);
    }
    Ok(nick)
}
