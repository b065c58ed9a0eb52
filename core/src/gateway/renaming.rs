//! Another nick for a member or guest online: by NICK, or from outside.
//!
//! The store has the last word on nicks. It may give a member the nick that another member online still has here,
//! because the other one was renamed, too, and the gateway has not heard of it yet. Then the change waits until the
//! nick is free. Members that wait for one another in a cycle, as two that swap their nicks, are renamed together.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::Gateway;
use super::ending::Ends;
use super::questions::Question;
use crate::chat::hub::{OnlineMember, Slot};
use crate::chat::question::About;
use crate::chat::reply;
use crate::chunk::{Audience, Level, Message};
use crate::config::Presence;
use crate::conn::{Conn, Stage, Who};
use crate::id::ConnId;
use crate::member::{Answer, Identity, Member, MemberEvent, MemberId, Query};
use crate::name::{GuestNick, Nick};
use crate::note::{CloseReason, What};
use crate::time::Millis;

/// The changes of nicks that are not over yet.
#[derive(Debug, Default)]
pub(super) struct Renamings {
    /// When the last NICK of a member was done.
    last: BTreeMap<MemberId, Millis>,
    /// The same, in the order of time.
    by_time: VecDeque<(Millis, MemberId)>,
    /// When the last NICK of a guest online was done.
    guests: BTreeMap<ConnId, Millis>,
    /// Members online that have another nick in the store, which another member online still has here. Not more
    /// than there are members online.
    waiting: BTreeMap<MemberId, Waiting>,
    /// Which of them waits for a nick.
    by_nick: BTreeMap<Arc<str>, MemberId>,
    /// When to look for one that has waited for too long.
    due: Option<Millis>,
    /// Nicks that became free during this input, while members waited for nicks.
    freed: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Waiting {
    member: Member,
    since: Millis,
    author: Option<ConnId>,
}

impl Renamings {
    /// Notes a NICK that was done.
    fn note(&mut self, member: MemberId, now: Millis, wait: Millis, most: usize) {
        self.last.insert(member, now);
        self.by_time.push_back((now, member));
        while let Some((at, member)) = self.by_time.front().copied()
            && (self.by_time.len() > most || at + wait <= now)
        {
            self.by_time.pop_front();
            // A later change of the member stands further behind.
            if self.last.get(&member) == Some(&at) {
                self.last.remove(&member);
            }
        }
    }

    fn wait(&mut self, waiting: Waiting) {
        let due = waiting.since + MAX_WAIT;
        self.due = Some(self.due.map_or(due, |first| first.min(due)));
        let id = waiting.member.id;
        let before = self.by_nick.insert(Arc::clone(&waiting.member.nick), id);
        if let Some(before) = before {
            // The store has given the nick to yet another member.
            self.waiting.remove(&before);
        }
        self.waiting.insert(id, waiting);
    }

    fn take(&mut self, member: MemberId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&member)?;
        if self.by_nick.get(&waiting.member.nick) == Some(&member) {
            self.by_nick.remove(&waiting.member.nick);
        }
        Some(waiting)
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.due
    }

    /// A guest leaves.
    pub(super) fn forget_guest(&mut self, id: ConnId) {
        self.guests.remove(&id);
    }

    /// A member leaves, and its nick is free.
    pub(super) fn leave(&mut self, member: Option<MemberId>, nick: &str) {
        if !self.waiting.is_empty() {
            if let Some(member) = member {
                self.take(member);
            }
            self.freed.push(Arc::from(nick));
        }
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn assert_consistent(&self, is_guest: impl Fn(ConnId) -> bool) {
        assert!(self.guests.keys().all(|id| is_guest(*id)));
        assert!(self.freed.is_empty() && self.last.len() <= self.by_time.len());
        assert_eq!(self.by_nick.len(), self.waiting.len());
        assert!(self.waiting.is_empty() || self.due.is_some());
    }

    /// Whether no member waits for a nick.
    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.by_nick.is_empty()
    }
}

impl Gateway {
    /// Whether the last NICK of the member or guest on a connection was long enough ago.
    pub(super) fn may_rename(&self, id: ConnId) -> bool {
        let wait = self.config.limits.nick_wait;
        let last = match self.member_of(id).and_then(OnlineMember::member) {
            Some(member) => self.renamings.last.get(&member),
            None => self.renamings.guests.get(&id),
        };
        last.is_none_or(|at| self.now.mono >= *at + wait)
    }

    /// Gives the guest on a connection another nick, which no other guest may have.
    pub(super) fn rename_guest(&mut self, id: ConnId, nick: &GuestNick) {
        let Some(Who::Member(slot)) = self.conns.known(id).and_then(Conn::who) else {
            return;
        };
        self.renamings.guests.insert(id, self.now.mono);
        self.change_nick(slot, nick.as_str(), nick.as_str(), Some(id));
    }

