//! The member store of the simulation. It may be slow, fail, or never answer.

use std::sync::Arc;

use super::swarm;
use crate::random::Random;
use flashgate_core::{Answer, Denial, Login, Member, MemberId, Query, Ticket, Unavailable};

/// The members. A password is right if its first word is the member's secret; a real server's store has one password
/// for all.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) all: Vec<Member>,
    pub(super) active: Vec<bool>,
    secrets: Vec<String>,
    /// Nicks that members have given up, with the member; at most three of each.
    pub(super) given_up: Vec<(String, MemberId)>,
    pub(super) password: Option<&'static str>,
}

/// The store's answer, and when it comes.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) ticket: Ticket,
    pub(super) answer: Answer,
    pub(super) after: u64,
}

impl Members {
    pub(super) fn new(count: usize) -> Self {
        Self {
            all: called(&NICKS[..count.min(NICKS.len())], &NAMES),
            active: std::vec![true; count],
            secrets: std::vec![String::from(FIRST_SECRET); count],
            given_up: Vec::new(),
            password: None,
        }
    }

    /// Members that a real store can hold, all with the same password.
    pub(super) fn outside(password: &'static str) -> Self {
        Self {
            all: called(&REAL_NICKS, &REAL_NAMES),
            active: std::vec![true; REAL_NICKS.len()],
            secrets: std::vec![String::from(FIRST_SECRET); REAL_NICKS.len()],
            given_up: Vec::new(),
            password: Some(password),
        }
    }

    /// The answer is looked up now and sent later: changes in between make it outdated.
    pub(super) fn ask(
        &mut self,
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

    /// Gives a member another nick, whatever others have.
    pub(super) fn rename(&mut self, member: MemberId, nick: &str) -> Member {
        let found = self.all.iter_mut().find(|m| m.id == member);
        let found = found.expect("a member");
        let old = std::mem::replace(&mut found.nick, Arc::from(nick));
        let renamed = found.clone();
        self.given_up
            .retain(|(given_up, _)| !is_same(given_up, nick));
        if !is_same(&old, nick) {
            self.given_up.push((String::from(&*old), member));
        }
        let of_member = |(_, by): &(String, MemberId)| *by == member;
        if self.given_up.iter().filter(|one| of_member(one)).count() > 3 {
            let oldest = self.given_up.iter().position(of_member);
            self.given_up.remove(oldest.expect("there are four"));
        }
        renamed
    }

    fn wants(&mut self, member: MemberId, nick: &str) -> Answer {
        let mut others = self.all.iter().filter(|m| m.id != member);
        let mut given_up = self.given_up.iter().filter(|(_, by)| *by != member);
        if others.any(|m| is_same(&m.nick, nick)) || given_up.any(|(old, _)| is_same(old, nick)) {
            return Answer::Taken;
        }
        Answer::Renamed(self.rename(member, nick))
    }

    /// The secret of the member with this nick; the first of all members, if there is none.
    pub(super) fn secret_of(&self, nick: &str) -> &str {
        let mut all = self.all.iter().zip(&self.secrets);
        let found = all.find(|(member, _)| &*member.nick == nick);
        found.map_or(FIRST_SECRET, |(_, secret)| secret)
    }

    /// A member wants another password, whose first word becomes the secret.
    fn changes(&mut self, id: MemberId, old: &str, new: &str) -> Answer {
        let place = self.all.iter().position(|member| member.id == id);
        let place = place.expect("a member");
        if !self.active[place] {
            return Answer::Denied(Denial::Inactive, Some(id));
        }
        if first_word(old) != self.secrets[place] {
            return Answer::Denied(Denial::WrongPassword, Some(id));
        }
        if new.len() >= TOO_LONG || new.contains(['\r', '\n']) {
            return Answer::PasswordNotAllowed;
        }
        self.secrets[place] = String::from(first_word(new));
        Answer::PasswordChanged
    }

    fn verdict(&mut self, query: &Query) -> Answer {
        let (login, password) = match query {
            Query::Identify {
                login, password, ..
            } => (login, password),
            Query::Claim(_) => return Answer::Claimed,
            Query::Rename { member, nick, .. } => return self.wants(*member, nick),
            Query::ChangePassword {
                member, old, new, ..
            } => return self.changes(*member, old.expose(), new.expose()),
            Query::Admin(_) => return Answer::Unavailable(Unavailable::Failed),
        };
        let found = self
            .all
            .iter()
            .zip(self.active.iter().zip(&self.secrets))
            .find(|(member, _)| match login {
                Login::Id(id) => member.id == *id,
                Login::Nick(nick) => member.nick == *nick,
            });
        match found {
            Some((member, (true, secret))) if first_word(password.expose()) == secret => {
                Answer::Member(member.clone())
            }
            Some((member, (true, _))) => Answer::Denied(Denial::WrongPassword, Some(member.id)),
            Some((member, (false, _))) => Answer::Denied(Denial::Inactive, Some(member.id)),
            None => Answer::Denied(Denial::Unknown, None),
        }
    }
}

fn first_word(text: &str) -> &str {
    text.split([' ', '\t']).next().unwrap_or_default()
}

/// The secret of each member at first.
pub(super) const FIRST_SECRET: &str = "right";

/// The length of a password that is too long, in bytes.
pub(super) const TOO_LONG: usize = 1025;

/// Whether two nicks differ in letter case alone.
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn called(nicks: &[&str], names: &[&str]) -> Vec<Member> {
    let member = |(n, nick): (usize, &&str)| Member {
        id: MemberId(n as i64 + 1),
        nick: Arc::from(*nick),
        name: Arc::from(&*format!("{} {n}", names[n % names.len()])),
    };
    nicks.iter().enumerate().map(member).collect()
}

/// A member's number is its index in this table, plus one. There may be twelve at most.
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

/// More than visitors come at once, so that a visitor that logs in finds a member that is not online.
const REAL_NICKS: [&str; 20] = [
    "alice", "bob", "c<&>\"'", "dóra", "🦀", "x", "QUIT", "7x7", "erin", "frank", "grace", "heidi",
    "ivan", "judy", "karl", "lena", "mallory", "nina", "oscar", "peggy",
];

const REAL_NAMES: [&str; 3] = ["Alice", "A & \"B\"", "Zoë <z>"];
