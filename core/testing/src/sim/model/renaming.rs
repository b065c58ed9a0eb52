//! Other nicks: by NICK, and from outside.

use super::guests::{as_guest, is_guest};
use super::side::Turn;
use super::{Model, Must, Owner, Question};
use crate::sim::commands::nick::RESERVED;
use crate::sim::key::{Key, Node};
use crate::sim::reader::Said;
use flashgate_core::{Answer, Member, MemberId, NickChanges, Presence, Source, Ticket};

impl Question {
    /// The member of an answer, with the nick that it has been given since the question was asked.
    pub(super) fn as_it_is_now(&self, member: Member) -> Member {
        self.renamed.get(&member.id).cloned().unwrap_or(member)
    }
}

impl Model {
    /// What a client gets for a NICK that changes nothing; for a member, without a question to the store.
    pub(in crate::sim) fn without_the_store(&self, id: Key, nick: &str) -> Option<Said> {
        let Some(member) = self.who(id) else {
            return Some(Said::error("Not identified."));
        };
        if self.config.nick_changes == NickChanges::Off {
            return Some(Said::error("Nicks cannot be changed here."));
        }
        let wanted = match is_guest(member) {
            true => as_guest(nick),
            false => is_allowed(nick).then(|| String::from(nick)),
        };
        let Some(nick) = wanted else {
            return Some(Said::error("Nick is not allowed."));
        };
        if *nick == *member.nick {
            return Some(Said::xml("nickchanged", [&*nick, &nick]));
        }
        let wait = self.config.limits.nick_wait;
        let last = self.last_nick.get(&member.id);
        if last.is_some_and(|at| self.now.mono < *at + wait) {
            return Some(Said::error("Please try again later."));
        }
        let is_own = nick.to_lowercase() == member.nick.to_lowercase();
        let is_taken = match is_guest(member) {
            true => self.is_taken_for_guest(&nick),
            false => is_reserved(&nick),
        };
        (is_taken && !is_own).then(|| Said::error("Nick is taken."))
    }

    /// The core asks the store to give a member another nick.
    pub(super) fn asked_to_rename(
        &mut self,
        node: Node,
        ticket: Ticket,
        member: MemberId,
        nick: &str,
        source: Source,
    ) {
        let mut online = self.online.iter();
        let seat = online.find(|(m, id)| m.id == member && id.node == node);
        let (member, id) = seat.expect("a member online").clone();
        let ask = self.take(id);
        assert_eq!(ask.arguments("NICK"), Some(&[String::from(nick)][..]));
        assert_eq!(self.without_the_store(id, nick), None, "no question");
        assert_eq!(self.source(id), source);
        self.raise_level(id);
        self.side(id).turn = Turn::Asking(ticket);
        let question = Question {
            conn: id,
            source,
            name: String::new(),
            counts_for: String::new(),
            claim: None,
            rename: Some(member),
            password: false,
            throttled: false,
            counts: false,
            submitted: self.now.mono,
            changed: Default::default(),
            renamed: Default::default(),
        };
        self.questions.insert((node, ticket), question);
        self.count("a question about a nick");
    }

    /// The store has answered a question about a nick.
    pub(super) fn answered_to_nick(&mut self, ticket: Ticket, question: &Question, answer: Answer) {
        let now = self.now.mono;
        let id = question.conn;
        if let Answer::Renamed(member) = &answer {
            let member = question.as_it_is_now(member.clone());
            self.last_nick.insert(member.id, now);
            let before = question.rename.as_ref().expect("it is about a nick");
            if self.online.iter().all(|(m, _)| m.id != member.id) {
                let old = String::from(&*before.nick);
                self.must.push_back(Must::Nick(id, member.clone(), old));
                self.count("a nick changed after the end");
            }
            self.mark_questions(&member);
            self.renamed(&member, Some(id));
        }
        let Some(side) = self.sides.get_mut(&id) else {
            return;
        };
        if side.turn != Turn::Asking(ticket) {
            return;
        }
        match answer {
            Answer::Renamed(_) => side.free(now),
            answer @ (Answer::Taken | Answer::Unavailable(_)) => side.turn = Turn::Verdict(answer),
            Answer::Member(_)
            | Answer::Claimed
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Denied(..) => {
                panic!("{answer:?} to a nick")
            }
        }
    }