    /// Asks the member store for another nick of the member on a connection.
    pub(super) fn ask_rename(&mut self, id: ConnId, nick: &Nick) {
        let source = self.source(id);
        let Some((online, member)) = self.member_of(id).and_then(|o| Some((o, o.member()?))) else {
            debug_assert!(false, "{id:?} has no member to rename");
            return;
        };
        let query = Query::Rename {
            member,
            nick: nick.as_str().into(),
            source,
        };
        let about = About::Rename {
            old: online.nick().into(),
        };
        self.ask(id, query, about);
    }

    /// Carries out what the store has done, though the client that asked for it may have left.
    pub(super) fn settle_rename(&mut self, question: &Question, answer: &Answer) {
        let (About::Rename { old }, Answer::Renamed(member)) = (&question.about, answer) else {
            return;
        };
        let limits = &self.config.limits;
        let (wait, most) = (limits.nick_wait, limits.nick_waits);
        self.renamings.note(member.id, self.now.mono, wait, most);
        if self.hub.slot_of(member.id).is_none() {
            let what = What::Nick {
                who: Identity::Member(member.id),
                old: Arc::clone(old),
                new: Arc::clone(&member.nick),
            };
            self.note_from(question.conn, question.peer, what);
        }
        self.questions.rename(member);
        self.renamed(member, Some(question.conn));
    }

    /// A member has this nick and name in the store. Changes nothing where that is known.
    #[cold]
    pub(super) fn renamed(&mut self, member: &Member, author: Option<ConnId>) {
        self.rename_claims(member);
        let before = self.renamings.take(member.id);
        let Some(slot) = self.hub.slot_of(member.id) else {
            return;
        };
        let Some(online) = self.hub.online(slot) else {
            return;
        };
        if online.nick() == &*member.nick {
            if online.name() != &*member.name {
                self.hub.rename(slot, &member.nick, &member.name);
            }
            return;
        }
        // The same change again does not begin the wait anew.
        let before = before.filter(|before| before.member.nick == member.nick);
        let since = before.map_or(self.now.mono, |before| before.since);
        self.renamings.wait(Waiting {
            member: member.clone(),
            since,
            author,
        });
        if self.hub.by_nick(&member.nick).is_none() {
            self.give_nick(&member.nick);
        } else if let Some(cycle) = self.cycle(member.id) {
            self.rename_cycle(&cycle);
        }
    }

    /// Gives a free nick to the member that waits for it, that member's nick to the next one, and so on.
    fn give_nick(&mut self, free: &str) {
        let mut free: Arc<str> = Arc::from(free);
        while self.hub.by_nick(&free).is_none()
            && let Some(id) = self.renamings.by_nick.get(&free).copied()
        {
            let waiting = self.renamings.take(id);
            let Some(old) = waiting.and_then(|waiting| self.give(&waiting)) else {
                return;
            };
            free = old;
        }
    }

    /// Nicks that have become free go to the members that wait for them.
    pub(super) fn give_freed_nicks(&mut self) {
        for nick in mem::take(&mut self.renamings.freed) {
            self.give_nick(&nick);
        }
    }

    /// The members that wait for one another's nicks, from this one on, if the last of them waits for it.
    fn cycle(&self, first: MemberId) -> Option<Vec<MemberId>> {
        let mut cycle = Vec::from([first]);
        let mut last = first;
        while cycle.len() <= MAX_CYCLE {
            let waiting = self.renamings.waiting.get(&last)?;
            last = self.hub.by_nick(&waiting.member.nick)?.member()?;
            if last == first {
                return Some(cycle);
            }
            cycle.push(last);
        }
        None
    }

    /// Renames members that wait for one another. For a moment the first would have the same nick as another, so it
    /// has one that nobody has. For clients of 2007, which know no change of nick, it leaves and comes again.
    fn rename_cycle(&mut self, cycle: &[MemberId]) {
        let first = cycle.first().and_then(|id| {
            let slot = self.hub.slot_of(*id)?;
            Some((self.renamings.take(*id)?, slot))
        });
        let Some((waiting, slot)) = first else {
            debug_assert!(false, "the members of a cycle are online and wait");
            return;
        };
        let Member { nick, name, .. } = &waiting.member;
        let aside = self.nick_of_nobody();
        let Some(old) = self.hub.rename(slot, &aside, name) else {
            debug_assert!(false, "somebody has the nick of nobody");
            return;
        };
        self.tell_nick(
            slot,
            &[reply::quit(&old)],
            &reply::nickchanged(&old, &aside),
            None,
        );
        // Each takes the nick that the one behind it has just left.
        for id in cycle.iter().skip(1).rev() {
            if let Some(waiting) = self.renamings.take(*id) {
                self.give(&waiting);
            }
        }
        self.hub.rename(slot, nick, name);
        self.note_nick(slot, &old);
        self.tell_nick(
            slot,
            &[reply::login(nick, name)],
            &reply::nickchanged(&aside, nick),
            None,
        );
        self.identify_anew(slot);
    }

    /// A nick that nobody online has, and no client can choose. Mostly it is `~`: a store of other rules may have
    /// given that to a member.
    fn nick_of_nobody(&self) -> String {
        let mut nick = String::from(ASIDE);
        while self.hub.by_nick(&nick).is_some() {
            nick.push_str(ASIDE);
        }
        nick
    }

