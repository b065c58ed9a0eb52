//! Questions to the host. A command that asks one waits for the answer, and so do the later commands of
//! its connection; no other connection waits.

use alloc::collections::BTreeMap;

use super::Gateway;
use super::caller::Caller;
use crate::chat::question::About;
use crate::chat::throttle::Flight;
use crate::conn::Turn;
use crate::event::Action;
use crate::id::{ConnId, Peer, Ticket};
use crate::member::{Answer, Denial, Member, MemberId, Query, Unavailable};
use crate::time::Millis;

/// The questions that have no answer yet.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// The first is the oldest.
    open: BTreeMap<Ticket, Question>,
    next: u64,
    /// Members that were logged out while questions were open, and the first question after that: the answer to
    /// an earlier question may be from before it.
    changed: BTreeMap<MemberId, Ticket>,
    /// The same for members that have another nick: as they are now.
    renamed: BTreeMap<MemberId, (Ticket, Member)>,
}

/// A question. It outlives its connection: a failed login counts, though its client has left.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) conn: ConnId,
    pub(super) peer: Peer,
    pub(super) asked: Millis,
    pub(super) about: About,
}

impl Questions {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The oldest question, and when it was asked.
    pub(super) fn oldest(&self) -> Option<(Ticket, Millis)> {
        let (ticket, question) = self.open.first_key_value()?;
        Some((*ticket, question.asked))
    }

    /// The host has reported a change of a member's nick, which the open questions may not have found yet. The
    /// answer to a login is no such report: it may be older than a question that was asked meanwhile.
    pub(super) fn rename(&mut self, member: &Member) {
        if !self.open.is_empty() {
            let change = (Ticket(self.next), member.clone());
            self.renamed.insert(member.id, change);
        }
    }

    /// A member was logged out: what the open questions find out about it may be outdated.
    pub(super) fn outdate(&mut self, member: MemberId) {
        if !self.open.is_empty() {
            self.changed.insert(member, Ticket(self.next));
        }
    }

    /// What the open questions about logins count as.
    pub(super) fn flights(&mut self) -> impl Iterator<Item = &mut Flight> {
        let questions = self.open.values_mut();
        questions.filter_map(|question| question.about.flight())
    }

    fn add(&mut self, question: Question) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.open.insert(ticket, question);
        ticket
    }

    fn take(&mut self, ticket: Ticket) -> Option<Question> {
        self.open.remove(&ticket)
    }

    /// The answer, as it would be if it was found now: an answer from before its member was disabled or removed
    /// lets no client log in, and one from before a change of nick has the nick of now.
    fn as_of_now(&mut self, ticket: Ticket, about: &mut About, mut answer: Answer) -> Answer {
        let member = match &mut answer {
            Answer::Member(member) | Answer::Renamed(member) => Some(member),
            Answer::Claimed => about.claimed(),
            Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Denied(..)
            | Answer::Unavailable(_) => None,
        };
        let mut outdated = None;
        if let Some(member) = member {
            let is_after = |first: &Ticket| ticket < *first;
            if self.changed.get(&member.id).is_some_and(is_after) {
                outdated = Some(member.id);
            }
            if let Some((first, now)) = self.renamed.get(&member.id)
                && is_after(first)
            {
                *member = now.clone();
            }
        }
        self.forget_changes();
        if outdated.is_some() && !matches!(answer, Answer::Renamed(_)) {
            Answer::Denied(Denial::Changed, outdated)
        } else if about.is_answered_by(&answer) {
            answer
        } else {
            Answer::Unavailable(Unavailable::Failed)
        }
    }

    /// Forgets the changes from before every open question: the answers will have them.
    fn forget_changes(&mut self) {
        let oldest = self.open.keys().next().copied();
        let matters = |first: Ticket| oldest.is_some_and(|oldest| oldest < first);
        self.changed.retain(|_, first| matters(*first));
        self.renamed.retain(|_, (first, _)| matters(*first));
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn is_open(&self, ticket: Ticket) -> bool {
        self.open.contains_key(&ticket)
    }

    /// Whether nothing is left of questions that were answered.
    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty() && self.changed.is_empty() && self.renamed.is_empty()
    }
}

impl Gateway {
    /// Asks the host. The next command of the connection waits for the answer.
    pub(super) fn ask(&mut self, id: ConnId, query: Query, about: About) {
        let now = self.now.mono;
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let peer = conn.peer();
        let Some(chat) = conn.chat() else {
            return;
        };
        let ticket = self.questions.add(Question {
            conn: id,
            peer,
            asked: now,
            about,
        });
        chat.wait(Turn::Question(ticket), now);
        self.act(Action::Lookup(ticket, query));
    }

    /// The host's answer, or that none came in time.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Answer) {
        let Some(answer) = self.admin_answer(ticket, answer) else {
            return;
        };
        let Some(mut question) = self.questions.take(ticket) else {
            // It was given up before.
            return;
        };
        let about = &mut question.about;
        let answer = self.questions.as_of_now(ticket, about, answer);
        let took = self.now.mono - question.asked;
        self.counters
            .answered(&answer, took, self.config.limits.failure_delay);
        self.count_login(&mut question, &answer);
        self.settle_rename(&question, &answer);
        let id = question.conn;
        if self.waits_for(id, ticket) {
            self.ready(id);
            let mut caller = Caller {
                gateway: self,
                conn: id,
            };
            question.about.answered(&mut caller, question.asked, answer);
            self.advance(id, &[]);
        }
        self.ask_next();
    }

    /// Whether a connection lives yet, and its next command waits for this question.
    fn waits_for(&self, id: ConnId, ticket: Ticket) -> bool {
        let turn = self.conns.get(id).and_then(|conn| conn.turn());
        turn.is_some_and(|turn| matches!(turn, Turn::Question(asked) if *asked == ticket))
    }

    pub(super) fn ready(&mut self, id: ConnId) {
        let now = self.now.mono;
        if let Some(conn) = self.conns.known_mut(id) {
            conn.ready(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is always an open question, so the changes cannot be forgotten all at once.
    #[test]
    fn changes_are_forgotten_with_the_questions_before_them() {
        let mut questions = Questions::default();
        let ask = |questions: &mut Questions| {
            questions.add(Question {
                conn: ConnId::new(0, 0),
                peer: Peer::Unix,
                asked: Millis(0),
                about: About::Rename { old: "a".into() },
            })
        };
        let mut open = ask(&mut questions);
        for number in 1..=3 {
            let (nick, name) = ("b".into(), "B".into());
            let id = MemberId(number);
            questions.outdate(id);
            questions.rename(&Member { id, nick, name });
            let next = ask(&mut questions);
            let mut question = questions.take(open).expect("it is open");
            questions.as_of_now(open, &mut question.about, Answer::Taken);
            assert!(questions.changed.is_empty() && questions.renamed.is_empty());
            open = next;
        }
    }
}
