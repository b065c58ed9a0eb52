//! The member store of the simulation: right, wrong, slow, failing, or silent for ever.

use alloc::sync::Arc;
use std::format;
use std::vec::Vec;

use super::swarm;
use crate::event::Ticket;
use crate::member::{Answer, Login, Member, MemberId, Query, Unavailable};
use crate::testing::random::Random;

/// Everybody who may log in. A password that begins with `right` is.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) all: Vec<Member>,
    pub(super) active: Vec<bool>,
}

/// What a store says, and when.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) ticket: Ticket,
    pub(super) answer: Answer,
    pub(super) after: u64,
}

impl Members {
    pub(super) fn new(count: usize) -> Self {
        let member = |n: usize| Member {
            id: MemberId(n as i64 + 1),
            nick: Arc::from(NICKS[n % NICKS.len()]),
            name: Arc::from(&*format!("{} {n}", NAMES[n % NAMES.len()])),
        };
        Self {
            all: (0..count).map(member).collect(),
            active: std::vec![true; count],
        }
    }

    /// The answer is found when it is asked for, and given when it is given: what changes meanwhile
    /// makes it old.
    pub(super) fn ask(
        &self,
        ticket: Ticket,
        query: &Query,
        random: &mut Random,
        store: &swarm::Store,
    ) -> Option<Reply> {
        if random.percent(store.lost) {
            return None;
        }
        let after = if random.percent(store.slow) {
            random.below(store.slowest + 1)
        } else {
            0
        };
        let answer = if random.percent(store.failing) {
            Answer::Unavailable(*random.pick(&[Unavailable::Failed, Unavailable::Busy]))
        } else {
            self.verdict(query)
        };
        Some(Reply {
            ticket,
            answer,
            after,
        })
    }

    fn verdict(&self, query: &Query) -> Answer {
        let Query::Identify { login, password } = query;
        let found = self
            .all
            .iter()
            .zip(&self.active)
            .find(|(member, _)| match login {
                Login::Id(id) => member.id == *id,
                Login::Nick(nick) => member.nick == *nick,
            });
        match found {
            Some((member, true)) if password.expose().starts_with("right") => {
                Answer::Member(member.clone())
            }
            Some(_) | None => Answer::Denied,
        }
    }
}

/// Twelve at most: a member's number is a place in this table, and one.
const NICKS: [&str; 12] = [
    "alice",
    "bob",
    "Bob",
    "c<&>\"'",
    "dóra",
    "e\u{fffe}e",
    "nick",
    "07",
    "🦀",
    "x",
    "QUIT",
    "long-nick-of-some-length",
];

const NAMES: [&str; 4] = ["Alice", "A & \"B\"", "tab\there", "Zoë\r"];
