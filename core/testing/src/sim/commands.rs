//! The commands, as the simulation knows them: how a client writes one, and the answer that it must get.
//!
//! CONTRIBUTING.md lists what a new command needs.

mod guest;
mod hello;
mod identify;
mod join;
mod kick;
mod list;
mod me;
mod msg;
pub(super) mod nick;
mod open;
mod part;
mod passwd;
mod ping;
mod quit;
mod rooms;
mod topic;
mod who;

use super::ask::{Ask, Writer};
use super::key::Key;
use super::model::Model;
use super::reader::{Level, Said};
use crate::random::Random;

/// The commands that clients send in every run. A new row changes what every seed plays.
pub(super) static COMMANDS: [Command; 8] = [
    Command {
        word: "IDENTIFY",
        level_two: false,
        price: 1,
        share: 5,
        write: identify::write,
        answer: identify::answer,
    },
    Command {
        word: "MSG",
        level_two: false,
        price: 1,
        share: 7,
        write: msg::write,
        answer: msg::answer,
    },
    Command {
        word: "LIST",
        level_two: false,
        price: 1,
        share: 2,
        write: list::write,
        answer: list::answer,
    },
    Command {
        word: "PING",
        level_two: false,
        price: 1,
        share: 3,
        write: ping::write,
        answer: ping::answer,
    },
    Command {
        word: "QUIT",
        level_two: false,
        price: 1,
        share: 1,
        write: quit::write,
        answer: quit::answer,
    },
    Command {
        word: "HELLO",
        level_two: true,
        price: 1,
        share: 1,
        write: hello::write,
        answer: hello::answer,
    },
    Command {
        word: "ME",
        level_two: true,
        price: 1,
        share: 3,
        write: me::write,
        answer: me::answer,
    },
    Command {
        word: "NICK",
        level_two: true,
        price: 1,
        share: 3,
        write: nick::write,
        answer: nick::answer,
    },
];

/// The commands that need a run of their own, as they leave less for the others.
static OF_ACCOUNTS: [Command; 2] = [
    Command {
        word: "GUEST",
        level_two: true,
        price: 20,
        share: 4,
        write: guest::write,
        answer: guest::answer,
    },
    Command {
        word: "PASSWD",
        level_two: true,
        price: 1,
        share: 3,
        write: passwd::write,
        answer: passwd::answer,
    },
];

/// The commands of rooms. How often clients send one of them depends on the run.
static OF_ROOMS: [Command; 7] = [
    Command {
        word: "JOIN",
        level_two: true,
        price: 5,
        share: 9,
        write: join::write,
        answer: join::answer,
    },
    Command {
        word: "PART",
        level_two: true,
        price: 5,
        share: 3,
        write: part::write,
        answer: part::answer,
    },
    Command {
        word: "TOPIC",
        level_two: true,
        price: 5,
        share: 2,
        write: topic::write,
        answer: topic::answer,
    },
    Command {
        word: "KICK",
        level_two: true,
        price: 1,
        share: 5,
        write: kick::write,
        answer: kick::answer,
    },
    Command {
        word: "WHO",
        level_two: true,
        price: 5,
        share: 1,
        write: who::write,
        answer: who::answer,
    },
    Command {
        word: "ROOMS",
        level_two: true,
        price: 5,
        share: 1,
        write: rooms::write,
        answer: rooms::answer,
    },
    Command {
        word: "OPEN",
        level_two: true,
        price: 5,
        share: 3,
        write: open::write,
        answer: open::answer,
    },
];

/// A row of a table.
pub(super) struct Command {
    word: &'static str,
    /// Whether it raises the level of the connection, even where it leads to an error.
    level_two: bool,
    /// How many commands it counts as for the rate, even where it leads to an error.
    price: u64,
    /// How often clients send it, relative to the shares of the others.
    pub(super) share: u64,
    /// Makes up a command: its meaning and its text.
    pub(super) write: fn(&mut Writer<'_>) -> (Ask, String),
    /// The answer to a command that is carried out now. It tells the model what else must follow.
    answer: fn(&mut Model, Key, &[String]) -> Said,
}

/// A command that a client of this level may send; sometimes none, as if that were another row with this share.
/// `accounts`: whether this run has guests and changes of passwords.
pub(super) fn any(
    random: &mut Random,
    level: Level,
    none: u64,
    accounts: bool,
) -> Option<&'static Command> {
    let known = |row: &&Command| level == Level::Two || !row.level_two;
    let more = OF_ACCOUNTS.iter().filter(|_| accounts);
    let rows: Vec<&Command> = COMMANDS.iter().chain(more).filter(known).collect();
    by_share(random, &rows, none)
}

/// A command of rooms.
pub(super) fn any_of_rooms(random: &mut Random) -> Option<&'static Command> {
    let rows: Vec<&Command> = OF_ROOMS.iter().collect();
    by_share(random, &rows, 0)
}

fn by_share(random: &mut Random, rows: &[&'static Command], none: u64) -> Option<&'static Command> {
    let shares: u64 = rows.iter().map(|row| row.share).sum();
    let mut which = random.below(shares + none);
    let mut rows = rows.iter();
    let row = rows.find(|row| {
        let is_it = which < row.share;
        which = which.saturating_sub(row.share);
        is_it
    });
    row.copied()
}

/// The answer, or the error instead of it.
fn or_error(model: &mut Model, answer: Result<Said, &'static str>) -> Said {
    answer.unwrap_or_else(|error| {
        model.count(error);
        Said::error(error)
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
    of_usage(error).is_some_and(|row| row.level_two)
}

/// How many commands the one of this word counts as for the rate.
pub(super) fn price(word: &str) -> u64 {
    named(word).expect("a command of the table").price
}

/// The price of a command that every client gets this error for.
pub(super) fn price_of_wrong(error: &str) -> u64 {
    of_usage(error).map_or(1, |row| row.price)
}

/// The command whose usage an error is.
fn of_usage(error: &str) -> Option<&'static Command> {
    let usage = error.strip_prefix("Usage: ")?;
    named(usage.split(' ').next()?)
}

fn named(word: &str) -> Option<&'static Command> {
    let mut rows = COMMANDS.iter().chain(&OF_ACCOUNTS).chain(&OF_ROOMS);
    rows.find(|row| row.word == word)
}