    /// Whether an answer of the store may say that a member online has another nick.
    pub(in crate::sim) fn may_rename(&self, answer: &Answer) -> bool {
        match answer {
            Answer::Renamed(_) | Answer::Claimed => true,
            Answer::Member(member) => {
                let mut online = self.online.iter();
                online.any(|(m, _)| m.id == member.id && m.nick != member.nick)
            }
            Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Denied(..)
            | Answer::Unavailable(_) => false,
        }
    }

    /// The store reports a member's nick and name, which may be new to the gateway.
    pub(super) fn heard_of(&mut self, member: &Member) {
        if self.online.iter().any(|(m, _)| m.id == member.id) {
            self.renamed(member, None);
        }
    }

    /// The host reports a member's nick and name.
    pub(super) fn renamed_from_outside(&mut self, member: &Member) {
        self.mark_questions(member);
        self.renamed(member, None);
    }

    /// Answers to the questions of now may be older than this change.
    fn mark_questions(&mut self, member: &Member) {
        for question in self.questions.values_mut() {
            question.renamed.insert(member.id, member.clone());
        }
    }

    /// A member has this nick in the store.
    pub(super) fn renamed(&mut self, member: &Member, author: Option<Key>) {
        for side in self.sides.values_mut() {
            if let Turn::Claim { member: waits, .. } = &mut side.turn
                && waits.id == member.id
            {
                *waits = member.clone();
            }
        }
        let Some(at) = self.online.iter().position(|(m, _)| m.id == member.id) else {
            return;
        };
        let others = self.online.iter().filter(|(m, _)| m.id != member.id);
        assert!(
            others
                .map(|(m, _)| &m.nick)
                .all(|nick| *nick != member.nick)
        );
        let (before, id) = self.online[at].clone();
        if before.nick == member.nick {
            return self.count("a nick that is known");
        }
        self.online[at].0 = member.clone();
        self.count(match author {
            Some(_) => "a nick changed",
            None => "a nick changed from outside",
        });
        let old = String::from(&*before.nick);
        self.must.push_back(Must::Nick(id, member.clone(), old));
        self.tell_of_a_nick(&before, member, id, author.filter(|author| *author == id));
    }

    fn tell_of_a_nick(&mut self, before: &Member, now: &Member, id: Key, author: Option<Key>) {
        let quit = Said::xml("quit", [&*before.nick]);
        let login = Said::xml("login", [&*now.nick, &now.name]);
        let changed = Said::xml("nickchanged", [&*before.nick, &now.nick]);
        let is_level_two = self.is_level_two(id);
        match (self.config.presence, is_level_two) {
            (Presence::All, _) => {
                self.everyone_of_level_one(quit);
                self.everyone_of_level_one(login);
                self.everyone_of_level_two(changed, author);
            }
            (Presence::Off, true) => self.neighbours_and_itself(id, changed, author),
            (Presence::Off, false) => {
                self.must_say(id, quit, Owner::Others);
                self.must_say(id, login, Owner::Others);
            }
        }
        if !is_level_two {
            let identified = Said::xml("identify", [&*now.nick, &now.name]);
            self.must_say(id, identified, Owner::Others);
        }
    }
}

/// Whether a nick looks like one that the operator keeps for nobody, of those that occur here.
pub(super) fn is_reserved(nick: &str) -> bool {
    nick.to_lowercase().replace("rn", "m") == RESERVED
}

/// Whether a nick keeps the rules, of those that occur here.
pub(super) fn is_allowed(nick: &str) -> bool {
    let is_unseen = |c| matches!(c, '\u{fffe}' | '\u{200b}');
    let has = |all: [char; 2]| nick.chars().any(|c| (all[0]..=all[1]).contains(&c));
    let is_mixed = has(['\u{400}', '\u{4ff}']) && (has(['a', 'z']) || has(['A', 'Z']));
    let is_number = nick.chars().all(|c| c.is_ascii_digit());
    !nick.starts_with(['#', '~']) && !is_number && !nick.contains(is_unseen) && !is_mixed
}
