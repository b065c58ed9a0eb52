//! Other passwords: PASSWD. What holds it back is in `throttle/line.rs`.

use super::guests::is_guest;
use super::side::{Side, Turn};
use super::{Model, Question};
use crate::sim::key::{Key, Node};
use flashgate_core::{Answer, LoginThrottle, MemberId, PasswordChanges, Source, Ticket};

impl Model {
    /// The error for a PASSWD about which the store need not be asked.
    pub(in crate::sim) fn passwd_without_the_store(&self, id: Key) -> Option<&'static str> {
        match self.who(id) {
            None => Some("Not identified."),
            Some(guest) if is_guest(guest) => Some("You may not do that."),
            Some(_) if self.config.password_changes == PasswordChanges::Off => {
                Some("Passwords cannot be changed here.")
            }
            Some(_) => None,
        }
    }

    /// The core asks the store to give a member another password.
    pub(super) fn asked_to_change(
        &mut self,
        node: Node,
        ticket: Ticket,
        member: MemberId,
        words: [&str; 2],
        source: Source,
    ) {
        let mut online = self.online.iter();
        let seat = online.find(|(m, id)| m.id == member && id.node == node);
        let (_, id) = *seat.expect("a member online");
        let name = member.to_string();
        if self.sides[&id].turn == Turn::Free {
            let ask = self.take(id);
            self.line_up(id, ask, name.clone());
        }
        let Turn::Line(ask) = &self.sides[&id].turn else {
            panic!("no PASSWD is in line: {:?}", self.sides[&id]);
        };
        assert_eq!(ask.arguments("PASSWD"), Some(&words.map(String::from)[..]));
        assert_eq!(self.passwd_without_the_store(id), None, "no question");
        assert_eq!(self.source(id), source);
        let counts = self.counts(id);
        self.passes(id);
        self.side(id).turn = Turn::Asking(ticket);
        let question = Question {
            conn: id,
            source,
            name,
            counts_for: self.sides[&id].counts_for.clone(),
            claim: None,
            rename: None,
            password: true,
            throttled: self.config.limits.throttle.login == LoginThrottle::On,
            counts,
            submitted: self.now.mono,
            changed: Default::default(),
            renamed: Default::default(),
        };
        self.questions.insert((node, ticket), question);
        self.count("a question about a password");
    }

    /// The store has answered a question about a password.
    pub(super) fn answered_to_passwd(
        &mut self,
        ticket: Ticket,
        question: &Question,
        answer: Answer,
    ) {
        match answer {
            Answer::Denied(why, _) => self.failed.push_back((question.name.clone(), why)),
            Answer::PasswordChanged | Answer::PasswordNotAllowed | Answer::Unavailable(_) => {}
            Answer::Member(_)
            | Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::Admin(_) => {
                panic!("{answer:?} to a password")
            }
        }
        self.learn(question, &answer);
        let until = question.submitted + self.config.limits.failure_delay;
        let waits = |side: &&mut Side| side.turn == Turn::Asking(ticket);
        let Some(side) = self.sides.get_mut(&question.conn).filter(waits) else {
            return self.count("an answer about a password after the end");
        };
        side.turn = match answer {
            Answer::Denied(..) => Turn::Refused(until),
            Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Unavailable(_)
            | Answer::Member(_)
            | Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken => Turn::Verdict(answer),
        };
    }
}
