//! MSG: a private message. The sender gets it, too, as its receipt.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    let Some(sender) = context.member() else {
        return context.say(&reply::error(reply::NOT_IDENTIFIED));
    };
    let Some(recipient) = context.hub().by_nick(args.word) else {
        return context.say(&reply::error(reply::NOT_ONLINE));
    };
    let to = recipient.conn;
    let message = reply::msg(sender.nick(), context.now(), args.text, recipient.nick());
    context.counters().messages += 1;
    context.say(&message);
    if to != context.conn() {
        context.tell(to, &message);
    }
}
