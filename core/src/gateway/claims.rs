//! Becoming online: at once, in place of an older connection, or after that one had time to answer.
//!
//! A claim is a step that may wait. Only the newcomer waits, and its later commands with it. Several
//! newcomers may wait for one older connection: what it does decides for all of them, in the order in
//! which they came. The first takes its place; the next then find the first one online.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::Gateway;
use super::caller::Caller;
use super::ending::Ends;
use crate::chat::commands::identify;
use crate::chat::hub::Slot;
use crate::chat::question::About;
use crate::chat::reply;
use crate::chunk::{Chunk, Level};
use crate::config::{self, OnDuplicate};
use crate::conn::websocket::AWAY;
use crate::conn::{Claim, Conn, Stage, Turn, Who};
use crate::id::{ConnId, Source};
use crate::member::{Denial, Identity, Member, MemberId, Query};
use crate::note::{CloseReason, What};
use crate::wire::websocket::Opcode;

/// Which newcomers wait for which connections. Each newcomer is in it at most once, so that connections
/// bound it.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// By the older connection, its newcomers in the order of their claims.
    waiting: BTreeMap<ConnId, Vec<ConnId>>,
    /// Newcomers whose older connection has left during this input.
    freed: Vec<ConnId>,
}

/// What an older connection of the same member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rival {
    /// It stays: it is alive, or the settings protect it.
    Stays,
    /// It gives way.
    Goes,
    /// It is a WebSocket, and gets a ping to find out.
    Unknown,
}

impl Gateway {
    /// Asks the host whether a connection may become the member's, where several gateways share members.
    pub(super) fn claim(&mut self, id: ConnId, name: Arc<str>, member: Member) {
        match self.config.claims {
            config::Claims::Gateway => self.take_place(id, name, member),
            config::Claims::Host => {
                let query = Query::Claim(member.clone());
                self.ask(id, query, About::Claim { id: name, member });
            }
        }
    }

    /// Makes a connection the member's, if no other connection of this gateway is.
    pub(super) fn take_place(&mut self, id: ConnId, name: Arc<str>, member: Member) {
        let Some(slot) = self.hub.find(&member) else {
            return self.join(id, &member);
        };
        let Some(online) = self.hub.online(slot) else {
            return;
        };
        let old = online.conn;
        let rival = if online.member() == Some(member.id) {
            // What the store says now is newer than what is known here.
            self.renamed(&member, None);
            self.rival(id, old)
        } else {
            Rival::Stays
        };
        match rival {
            Rival::Stays => self.refuse_claim(id, name),
            Rival::Goes => self.take_over(id, slot, &member),
            Rival::Unknown => self.wait_for(old, id, name, member),
        }
    }

    fn rival(&self, newcomer: ConnId, old: ConnId) -> Rival {
        let (Some(newcomer), Some(old)) = (self.conns.known(newcomer), self.conns.known(old))
        else {
            return Rival::Stays;
        };
        match self.config.duplicates {
            OnDuplicate::Replace => Rival::Goes,
            OnDuplicate::Refuse => Rival::Stays,
            OnDuplicate::Stale => {
                // An IPv6 address stands for its /64: a host changes the rest by itself.
                let of = |conn: &Conn| conn.peer().ip().map(Source::of);
                let same = of(newcomer) == of(old);
                if !same || old.waits_for_rate() {
                    Rival::Stays
                } else if old.as_websocket().is_some() {
                    Rival::Unknown
                } else if self.now.mono < old.since + self.config.limits.ghost_raw {
                    Rival::Stays
                } else {
                    Rival::Goes
                }
            }
        }
    }

    fn wait_for(&mut self, old: ConnId, id: ConnId, name: Arc<str>, member: Member) {
        let now = self.now.mono;
        let newcomers = self.claims.waiting.entry(old).or_default();
        let first = newcomers.first().copied();
        newcomers.push(id);
        // One ping to the older connection serves all newcomers.
        let asked = first.and_then(|first| Some(self.conns.known(first)?.claim()?.asked));
        let claim = Claim {
            name,
            member,
            old,
            asked: asked.unwrap_or(now),
        };
        if let Some(chat) = self.conns.known_mut(id).and_then(|conn| conn.chat()) {
            chat.wait(Turn::Claim(Box::new(claim)), now);
        }
        if asked.is_none() {
            self.write(old, Chunk::frame(Opcode::Ping, b""));
        }
    }

