//! ME: a private message that says what its sender does.

use alloc::format;

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::chunk::Level;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let Some(sender) = context.member() else {
        return context.say(&reply::error(reply::NOT_IDENTIFIED));
    };
    let Some(recipient) = context.hub().by_nick(args.word) else {
        return context.say(&reply::error(reply::NOT_ONLINE));
    };
    let (to, level, now) = (recipient.conn, recipient.level, context.now());
    let (sender, recipient) = (sender.nick(), recipient.nick());
    let action = reply::action(sender, now, args.text, recipient);
    // A client of level 1 knows no actions.
    let plain = (level == Level::One)
        .then(|| reply::msg(sender, now, &format!("*{}*", args.text), recipient));
    context.counters().messages += 1;
    context.say(&action);
    if to != context.conn() {
        context.tell(to, plain.as_ref().unwrap_or(&action));
    }
}
