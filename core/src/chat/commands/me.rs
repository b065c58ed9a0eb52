//! ME: a message that says what its sender does. The rules are those of MSG.

use alloc::format;

use super::{inside, msg};
use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::chunk::Level;

pub(crate) fn run(context: &mut dyn Context, args: Args<'_>) {
    if inside::is_room(args.word) {
        return msg::send_to_room(context, args, reply::room_action);
    }
    msg::send(context, args, |now, sender, recipient| {
        let (from, to) = (sender.nick(), recipient.nick());
        let action = reply::action(from, now, args.text, to);
        // A client of level 1 knows no actions.
        let plain = || reply::msg(from, now, &format!("*{}*", args.text), to);
        (action, (recipient.level == Level::One).then(plain))
    });
}
