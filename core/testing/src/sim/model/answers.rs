//! Answers: finds the reason of a write that did not have to come next.

use super::side::{OverTheRate, Turn};
use super::{Input, Model, Must, Owner};
use crate::sim::ask::{Ask, IDLE};
use crate::sim::client::Kind;
use crate::sim::commands;
use crate::sim::key::Key;
use crate::sim::reader::Said;
use flashgate_core::{Answer, CloseReason, Millis};

impl Model {
    /// Finds the reason of a write when nothing must come next: it must be an answer.
    pub(super) fn explain(&mut self, id: Key, said: &Said) {
        let now = self.now.mono;
        if let Said::Ping(payload) = said {
            if self.asked_for_a_claim(id) {
                return assert!(payload.is_empty(), "a ping");
            }
            let side = &self.sides[&id];
            // Of two pings in one input, the model may have taken the wrong one for the claim's. The claim's is
            // sent even if something waits.
            let may = side.waiting() == 0 || self.is_asked_now(id);
            assert!(side.chat && payload.is_empty() && may, "a ping");
            assert!(self.config.limits.ping.is_some(), "pings are off");
            return self.count("ping");
        }
        if *said == Said::Nothing {
            let (side, limits) = (&self.sides[&id], &self.config.limits);
            assert!(side.may_be_kept_alive(limits, now), "a NUL: {side:?}");
            let fresh = matches!(self.cause, Input::Bytes(to, _) if to == id);
            let since = side.may_since(limits);
            if !fresh && side.kept_alive_at(limits).is_some_and(|at| since <= at) {
                // Its command was taken earlier, and does not wait for this NUL.
                self.queue_up(id);
            }
            return self.count("kept alive");
        }
        if *said == Said::error("Replaced by a new login.") {
            return self.taken_over(id);
        }
        match self.sides[&id].turn.clone() {
            Turn::Refused(until) => {
                assert!(until <= now, "refused too early");
                assert_eq!(*said, Said::error("Identification failed."));
                self.count("refusal");
                let most = self.config.limits.failures.max(1);
                if self.who(id).is_some() {
                    self.count("a wrong old password");
                }
                let side = self.side(id);
                side.free(now);
                side.failures += 1;
                if side.failures >= most {
                    self.must
                        .push_back(Must::Close(id, Some(CloseReason::FailedLogins)));
                }
            }
            Turn::Verdict(Answer::Admin(_)) => panic!("an answer to nobody"),
            Turn::Verdict(Answer::Unavailable(_)) => {
                assert_eq!(*said, Said::error("Please try again later."));
                self.side(id).free(now);
            }
            Turn::Verdict(Answer::PasswordChanged) => {
                assert_eq!(*said, Said::xml("done", ["PASSWD", ""]));
                self.side(id).free(now);
                self.count("password changed");
            }
            Turn::Verdict(Answer::PasswordNotAllowed) => {
                assert_eq!(*said, Said::error("Password is not allowed."));
                self.side(id).free(now);
                self.count("password not allowed");
            }
            Turn::Verdict(Answer::Taken) => {
                assert_eq!(*said, Said::error("Nick is taken."));
                self.side(id).free(now);
                self.count("nick taken");
            }
            Turn::Verdict(Answer::Denied(..) | Answer::Claimed | Answer::Renamed(_)) => {
                panic!("no verdict: {said:?}")
            }
            Turn::Verdict(Answer::Member(_)) | Turn::Claim { .. } => self.already_online(id, said),
            Turn::Line(_) | Turn::Asking(_) | Turn::Right(_) => {
                panic!("{id:?} waits, but {said:?}")
            }
            Turn::Free if self.sides[&id].chat => self.answer(id, said),
            Turn::Free => self.before_the_chat(id, said),
        }
    }

