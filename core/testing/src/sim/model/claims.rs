//! Claims: whether a newcomer whose member is online already is refused, waits, or takes over.

use super::late::AWAY;
use super::side::{OverTheRate, Turn};
use super::throttle::subscriber;
use super::{Input, Model, Must, Owner};
use crate::sim::key::Key;
use crate::sim::reader::Said;
use flashgate_core::{Answer, CloseReason, Denial, Member, MemberId, Millis, OnDuplicate};

/// What happens to the older connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rival {
    Stays,
    Goes,
    /// It must be asked for a sign of life.
    Asked,
}

impl Model {
    /// The member who is online under this number or this nick.
    pub(super) fn in_the_way(&self, newcomer: &Member) -> Option<(&Member, Key)> {
        let mut online = self.online.iter();
        let same = |m: &Member| m.id == newcomer.id || m.nick == newcomer.nick;
        online
            .find(|(member, _)| same(member))
            .map(|(member, id)| (member, *id))
    }

    /// What may happen to the older connection of a newcomer's member; empty if there is none.
    fn rivals(&mut self, id: Key, newcomer: &Member) -> Vec<Rival> {
        let Some((member, old)) = self.in_the_way(newcomer) else {
            return Vec::new();
        };
        let same = member.id == newcomer.id && member.nick == newcomer.nick;
        let over = self.over_the_rate(old, Millis(u64::MAX));
        let (side, limits) = (&self.sides[&old], &self.config.limits);
        let source = |id: &Key| subscriber(self.sides[id].peer.ip());
        match self.config.duplicates {
            OnDuplicate::Refuse => Vec::from([Rival::Stays]),
            OnDuplicate::Replace if same => Vec::from([Rival::Goes]),
            OnDuplicate::Stale if same && source(&id) == source(&old) => {
                let silent =
                    self.now.mono >= side.last_bytes.max(side.logged_in) + limits.ghost_raw;
                let rival = match (side.is_socket(), silent) {
                    (true, _) => Rival::Asked,
                    (false, true) => Rival::Goes,
                    (false, false) => Rival::Stays,
                };
                match over {
                    OverTheRate::Yes => Vec::from([Rival::Stays]),
                    OverTheRate::Perhaps => Vec::from([Rival::Stays, rival]),
                    OverTheRate::No => Vec::from([rival]),
                }
            }
            OnDuplicate::Replace | OnDuplicate::Stale => Vec::from([Rival::Stays]),
        }
    }

    /// Whether a ping to this connection is for the claim of a newcomer; if so, the claim begins.
    pub(super) fn asked_for_a_claim(&mut self, old: Key) -> bool {
        let Some((id, member)) = self.newcomer_to(old) else {
            return false;
        };
        if !self.rivals(id, &member).contains(&Rival::Asked) {
            return false;
        }
        assert!(self.waits_for(old).is_empty(), "it is asked already");
        let asked = self.now.mono;
        self.begin_claim(id, Turn::Claim { member, old, asked });
        self.count("asked for a claim");
        true
    }

    /// Whether this connection was asked in this millisecond.
    pub(super) fn is_asked_now(&self, old: Key) -> bool {
        let now = self.now.mono;
        let asks = |turn: &Turn| matches!(turn, Turn::Claim { asked, .. } if *asked == now);
        let waits = self.waits_for(old);
        waits.iter().any(|id| asks(&self.sides[id].turn))
    }

    fn begin_claim(&mut self, id: Key, turn: Turn) {
        let now = self.now.mono;
        let side = self.side(id);
        side.free(now);
        side.turn = turn;
        self.claims.retain(|other| *other != id);
        self.claims.push(id);
    }

    /// Newcomers whose older connection was asked before wait with the first.
    pub(super) fn join_claims(&mut self) {
        for id in self.verdicts() {
            let Turn::Verdict(Answer::Member(member)) = self.sides[&id].turn.clone() else {
                continue;
            };
            let Some((_, old)) = self.in_the_way(&member) else {
                continue;
            };
            let first = self.waits_for(old).first().copied();
            if let Some(first) = first
                && self.rivals(id, &member).contains(&Rival::Asked)
                && let Turn::Claim { asked, .. } = self.sides[&first].turn
            {
                self.begin_claim(id, Turn::Claim { member, old, asked });
                self.count("a second claim");
            }
        }
    }

