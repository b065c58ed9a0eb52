//! The table of commands. The code of each is in a file of its own.
//!
//! CONTRIBUTING.md lists what a new command needs.

pub(crate) mod guest;
pub(crate) mod hello;
pub(crate) mod identify;
mod inside;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod list;
pub(crate) mod me;
pub(crate) mod msg;
pub(crate) mod nick;
pub(crate) mod open;
pub(crate) mod part;
pub(crate) mod passwd;
pub(crate) mod ping;
pub(crate) mod quit;
pub(crate) mod rooms;
pub(crate) mod topic;
pub(crate) mod who;

use crate::chat::command::{Command, Keeps, Takes};
use crate::chunk::Level;

/// All commands. Nothing else names their words, their arguments, or what a recording keeps of them.
pub(super) static COMMANDS: [Command; 17] = [
    Command {
        word: "IDENTIFY",
        level: Level::One,
        price: 1,
        takes: Takes::WordAndText {
            usage: "Usage: IDENTIFY id password",
        },
        keeps: Keeps::FirstArgument,
        run: identify::run,
    },
    Command {
        word: "MSG",
        level: Level::One,
        price: 1,
        takes: Takes::WordAndText {
            usage: "Usage: MSG nick text",
        },
        keeps: Keeps::FirstArgument,
        run: msg::run,
    },
    Command {
        word: "LIST",
        level: Level::One,
        price: 1,
        takes: Takes::Nothing,
        keeps: Keeps::NoArgument,
        run: list::run,
    },
    Command {
        word: "PING",
        level: Level::One,
        price: 1,
        takes: Takes::Word {
            usage: "Usage: PING token",
        },
        keeps: Keeps::NoArgument,
        run: ping::run,
    },
    Command {
        word: "QUIT",
        level: Level::One,
        price: 1,
        takes: Takes::Nothing,
        keeps: Keeps::NoArgument,
        run: quit::run,
    },
    Command {
        word: "HELLO",
        level: Level::Two,
        price: 1,
        takes: Takes::Nothing,
        keeps: Keeps::NoArgument,
        run: hello::run,
    },
    Command {
        word: "ME",
        level: Level::Two,
        price: 1,
        takes: Takes::WordAndText {
            usage: "Usage: ME nick text",
        },
        keeps: Keeps::FirstArgument,
        run: me::run,
    },
    Command {
        word: "GUEST",
        level: Level::Two,
        // Each guest that comes is broadcast to everyone.
        price: 20,
        takes: Takes::MaybeWords,
        keeps: Keeps::FirstArgument,
        run: guest::run,
    },
    Command {
        word: "NICK",
        level: Level::Two,
        price: 1,
        takes: Takes::Word {
            usage: "Usage: NICK new",
        },
        keeps: Keeps::FirstArgument,
        run: nick::run,
    },
    Command {
        word: "JOIN",
        level: Level::Two,
        price: 5,
        takes: Takes::WordAndOptions {
            usage: "Usage: JOIN #room [key]",
            are_good: join::is_good,
        },
        keeps: Keeps::RoomNotKey,
        run: join::run,
    },
    Command {
        word: "PART",
        level: Level::Two,
        price: 5,
        takes: Takes::Word {
            usage: "Usage: PART #room",
        },
        keeps: Keeps::FirstArgument,
        run: part::run,
    },
    Command {
        word: "ROOMS",
        level: Level::Two,
        price: 5,
        takes: Takes::Nothing,
        keeps: Keeps::NoArgument,
        run: rooms::run,
    },
    Command {
        word: "WHO",
        level: Level::Two,
        price: 5,
        takes: Takes::Word {
            usage: "Usage: WHO #room",
        },
        keeps: Keeps::FirstArgument,
        run: who::run,
    },
    Command {
        word: "TOPIC",
        level: Level::Two,
        price: 5,
        takes: Takes::WordAndMaybeText {
            usage: "Usage: TOPIC #room [text]",
        },
        keeps: Keeps::Room,
        run: topic::run,
    },
    Command {
        word: "KICK",
        level: Level::Two,
        price: 1,
        takes: Takes::TwoWordsAndMaybeText {
            usage: "Usage: KICK #room nick [reason]",
        },
        keeps: Keeps::RoomAndMember,
        run: kick::run,
    },
    Command {
        word: "OPEN",
        level: Level::Two,
        price: 5,
        takes: Takes::WordAndOptions {
            usage: "Usage: OPEN #room [seats=N] [max=N] [key=K] [hidden]",
            are_good: open::is_good,
        },
        keeps: Keeps::RoomAndOptions,
        run: open::run,
    },
    Command {
        word: "PASSWD",
        level: Level::Two,
        price: 1,
        takes: Takes::TwoTexts {
            usage: "Usage: PASSWD old new",
        },
        keeps: Keeps::NoArgument,
        run: passwd::run,
    },
];