    /// Gives a member the nick that it waits for. Returns the nick before.
    fn give(&mut self, waiting: &Waiting) -> Option<Arc<str>> {
        let Member { id, nick, name } = &waiting.member;
        let slot = self.hub.slot_of(*id)?;
        self.change_nick(slot, nick, name, waiting.author)
    }

    /// Ends the chats of members whose nicks others have waited for too long. In the store they have other nicks,
    /// which the host has not reported.
    pub(super) fn end_waits(&mut self) {
        let now = self.now.mono;
        let waits = self.renamings.waiting.values();
        let is_over = |waiting: &&Waiting| waiting.since + MAX_WAIT <= now;
        let over: Vec<_> = waits.filter(is_over).map(|w| w.member.id).collect();
        for id in over {
            let Some(waiting) = self.renamings.take(id) else {
                continue;
            };
            let holder = self.hub.by_nick(&waiting.member.nick);
            if let Some(conn) = holder.map(|online| online.conn) {
                self.end_chat(conn, CloseReason::Disabled, Ends::With(Stage::Finishing));
                self.settle(conn);
            }
            if let Some(old) = self.give(&waiting) {
                self.give_nick(&old);
            }
        }
        let waits = self.renamings.waiting.values();
        self.renamings.due = waits.map(|waiting| waiting.since + MAX_WAIT).min();
    }

    /// Gives a member online another nick and name, and notifies those who may know. `author` is the connection
    /// that asked for it, if it is still the member's. Returns the nick before; `None`, without a change, if another
    /// member online has the new one.
    pub(super) fn change_nick(
        &mut self,
        slot: Slot,
        nick: &str,
        name: &str,
        author: Option<ConnId>,
    ) -> Option<Arc<str>> {
        let conn = self.hub.online(slot)?.conn;
        let old = self.hub.rename(slot, nick, name)?;
        self.note_nick(slot, &old);
        self.tell_nick(
            slot,
            &[reply::quit(&old), reply::login(nick, name)],
            &reply::nickchanged(&old, nick),
            author.filter(|author| *author == conn),
        );
        self.identify_anew(slot);
        Some(old)
    }

    /// Notifies all who may know a member that its nick changes: those of level 1 as in 2007.
    fn tell_nick(
        &mut self,
        slot: Slot,
        as_in_2007: &[Message],
        changed: &Message,
        author: Option<ConnId>,
    ) {
        let Some((conn, level)) = self
            .hub
            .online(slot)
            .map(|online| (online.conn, online.level))
        else {
            return;
        };
        match (self.config.presence, level) {
            (Presence::All, _) => {
                for message in as_in_2007 {
                    self.broadcast(Audience::Level(Level::One), message, author);
                }
                self.broadcast(Audience::Level(Level::Two), changed, author);
            }
            (Presence::Off, Level::One) => {
                for message in as_in_2007 {
                    self.tell(conn, message);
                }
            }
            (Presence::Off, Level::Two) => {
                if author.is_some() {
                    self.say(conn, changed);
                } else {
                    self.tell(conn, changed);
                }
                for neighbour in self.hub.neighbours(slot) {
                    self.tell(neighbour, changed);
                }
            }
        }
    }

    /// Tells a client of level 1, which gets another nick only from outside, that the new member is itself.
    fn identify_anew(&mut self, slot: Slot) {
        let Some(online) = self.hub.online(slot) else {
            return;
        };
        if online.level == Level::One {
            let identified = reply::identify(online.nick(), online.name());
            self.tell(online.conn, &identified);
        }
    }

    fn note_nick(&mut self, slot: Slot, old: &Arc<str>) {
        if let Some(online) = self.hub.online(slot) {
            let who = match online.member() {
                Some(member) => Identity::Member(member),
                None => Identity::Guest(Arc::clone(old)),
            };
            let conn = online.conn;
            let (old, new) = (Arc::clone(old), Arc::from(online.nick()));
            self.note(conn, What::Nick { who, old, new });
        }
    }

    /// A change of the store.
    #[cold]
    pub(super) fn member(&mut self, event: &MemberEvent) {
        match event {
            MemberEvent::Renamed(member) => {
                self.questions.rename(member);
                self.renamed(member, None);
            }
            MemberEvent::Disabled(id) | MemberEvent::Removed(id) => self.log_out(*id),
        }
    }

    fn log_out(&mut self, member: MemberId) {
        self.questions.outdate(member);
        self.outdate_claims(member);
        if let Some(online) = self.hub.by_member(member) {
            let id = online.conn;
            self.end_chat(id, CloseReason::Disabled, Ends::With(Stage::Finishing));
            self.settle(id);
        }
    }
}

/// How long a change waits for the nick of another member online. A host reports the changes that were made
/// together within a second.
const MAX_WAIT: Millis = Millis::from_secs(2);

/// How many members may swap nicks at once. In a longer cycle the waits end instead.
const MAX_CYCLE: usize = 64;

/// The nick of a member for the moment in which the others of its cycle are renamed.
const ASIDE: &str = "~";
