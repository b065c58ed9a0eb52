//! Ends: why a connection ends, which members get the quit, and what may follow.

use super::guests::{identity, is_guest};
use super::side::{Stage, Turn};
use super::{Input, Model, Must, Owner, Question};
use crate::sim::ask::{Ask, IDLE};
use crate::sim::client::Kind;
use crate::sim::key::Key;
use crate::sim::reader::Said;
use flashgate_core::{Cause, CloseReason, Identity, Login, Member, Presence};

impl Model {
    /// A member goes offline: all others get the quit, and the connection ends.
    pub(super) fn quit(&mut self, id: Key, who: &Identity) {
        let mut online = self.online.iter();
        let seat = online.position(|(m, conn)| *conn == id && identity(m, &m.nick) == *who);
        let (member, _) = self.online.remove(seat.expect("was online"));
        self.free_claims(id);
        let reason = match self.must.pop_front() {
            None => None,
            Some(Must::Close(to, reason)) if to == id => reason,
            Some(other) => panic!("a quit, but {other:?}"),
        };
        self.leave_rooms(id, &member.nick);
        if self.stopping.is_none() && self.config.presence == Presence::All {
            self.everyone(Said::xml("quit", [&member.nick]), None);
        }
        self.must.push_back(Must::Close(id, reason));
        self.count("quit");
    }

    /// The operator closes the connection of a member, if the member is online. The client gets the reason, all
    /// others the member's quit, and a newcomer who waits for the place gets it.
    pub(super) fn kicked(&mut self, member: &Login, reason: Option<&str>) {
        let is_named = |other: &Member| match member {
            Login::Id(id) => other.id == *id,
            Login::Nick(nick) => other.nick == *nick,
        };
        let mut online = self.online.iter();
        let Some((member, id)) = online.find(|(other, _)| is_named(other)).cloned() else {
            return self.count("kick of nobody");
        };
        self.count_kick(&member, id);
        let said = if self.is_level_two(id) {
            Said::xml("kicked", [reason.unwrap_or("")])
        } else {
            Said::error(reason.unwrap_or("You were kicked."))
        };
        self.must.push_back(Must::Say(id, said, Owner::Others));
        let reason = CloseReason::Kicked;
        self.must.push_back(Must::Close(id, Some(reason)));
    }

    /// Counts the states of kicked clients.
    fn count_kick(&mut self, member: &Member, id: Key) {
        let names = [member.id.to_string(), member.nick.to_string()];
        let asks = |question: &Question| names.contains(&question.name);
        let asked = self.questions.values().any(asks);
        let contested = self.contested() == Some(member.id);
        let side = &self.sides[&id];
        for (holds, what) in [
            (true, "kick"),
            (is_guest(member), "kick of a guest"),
            (contested, "kick during a claim"),
            (asked, "kick during a question"),
            (side.paused, "kick of a paused client"),
            (side.eof, "kick behind the end of the stream"),
            (side.waiting() > 0, "kick of a client that reads slowly"),
        ] {
            if holds {
                self.count(what);
            }
        }
    }

    /// The log says that a chat has ended.
    pub(super) fn closed(&mut self, id: Key, reason: CloseReason) {
        let forced = match self.must.pop_front() {
            None => None,
            Some(Must::Close(to, forced)) if to == id => forced,
            Some(other) => panic!("{id:?} closed, but {other:?}"),
        };
        assert!(self.sides[&id].chat && self.sides[&id].ending.is_none());
        assert!(self.who(id).is_none(), "a member leaves without a quit");
        let goodbye = match forced {
            Some(forced) => {
                assert_eq!(forced, reason);
                Some(Some(1008))
            }
            None if self.sides[&id].kind == Kind::Garbage => None,
            None => self.reason(id, reason),
        };
        self.count(reason.as_str());
        let is_garbage = self.sides[&id].kind == Kind::Garbage;
        let is_cut = if self.cause_is_gone(id) || is_garbage && reason == CloseReason::EndOfStream {
            None
        } else {
            let stuck = reason == CloseReason::EndOfStream && self.is_stuck(id);
            let slow = [CloseReason::TooSlow, CloseReason::Timeout].contains(&reason);
            Some(stuck || slow)
        };
        let is_socket = self.sides[&id].is_socket();
        // Behind a bad record nothing more can be read.
        let end = if reason == CloseReason::Tls {
            Stage::Close
        } else {
            self.finish(id)
        };
        self.side(id).ending = Some(Stage::Said);
        self.side(id).turn = Turn::Free;
        self.claims.retain(|other| *other != id);
        let mut next = Vec::new();
        match is_cut {
            None => {}
            Some(true) => next.push(Must::End(id, Stage::Abort)),
            Some(false) => {
                if let Some(code) = goodbye
                    && is_socket
                {
                    next.push(Must::Say(id, Said::Close(code), Owner::Own));
                }
                next.push(Must::End(id, end));
            }
        }
        for must in next.into_iter().rev() {
            self.must.push_front(must);
        }
    }

