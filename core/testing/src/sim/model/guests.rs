//! Guests: clients that are online without an account.
//!
//! To the rest of the model a guest is a member, whose number no member has.

use super::Model;
use super::renaming::{is_allowed, is_reserved};
use crate::sim::key::Key;
use flashgate_core::{Guests, Identity, Member, MemberId, Source};

impl Model {
    /// The nick that a client gets as a guest, which may want one; or the error.
    pub(in crate::sim) fn guest_nick(
        &self,
        id: Key,
        wanted: Option<&str>,
    ) -> Result<String, &'static str> {
        if self.who(id).is_some() {
            return Err("Already identified.");
        }
        let source = self.source(id);
        let is_from = |conn: &Key| self.source(*conn) == source;
        let from_here = self.guests().filter(|(_, conn)| is_from(conn)).count();
        let limited = matches!(source, Source::Address(_));
        let full = limited && from_here >= self.config.limits.guests_from;
        if self.config.guests == Guests::Off || full {
            return Err(NOT_LET_IN);
        }
        match wanted {
            None => Ok(self.lowest_guest()),
            Some(wanted) => self.is_free_for_guest(wanted),
        }
    }

    fn lowest_guest(&self) -> String {
        let mut numbered = (1..).map(|n| format!("~guest{n}"));
        let free = numbered.find(|nick| !self.has_guest(nick));
        free.expect("connections bound the guests")
    }

    fn is_free_for_guest(&self, wanted: &str) -> Result<String, &'static str> {
        let nick = as_guest(wanted).ok_or("Nick is not allowed.")?;
        match self.is_taken_for_guest(&nick) {
            true => Err("Nick is taken."),
            false => Ok(nick),
        }
    }

    /// Whether another guest may not have this nick.
    pub(super) fn is_taken_for_guest(&self, nick: &str) -> bool {
        self.has_guest(nick) || is_reserved(&nick[1..])
    }

    fn guests(&self) -> impl Iterator<Item = &(Member, Key)> {
        self.online.iter().filter(|(member, _)| is_guest(member))
    }

    /// Letter case does not count.
    fn has_guest(&self, nick: &str) -> bool {
        let mut guests = self.guests();
        guests.any(|(guest, _)| guest.nick.to_lowercase() == nick.to_lowercase())
    }

    /// The log says that a client came as a guest.
    pub(super) fn guest_came(&mut self, id: Key, nick: &str) {
        assert!(self.must.is_empty(), "a guest, but {:?}", self.must);
        let ask = self.take(id);
        let wanted = ask.arguments("GUEST").expect("nobody else is a guest");
        self.raise_level(id);
        let gets = self.guest_nick(id, wanted.first().map(|nick| &**nick));
        assert_eq!(gets.as_deref(), Ok(nick), "the nick of a guest");
        self.guests_so_far += 1;
        let guest = Member {
            id: MemberId(-self.guests_so_far),
            nick: nick.into(),
            name: nick.into(),
        };
        self.count(match wanted.is_empty() {
            true => "a guest without a nick",
            false => "a guest with a nick",
        });
        self.come_online(id, guest);
    }

    /// The log says that a guest has another nick, which it gets at once.
    pub(super) fn guest_renamed(&mut self, id: Key, nick: &str) {
        let ask = self.take(id);
        let Some([wanted]) = ask.arguments("NICK") else {
            panic!("{nick:?} is no answer to {ask:?}");
        };
        self.raise_level(id);
        assert_eq!(self.without_the_store(id, wanted), None, "a new nick");
        assert_eq!(
            as_guest(wanted).as_deref(),
            Some(nick),
            "the nick of a guest"
        );
        let guest = self.who(id).expect("is online");
        assert!(is_guest(guest), "the store decides for a member");
        let guest = Member {
            id: guest.id,
            nick: nick.into(),
            name: nick.into(),
        };
        self.last_nick.insert(guest.id, self.now.mono);
        self.count("a guest's nick changed");
        self.renamed(&guest, Some(id));
    }
}

/// The nick of a guest that wants this one, if it keeps the rules.
pub(super) fn as_guest(wanted: &str) -> Option<String> {
    let rest = wanted.strip_prefix('~').unwrap_or(wanted);
    let is_allowed = !rest.is_empty() && rest.chars().count() <= 31 && is_allowed(rest);
    is_allowed.then(|| format!("~{rest}"))
}

/// Who a member is in the log, or a guest who is called so.
pub(super) fn identity(member: &Member, nick: &str) -> Identity {
    match is_guest(member) {
        true => Identity::Guest(nick.into()),
        false => Identity::Member(member.id),
    }
}

pub(in crate::sim) fn is_guest(member: &Member) -> bool {
    member.id.0 < 0
}

/// What a client gets where it may not be a guest.
const NOT_LET_IN: &str = "Guests are not let in.";
