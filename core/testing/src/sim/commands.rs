//! The commands, as the simulation knows them: how a client writes one, and the answer that it must get.
//!
//! CONTRIBUTING.md lists what a new command needs.

mod hello;
mod identify;
mod list;
mod me;
mod msg;
mod ping;
mod quit;

use super::ask::{Ask, Writer};
use super::key::Key;
use super::model::Model;
use super::reader::{Level, Said};
use crate::random::Random;

/// All commands. A new row changes what every seed plays.
pub(super) static COMMANDS: [Command; 7] = [
    Command {
        word: "IDENTIFY",
        level_two: false,
        share: 5,
        write: identify::write,
        answer: identify::answer,
    },
    Command {
        word: "MSG",
        level_two: false,
        share: 7,
        write: msg::write,
        answer: msg::answer,
    },
    Command {
        word: "LIST",
        level_two: false,
        share: 2,
        write: list::write,
        answer: list::answer,
    },
    Command {
        word: "PING",
        level_two: false,
        share: 3,
        write: ping::write,
        answer: ping::answer,
    },
    Command {
        word: "QUIT",
        level_two: false,
        share: 1,
        write: quit::write,
        answer: quit::answer,
    },
    Command {
        word: "HELLO",
        level_two: true,
        share: 1,
        write: hello::write,
        answer: hello::answer,
    },
    Command {
        word: "ME",
        level_two: true,
        share: 3,
        write: me::write,
        answer: me::answer,
    },
];

/// A row of the table.
pub(super) struct Command {
    word: &'static str,
    /// Whether it raises the level of the connection, even where it leads to an error.
    level_two: bool,
    /// How often clients send it, relative to the shares of the others.
    pub(super) share: u64,
    /// Makes up a command: its meaning and its text.
    pub(super) write: fn(&mut Writer<'_>) -> (Ask, String),
    /// The answer to a command that is carried out now. It tells the model what else must follow.
    answer: fn(&mut Model, Key, &[String]) -> Said,
}

/// A command that a client of this level may send; sometimes none, as if that were another row with this share.
pub(super) fn any(random: &mut Random, level: Level, none: u64) -> Option<&'static Command> {
    let rows = || {
        let known = |row: &&Command| level == Level::Two || !row.level_two;
        COMMANDS.iter().filter(known)
    };
    let shares: u64 = rows().map(|row| row.share).sum();
    let mut which = random.below(shares + none);
    rows().find(|row| {
        let is_it = which < row.share;
        which = which.saturating_sub(row.share);
        is_it
    })
}

/// The answer to the command of this word.
pub(super) fn answer(model: &mut Model, id: Key, word: &str, arguments: &[String]) -> Said {
    let row = named(word).expect("a command of the table");
    if row.level_two {
        model.raise_level(id);
    }
    (row.answer)(model, id, arguments)
}

/// A client gets this error, which may be that a command lacks an argument.
pub(super) fn wrong(model: &mut Model, id: Key, error: &str) {
    if is_newer(error) {
        model.raise_level(id);
    }
}

/// Whether an error is the usage of a command of level 2.
pub(super) fn is_newer(error: &str) -> bool {
    let word = error
        .strip_prefix("Usage: ")
        .and_then(|usage| usage.split(' ').next());
    word.and_then(named).is_some_and(|row| row.level_two)
}

fn named(word: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|row| row.word == word)
}