    /// Checks the reason of an end. Returns the code of a WebSocket's close frame, if it gets one.
    fn reason(&mut self, id: Key, reason: CloseReason) -> Option<Option<u16>> {
        let now = self.now.mono;
        let late = self.may_be_late(id);
        match reason {
            CloseReason::Quit => {
                assert_eq!(self.take(id), Ask::command("QUIT", []));
                Some(Some(1000))
            }
            CloseReason::EndOfStream => self.end_of_stream(id),
            CloseReason::NoLogin => {
                assert!(late, "there is time to identify");
                Some(Some(1008))
            }
            CloseReason::Reset => {
                let Input::Gone(gone, Cause::Reset | Cause::Closed) = &self.cause else {
                    panic!("no reset: {:?}", self.cause);
                };
                assert_eq!(*gone, id);
                None
            }
            CloseReason::Timeout if self.cause == Input::Gone(id, Cause::TimedOut) => None,
            CloseReason::Timeout => {
                let silence = self.config.limits.silence.expect("a limit on silence");
                let fresh = matches!(self.cause, Input::Bytes(to, _) if to == id);
                let side = self.side(id);
                let heard = if fresh {
                    side.heard_before
                } else {
                    side.last_bytes
                };
                assert!(side.is_socket() && !side.paused && !side.eof);
                assert!(now >= heard + silence, "it was heard of");
                None
            }
            CloseReason::TooSlow => {
                assert!(matches!(self.cause, Input::Backlog(to, _) if to == id));
                let (waits, limit) = (self.sides[&id].others_waiting(), self.config.limits.backlog);
                assert!(
                    waits > limit,
                    "{waits} bytes of memory of others wait, {limit} may"
                );
                None
            }
            CloseReason::ProtocolError => {
                let ask = self.take(id);
                let Ask::Break(code) = ask else {
                    panic!("{ask:?} breaks no rule");
                };
                Some(Some(code))
            }
            CloseReason::Shutdown => {
                assert_eq!(self.cause, Input::Shutdown);
                Some(Some(1001))
            }
            CloseReason::Disabled => {
                assert!(matches!(self.cause, Input::Member(_)));
                Some(Some(1008))
            }
            CloseReason::FailedLogins
            | CloseReason::Replaced
            | CloseReason::Kicked
            | CloseReason::Drained
            | CloseReason::NotChat
            | CloseReason::Tls => {
                panic!("{reason:?} without a reason")
            }
            other => panic!("the model does not know this reason: {other:?}"),
        }
    }

    fn end_of_stream(&mut self, id: Key) -> Option<Option<u16>> {
        if self.is_stuck(id) {
            return None;
        }
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let side = self.side(id);
        assert_eq!(side.turn, Turn::Free);
        match side.next(&limits, now).cloned() {
            Some(Ask::Close(code)) => Some(code),
            None => {
                assert!(side.eof, "the stream goes on");
                None
            }
            Some(ask) => panic!("the stream ends after {ask:?}"),
        }
    }

    /// Whether the client has sent everything, and does not read an answer that waits.
    fn is_stuck(&self, id: Key) -> bool {
        let (side, limits) = (&self.sides[&id], &self.config.limits);
        side.eof
            && side.script.front().is_some()
            && side.is_behind(limits)
            && self.now.mono >= side.takes_nothing_since() + limits.close_stall
    }