    fn answer(&mut self, id: Key, said: &Said) {
        let ask = self.take(id);
        let expected = match &ask {
            Ask::Command(word, arguments) => commands::answer(self, id, word, arguments),
            Ask::Wrong(why) => {
                commands::wrong(self, id, why);
                Said::error(why)
            }
            Ask::Control(payload) => Said::Pinged(payload.clone()),
            Ask::OtherMethod(code) => {
                let body = Said::Body(String::from(*code));
                self.must.push_back(Must::Say(id, body, Owner::Own));
                let closed = Must::Close(id, Some(CloseReason::NotChat));
                self.must.push_back(closed);
                Said::NotUpgraded(String::from(*code))
            }
            Ask::Idle(_) | Ask::Upgrade | Ask::Close(_) | Ask::Break(_) => {
                panic!("{said:?} is no answer to {ask:?}")
            }
        };
        assert_eq!(*said, expected, "the answer to {ask:?}");
        self.count("answer");
    }

    fn before_the_chat(&mut self, id: Key, said: &Said) {
        if *said == Said::Upgraded {
            assert_eq!(self.take(id), Ask::Upgrade);
            assert!(!self.side(id).too_many, "its address is at its limit");
            self.side(id).upgraded = true;
            return self.count("upgrade");
        }
        if let Said::NotUpgraded(code) = said {
            return self.not_upgraded(id, code);
        }
        assert_eq!(*said, Said::error("Server is full."));
        assert!(
            self.clients() >= self.config.limits.clients,
            "there is room"
        );
        self.count("full");
        if self.sides[&id].is_socket() {
            let sorry = Said::Close(Some(1013));
            self.must.push_back(Must::Say(id, sorry, Owner::Own));
        }
        let end = self.finish(id);
        self.must.push_back(Must::End(id, end));
    }

    /// Checks the refusal of an upgrade request that was too late or incomplete.
    fn not_upgraded(&mut self, id: Key, code: &str) {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let patience = limits.request;
        let stopping = self.stopping.is_some();
        let fresh = matches!(self.cause, Input::Bytes(to, _) if to == id);
        let side = self.side(id);
        let late = side.began.is_some_and(|at| now >= at + patience);
        let whole = side.next(&limits, now) == Some(&Ask::Upgrade);
        let right = match code {
            // The timer fires before the input that completes the request.
            "408" => late && (!whole || fresh),
            "400" => side.eof && !whole,
            "429" => side.too_many && whole,
            "503" => stopping && whole && !side.too_many,
            _ => false,
        };
        assert!(right, "{code}: {side:?}");
        let body = Said::Body(String::from(code));
        let end = self.finish(id);
        self.must.push_back(Must::Say(id, body, Owner::Own));
        self.must.push_back(Must::End(id, end));
        self.count("not upgraded");
    }

    /// Takes the next thing that a connection asks for, which must be allowed now.
    pub(super) fn take(&mut self, id: Key) -> Ask {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let side = self.side(id);
        assert!(side.ending.is_none() && side.turn == Turn::Free, "{side:?}");
        let Some(ask) = side.next(&limits, now).cloned() else {
            panic!("nothing was asked: {side:?}");
        };
        assert!(side.may(&ask, &limits, now), "too early: {side:?}");
        side.take(&limits, now)
    }

    /// The log says that the rate slows a connection down.
    pub(super) fn slowed(&mut self, id: Key) {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let side = self.side(id);
        // The model does not know what garbage asks for.
        let asks = matches!(side.kind, Kind::Chat(_));
        assert!(side.chat && side.ending.is_none());
        side.next(&limits, now);
        // A line end after the last NUL is a last, empty command.
        let last = side.eof && !side.must(&Ask::Idle(IDLE), &limits, now);
        let over = side.over_the_rate(&limits, now) != OverTheRate::No;
        assert!(!asks || over || last, "{side:?}");
        let last = side.slowed.replace(now);
        assert!(last.is_none_or(|at| now >= at + Millis::from_secs(60)));
        self.count("slowed");
    }
}