    /// The first member whose connection a newcomer waits for.
    pub(in crate::sim) fn contested(&self) -> Option<MemberId> {
        let sides = self.claims.iter().map(|id| &self.sides[id].turn);
        let claimed = |turn: &Turn| match turn {
            Turn::Claim { member, .. } => Some(member.id),
            Turn::Free
            | Turn::Line(_)
            | Turn::Asking(_)
            | Turn::Right(_)
            | Turn::Verdict(_)
            | Turn::Refused(_) => None,
        };
        sides.filter_map(claimed).next()
    }

    /// The newcomers that wait for a connection, in order.
    fn waits_for(&self, connection: Key) -> Vec<Key> {
        let waits = |id: &&Key| matches!(self.sides[*id].turn, Turn::Claim { old, .. } if old == connection);
        self.claims.iter().filter(waits).copied().collect()
    }

    /// The newcomers whose password was right and whose claim is undecided: those that waited, in order, then the
    /// one that was just answered.
    fn verdicts(&self) -> Vec<Key> {
        let verdict = |id: &&Key| matches!(self.sides[*id].turn, Turn::Verdict(Answer::Member(_)));
        let old = self.claims.iter().filter(verdict);
        let new = self.sides.keys().filter(|id| !self.claims.contains(id));
        old.chain(new.filter(verdict)).copied().collect()
    }

    /// The next newcomer who wants this connection's place.
    fn newcomer_to(&self, old: Key) -> Option<(Key, Member)> {
        self.verdicts().into_iter().find_map(|id| {
            let Turn::Verdict(Answer::Member(member)) = &self.sides[&id].turn else {
                return None;
            };
            let (_, rival) = self.in_the_way(member)?;
            (rival == old).then(|| (id, member.clone()))
        })
    }

    /// Whether a connection waits for the rate when a timer of this time fires. Timers fire before the present
    /// bytes count. When they fire late, the model cannot see whether this one fires before the wait is over.
    fn over_the_rate(&mut self, id: Key, timer: Millis) -> OverTheRate {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let earlier = self.before;
        let fresh = matches!(self.cause, Input::Bytes(to, _) if to == id);
        let side = self.side(id);
        let arrived = side.arrived;
        if fresh {
            side.arrived = side.arrived_before;
        }
        // Two timers of the same millisecond fire in any order. Of late ones, those of one connection fire together.
        let soonest = if now > timer { earlier } else { now };
        let before = side.over_the_rate(&limits, soonest.min(timer - Millis(1)));
        let after = side.over_the_rate(&limits, now);
        side.arrived = arrived;
        if before == after {
            after
        } else {
            OverTheRate::Perhaps
        }
    }

    /// Whether an older connection was asked and gave no sign of life in time.
    fn is_ghost(&mut self, old: Key) -> bool {
        let now = self.now.mono;
        let Some(first) = self.waits_for(old).first().copied() else {
            return false;
        };
        let Turn::Claim { asked, .. } = self.sides[&first].turn else {
            return false;
        };
        let due = asked + self.config.limits.ghost_websocket;
        let over = self.over_the_rate(old, due);
        let side = &self.sides[&old];
        let fresh = matches!(self.cause, Input::Bytes(id, _) if id == old);
        let heard = if fresh {
            side.heard_before
        } else {
            side.last_bytes
        };
        now >= due && heard <= asked && over != OverTheRate::Yes
    }

    /// Checks that a newcomer may get `Already online.`
    pub(super) fn already_online(&mut self, id: Key, said: &Said) {
        assert_eq!(*said, Said::error("Already online."));
        let logged = self.already_online.take();
        assert_eq!(
            logged.as_ref(),
            Some(&self.sides[&id].tried),
            "the log's line"
        );
        match self.sides[&id].turn.clone() {
            Turn::Verdict(Answer::Member(member)) => {
                let rivals = self.rivals(id, &member);
                assert!(rivals.contains(&Rival::Stays), "{rivals:?}");
            }
            // The ping that seemed to be the claim's was due in the same millisecond by itself.
            Turn::Claim { member, asked, .. }
                if asked == self.now.mono && self.rivals(id, &member).contains(&Rival::Stays) => {}
            Turn::Claim { old, asked, .. } => {
                let fresh = matches!(self.cause, Input::Bytes(id, _) if id == old);
                let due = asked + self.config.limits.ghost_websocket;
                let over = self.over_the_rate(old, due);
                let (side, due) = (&self.sides[&old], self.now.mono >= due);
                // A client that waits for the rate is not read: it counts as alive.
                let alive = side.last_bytes > asked || over != OverTheRate::No;
                assert!(
                    due && alive || fresh && !self.is_ghost(old),
                    "no sign of life: {:?}",
                    self.sides[&old]
                );
                let first = self.waits_for(old).first().copied();
                assert_eq!(first, Some(id), "in the order of their claims");
                self.count("a claim is refused");
            }
            turn @ (Turn::Free
            | Turn::Line(_)
            | Turn::Asking(_)
            | Turn::Right(_)
            | Turn::Verdict(_)
            | Turn::Refused(_)) => panic!("{id:?} is refused in {turn:?}"),
        }
        self.end_claim(id);
        self.count("already online");
    }

