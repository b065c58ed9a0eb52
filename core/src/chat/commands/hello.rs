//! HELLO: a client that knows more than the commands of 2007 asks what the server can do.

use alloc::vec::Vec;

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::config::{Config, Guests, NickChanges, RoomCreation};

pub(crate) fn run(context: &mut dyn Context, _args: Args<'_>) {
    let config = context.config();
    let is_on = FEATURES.iter().filter(|(_, is_on)| is_on(config));
    let words: Vec<&str> = is_on.map(|(word, _)| *word).collect();
    context.say(&reply::hello(env!("CARGO_PKG_VERSION"), &words.join(" ")));
}

/// A word for what the server can do beyond the commands of 2007, and whether it is switched on.
type Feature = (&'static str, fn(&Config) -> bool);

/// All such words, in the order in which clients get them.
static FEATURES: &[Feature] = &[
    ("nick", |config| config.nick_changes == NickChanges::On),
    ("me", |_| true),
    ("rooms", has_rooms),
    ("guests", |config| config.guests == Guests::On),
];

fn has_rooms(config: &Config) -> bool {
    config.rooms == RoomCreation::All || !config.permanent_rooms.is_empty()
}
