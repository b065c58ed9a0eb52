//! MSG: a message to a member or to a room. The sender gets it, too, as its receipt.

use super::inside;
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::event::Event;
use crate::chat::hub::OnlineMember;
use crate::chat::reply;
use crate::chunk::{Audience, Message};
use crate::time::Now;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    if inside::is_room(args.word) {
        return send_to_room(context, args, reply::room_msg);
    }
    send(context, args, |now, sender, recipient| {
        let message = reply::msg(sender.nick(), now, args.text, recipient.nick());
        (message, None)
    });
}

/// Sends what `write` makes for a room, a sender, the time and a text.
pub(super) fn send_to_room(
    context: &mut dyn Context,
    args: Args<'_>,
    write: fn(&str, &str, Now, &str) -> Message,
) {
    match inside::room(context, args.word) {
        Ok((sender, room)) => {
            let message = write(&room.name, sender.nick(), context.now(), args.text);
            let audience = Audience::Room(room.id);
            context.counters().messages += 1;
            context.announce(audience, &message);
            show(context, args);
        }
        Err(text) => context.say(&reply::error(text)),
    }
}

/// Sends what `write` makes for a sender and a recipient: the message, and what the recipient gets in its place, if
/// that is another one.
pub(super) fn send(
    context: &mut dyn Context,
    args: Args<'_>,
    write: impl FnOnce(Now, &OnlineMember, &OnlineMember) -> (Message, Option<Message>),
) {
    let Some(sender) = context.member() else {
        return context.say(&reply::error(reply::NOT_IDENTIFIED));
    };
    let Some(recipient) = context.hub().by_nick(args.word) else {
        return context.say(&reply::error(reply::NOT_ONLINE));
    };
    let to = recipient.conn;
    let (message, instead) = write(context.now(), sender, recipient);
    context.counters().messages += 1;
    context.say(&message);
    if to != context.conn() {
        context.tell(to, instead.as_ref().unwrap_or(&message));
    }
    show(context, args);
}

/// Shows the message in the streams of events.
fn show(context: &mut dyn Context, args: Args<'_>) {
    let Args { word: to, text } = args;
    if let Some(from) = context.slot() {
        context.happened(Event::Message { from, to, text });
    }
}