    /// A newcomer's claim is decided.
    pub(super) fn end_claim(&mut self, id: Key) {
        let now = self.now.mono;
        self.side(id).free(now);
        self.claims.retain(|other| *other != id);
    }

    /// A connection has lost its member: the newcomers that wait for it claim again.
    pub(super) fn free_claims(&mut self, old: Key) {
        for id in self.waits_for(old) {
            let side = self.side(id);
            if let Turn::Claim { member, .. } = side.turn.clone() {
                side.turn = Turn::Verdict(Answer::Member(member));
            }
        }
    }

    /// A member was changed: newcomers that wait with an earlier answer of the store are refused.
    pub(super) fn outdate_claims(&mut self, number: MemberId) {
        let until = self.now.mono + self.config.limits.failure_delay;
        for id in std::mem::take(&mut self.claims) {
            let side = self.side(id);
            if matches!(&side.turn, Turn::Claim { member, .. } if member.id == number) {
                side.turn = Turn::Refused(until);
                let tried = side.tried.clone();
                self.failed.push_back((tried, Denial::Changed));
                self.count("an outdated claim");
            } else {
                self.claims.push(id);
            }
        }
    }

    /// If the host itself was suspended past a deadline, the connection that was asked gets its whole time again.
    pub(super) fn forgive_the_asked(&mut self) {
        let (now, patience) = (self.now.mono, self.config.limits.ghost_websocket);
        for side in self.sides.values_mut() {
            if let Turn::Claim { asked, .. } = &mut side.turn
                && now >= *asked + patience + AWAY
            {
                *asked = now;
            }
        }
    }

    /// What should have come for a claim that waits.
    pub(super) fn claim_left_undone(&self, id: Key) -> Option<&'static str> {
        let Turn::Claim { old, asked, .. } = self.sides[&id].turn else {
            return None;
        };
        if self.now.mono >= asked + self.config.limits.ghost_websocket {
            return Some("the end of a claim");
        }
        if matches!(self.cause, Input::Bytes(heard, _) if heard == old) {
            return Some("a refusal: the older connection is there");
        }
        self.who(old).is_none().then_some("a free place")
    }

    /// A newcomer takes the place of an older connection, which gets an error first.
    pub(super) fn taken_over(&mut self, old: Key) {
        let (id, member) = if self.is_ghost(old) {
            let first = self.waits_for(old)[0];
            let Turn::Claim { member, .. } = self.sides[&first].turn.clone() else {
                panic!("{first:?} does not wait");
            };
            self.count("a ghost gives way");
            (first, member)
        } else {
            let (id, member) = self.newcomer_to(old).expect("a newcomer");
            let rivals = self.rivals(id, &member);
            assert!(rivals.contains(&Rival::Goes), "{rivals:?}");
            (id, member)
        };
        let now = self.now.mono;
        let mut online = self.online.iter_mut();
        let seat = online.find(|(_, conn)| *conn == old).expect("is online");
        assert_eq!(seat.0, member, "the same member");
        seat.1 = id;
        self.end_claim(id);
        self.side(id).logged_in = now;
        self.free_claims(old);
        self.must
            .push_back(Must::Close(old, Some(CloseReason::Replaced)));
        self.must.push_back(Must::Login(id, member.clone()));
        let identified = Said::xml("identify", [&member.nick, &member.name]);
        self.take_rooms(old, id);
        self.must_say(id, identified, Owner::Own);
        self.must_say_rooms(id);
        self.count("takeover");
    }
}