    /// Checks that a connection may reach this stage of its end.
    pub(super) fn ended(&mut self, id: Key, stage: Stage) {
        let is_refused = self.is_refused(id, stage);
        let silent =
            self.sides[&id].began.is_none() && (self.sides[&id].eof || self.stopping.is_some());
        match self.must.pop_front() {
            None => {
                let side = &self.sides[&id];
                let is_chat = matches!(side.kind, Kind::Chat(_)) && side.ending.is_none();
                let may = is_refused || silent || self.stopping.is_some() || self.came_too_late(id);
                assert!(!is_chat || may, "ended before it began: {side:?}");
            }
            Some(Must::End(to, expected)) if to == id => {
                assert_eq!(stage, expected, "how {id:?} ends");
            }
            Some(other) => panic!("{id:?} ends, but {other:?}"),
        }
        let waiting = self.sides[&id].waiting();
        let side = self.side(id);
        assert!(
            !side.chat || side.ending.is_some(),
            "a chat ends without a reason"
        );
        assert!(
            side.ending < Some(stage),
            "{stage:?} after {:?}",
            side.ending
        );
        if side.ending == Some(Stage::Finish) && stage == Stage::Abort {
            assert!(
                waiting > 0 || self.stopping.is_some(),
                "it may still be reading"
            );
        }
        let first = self.sides[&id].ending.is_none();
        self.side(id).ending = Some(stage);
        if first && stage != Stage::Abort {
            self.assert_answered(id);
        }
    }

    /// What should have come for a connection and did not; `None` if all is well.
    pub(super) fn left_undone(&mut self, id: Key) -> Option<&'static str> {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let late = self.must_be_late(id);
        if let Input::Gone(gone, _) = self.cause
            && gone == id
        {
            return None;
        }
        if self.should_be_refused(id) {
            return Some("its end, by its proxy's header");
        }
        let patient = self.has_patience(id);
        let claim = self.claim_left_undone(id);
        let side = self.side(id);
        let is_chat = matches!(side.kind, Kind::Chat(_));
        if side.ending.is_some() || side.opening.is_some() || !is_chat {
            return None;
        }
        if side.chat && !patient {
            return Some("its end, too slow");
        }
        let unheard = side.is_socket() && !side.paused && !side.eof;
        if let Some(silence) = limits.silence
            && side.chat
            && unheard
            && now >= side.last_bytes + silence
        {
            return Some("its end, too silent");
        }
        if side.must_be_kept_alive(&limits, now) {
            return Some("a NUL that keeps it alive");
        }
        match side.turn {
            Turn::Free => {}
            Turn::Verdict(_) => return Some("a verdict"),
            Turn::Right(_) => return Some("a question about its claim"),
            Turn::Refused(until) if until <= now => return Some("a refusal"),
            Turn::Claim { .. } => return claim,
            Turn::Asking(_) | Turn::Line(_) | Turn::Refused(_) => return None,
        }
        if side.chat && late && side.perhaps_since.is_none() {
            return Some("the end of its time to identify");
        }
        let (eof, paused) = (side.eof, side.paused);
        match side.next(&limits, now).cloned() {
            Some(ask) if side.must(&ask, &limits, now) => Some("an answer"),
            Some(_) if side.is_slowed_in_silence(&limits, now) => Some("a line about its rate"),
            Some(_) => None,
            // A line end after the last NUL is a last, empty command.
            None if eof && !side.must(&Ask::Idle(IDLE), &limits, now) => None,
            None if side.may_skip(&limits, now) => None,
            None if eof => Some("its end"),
            None if paused => Some("a resume"),
            None => None,
        }
    }

    /// Whether the backlog of others' messages is within its limit, as far as the model can tell.
    fn has_patience(&self, id: Key) -> bool {
        let side = &self.sides[&id];
        let reported = self.cause_is_backlog_of(id);
        !reported
            || side.others_waiting() < side.waiting()
            || side.others_waiting() <= self.config.limits.backlog
    }

    fn cause_is_gone(&self, id: Key) -> bool {
        matches!(self.cause, Input::Gone(gone, _) if gone == id)
    }

    fn cause_is_backlog_of(&self, id: Key) -> bool {
        matches!(self.cause, Input::Backlog(to, _) if to == id)
    }
}