    /// Decides the claim that a newcomer waits with, if the older connection has had its time.
    pub(super) fn claim_is_due(&mut self, id: ConnId) {
        let (now, limits) = (self.now.mono, &self.config.limits);
        let Some(claim) = self.conns.known(id).and_then(Conn::claim) else {
            return;
        };
        let (old, asked, due) = (claim.old, claim.asked, claim.due(limits));
        if now < due {
            return;
        }
        if now - due >= AWAY {
            // The whole host stood still: bytes of the older connection may not have been read yet.
            return self.ask_again(old);
        }
        let lives = |conn: &Conn| {
            let heard = conn
                .as_websocket()
                .is_some_and(|websocket| websocket.heard > asked);
            heard || conn.waits_for_rate()
        };
        if self.conns.known(old).is_some_and(lives) {
            self.lives(old);
        } else {
            self.give_way(old);
        }
    }

    fn ask_again(&mut self, old: ConnId) {
        let newcomers = self.claims.waiting.get(&old).cloned().unwrap_or_default();
        for id in newcomers {
            if let Some(chat) = self.conns.known_mut(id).and_then(|conn| conn.chat())
                && let Turn::Claim(claim) = &mut chat.turn
            {
                claim.asked = self.now.mono;
            }
            self.arm(id);
        }
    }

    /// The older connection has given a sign of life: all newcomers that wait for it are refused.
    pub(super) fn lives(&mut self, old: ConnId) {
        for id in self.claims.waiting.remove(&old).unwrap_or_default() {
            if let Some(claim) = self.end_claim(id) {
                self.refuse_claim(id, claim.name);
                self.advance(id, &[]);
            }
        }
    }

    pub(super) fn refuse_claim(&mut self, id: ConnId, name: Arc<str>) {
        self.counters.online_already += 1;
        let why = Denial::AlreadyOnline;
        self.note(id, What::LoginFailed { id: name, why });
        self.say(id, &reply::error(reply::ALREADY_ONLINE));
    }

    /// The older connection is a ghost: the first newcomer takes its place.
    fn give_way(&mut self, old: ConnId) {
        let newcomers = self.claims.waiting.remove(&old).unwrap_or_default();
        let Some((first, others)) = newcomers.split_first() else {
            return;
        };
        if let Some(claim) = self.end_claim(*first) {
            match self.hub.find(&claim.member) {
                Some(slot) => self.take_over(*first, slot, &claim.member),
                None => self.join(*first, &claim.member),
            }
            self.advance(*first, &[]);
        }
        self.claim_again(others);
    }

    /// Newcomers whose older connection has left claim again. Only between inputs and timers, as each may go
    /// on with its next commands.
    pub(super) fn claim_freed(&mut self) {
        let freed = mem::take(&mut self.claims.freed);
        self.claim_again(&freed);
    }

    fn claim_again(&mut self, newcomers: &[ConnId]) {
        for id in newcomers {
            if let Some(claim) = self.end_claim(*id) {
                self.take_place(*id, claim.name, claim.member);
                self.advance(*id, &[]);
            }
        }
    }

    /// A member was changed: newcomers that wait with an earlier answer of the store are refused.
    pub(super) fn outdate_claims(&mut self, member: MemberId) {
        let Some(old) = self.hub.by_member(member).map(|online| online.conn) else {
            return;
        };
        let until = self.now.mono + self.config.limits.failure_delay;
        for id in self.claims.waiting.remove(&old).unwrap_or_default() {
            let Some(conn) = self.conns.known_mut(id) else {
                continue;
            };
            let Some(chat) = conn.chat() else { continue };
            if let Turn::Claim(claim) = mem::replace(&mut chat.turn, Turn::Refusal { until }) {
                self.counters.failed_logins += 1;
                let (name, why) = (claim.name, Denial::Changed);
                self.note(id, What::LoginFailed { id: name, why });
            }
            self.advance(id, &[]);
        }
    }

