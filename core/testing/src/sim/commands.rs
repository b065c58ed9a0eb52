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
use super::reader::Said;

/// All commands. A new row changes what every seed plays.
pub(super) static COMMANDS: [Command; 7] = [
    Command {
        word: "IDENTIFY",
        share: 5,
        write: identify::write,
        answer: identify::answer,
    },
    Command {
        word: "MSG",
        share: 7,
        write: msg::write,
        answer: msg::answer,
    },
    Command {
        word: "LIST",
        share: 2,
        write: list::write,
        answer: list::answer,
    },
    Command {
        word: "PING",
        share: 3,
        write: ping::write,
        answer: ping::answer,
    },
    Command {
        word: "QUIT",
        share: 1,
        write: quit::write,
        answer: quit::answer,
    },
    Command {
        word: "HELLO",
        share: 1,
        write: hello::write,
        answer: hello::answer,
    },
    Command {
        word: "ME",
        share: 3,
        write: me::write,
        answer: me::answer,
    },
];

/// A row of the table.
pub(super) struct Command {
    word: &'static str,
    /// How often clients send it, relative to the shares of the others.
    pub(super) share: u64,
    /// Makes up a command: its meaning and its text.
    pub(super) write: fn(&mut Writer<'_>) -> (Ask, String),
    /// The answer to a command that is carried out now. It tells the model what else must follow.
    answer: fn(&mut Model, Key, &[String]) -> Said,
}

/// The sum of all shares.
pub(super) fn shares() -> u64 {
    COMMANDS.iter().map(|command| command.share).sum()
}

/// The answer to the command of this word.
pub(super) fn answer(model: &mut Model, id: Key, word: &str, arguments: &[String]) -> Said {
    let mut rows = COMMANDS.iter();
    let row = rows.find(|row| row.word == word);
    (row.expect("a command of the table").answer)(model, id, arguments)
}