    /// A member has another nick: newcomers that wait to become that member have it, too.
    pub(super) fn rename_claims(&mut self, member: &Member) {
        if self.claims.waiting.is_empty() {
            return;
        }
        let old = self.hub.by_member(member.id).map(|online| online.conn);
        let newcomers = old.and_then(|old| self.claims.waiting.get(&old));
        for id in newcomers.into_iter().flatten() {
            if let Some(chat) = self.conns.known_mut(*id).and_then(|conn| conn.chat())
                && let Turn::Claim(claim) = &mut chat.turn
            {
                claim.member = member.clone();
            }
        }
    }

    /// A connection ends: removes its claim, and frees the newcomers that wait for it.
    pub(super) fn leave_claims(&mut self, id: ConnId, turn: &Turn) {
        if let Turn::Claim(claim) = turn
            && let Some(newcomers) = self.claims.waiting.get_mut(&claim.old)
        {
            newcomers.retain(|newcomer| *newcomer != id);
            if newcomers.is_empty() {
                self.claims.waiting.remove(&claim.old);
            }
        }
        if let Some(newcomers) = self.claims.waiting.remove(&id) {
            self.claims.freed.extend(newcomers);
            self.has_freed = true;
        }
    }

    /// Whether newcomers wait for this connection.
    pub(super) fn is_claimed(&self, id: ConnId) -> bool {
        !self.claims.waiting.is_empty() && self.claims.waiting.contains_key(&id)
    }

    /// The claim that a connection waits with; it waits no more.
    fn end_claim(&mut self, id: ConnId) -> Option<Claim> {
        let now = self.now.mono;
        self.conns.get_mut(id)?.end_claim(now)
    }

    fn join(&mut self, id: ConnId, member: &Member) {
        self.note_login(id, Identity::Member(member.id));
        let (form, level) = (self.form(id), self.level(id));
        let slot = self.hub.join(id, form, level, member);
        self.sit(id, slot);
        let mut caller = Caller {
            gateway: self,
            conn: id,
        };
        identify::welcome(&mut caller, &member.nick, &member.name);
    }

    fn take_over(&mut self, id: ConnId, slot: Slot, member: &Member) {
        let Some(online) = self.hub.online(slot) else {
            return;
        };
        let old = online.conn;
        // It may have to wait for a new nick.
        let member = &Member {
            nick: online.nick().into(),
            ..member.clone()
        };
        let identify = reply::identify(&member.nick, &member.name);
        self.say(old, &reply::error(reply::REPLACED));
        self.end_chat(old, CloseReason::Replaced, Ends::With(Stage::Finishing));
        self.settle(old);
        self.note_login(id, Identity::Member(member.id));
        let (form, level) = (self.form(id), self.level(id));
        if level == Level::One {
            // Its client knows no rooms.
            self.leave_rooms(id, slot);
        }
        self.hub.replace(slot, id, form, level, member);
        self.sit(id, slot);
        self.say(id, &identify);
        let rooms: Vec<_> = self.hub.rooms.of(slot).collect();
        for room in rooms {
            if let Some(state) = self.hub.room_state(room, form) {
                self.write(id, state);
            }
        }
    }

    pub(super) fn sit(&mut self, id: ConnId, slot: Slot) {
        if !self.filters.is_empty() && self.filtered(id).is_some() {
            self.hub.isolate(slot);
        }
        let now = self.now.mono;
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        if let Some(chat) = conn.chat() {
            if let Who::Nobody { failures, .. } = chat.who
                && failures > 0
            {
                self.failures.insert(id, failures);
            }
            chat.who = Who::Member(slot);
            conn.since = now;
        }
        if self.config.has_admin() {
            self.admin.online(id, now);
        }
        if self.is_watched() {
            self.watch_login(id, slot);
        }
    }

    pub(super) fn note_login(&mut self, id: ConnId, who: Identity) {
        self.counters.logins += 1;
        let what = What::Login {
            who,
            clients: self.clients,
            max: self.config.limits.clients,
        };
        self.note(id, what);
    }
}
