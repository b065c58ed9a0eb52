//! Logins: from the question to the member store to the answer and the broadcast.

use super::side::{Side, Turn};
use super::throttle::is_number;
use super::{Model, Must, Owner, Question};
use crate::sim::ask::Ask;
use crate::sim::key::{Key, Node};
use crate::sim::reader::Said;
use flashgate_core::{
    Answer, Claims, Denial, Identity, Login, LoginThrottle, Member, Presence, Query, Secret,
    Source, Ticket, Unavailable,
};

impl Model {
    /// The core asks the member store.
    pub(super) fn asked(&mut self, node: Node, ticket: Ticket, query: &Query) {
        match query {
            Query::Identify {
                login,
                password,
                source,
            } => self.asked_to_identify(node, ticket, login, password, *source),
            Query::Claim(member) => self.asked_about_a_claim(node, ticket, member),
            Query::Rename {
                member,
                nick,
                source,
            } => self.asked_to_rename(node, ticket, *member, nick, *source),
            Query::ChangePassword {
                member,
                old,
                new,
                source,
            } => {
                let words = [old.expose(), new.expose()];
                self.asked_to_change(node, ticket, *member, words, *source);
            }
            Query::Admin(_) => panic!("no listener of the simulation is for administration"),
        }
    }

    /// The core asks whether a password is right.
    fn asked_to_identify(
        &mut self,
        node: Node,
        ticket: Ticket,
        login: &Login,
        password: &Secret,
        source: Source,
    ) {
        let now = self.now.mono;
        // A number in its plain form is a member's number; anything else is a nick.
        let name = match login {
            Login::Id(id) => format!("{id}"),
            Login::Nick(nick) => String::from(&**nick),
        };
        assert_eq!(matches!(login, Login::Id(_)), is_number(&name), "{name}");
        let is_it = |ask: &Ask| {
            ask.arguments("IDENTIFY")
                .is_some_and(|words| *words == [&*name, password.expose()])
        };
        let (limits, mut asking) = (self.config.limits.clone(), Vec::new());
        let keys = self.sides.keys();
        let ids: Vec<Key> = keys.filter(|id| id.node == node).copied().collect();
        for id in ids {
            let online = self.who(id).is_some() || self.source(id) != source;
            let side = self.side(id);
            let asks = match &side.turn {
                Turn::Line(ask) => is_it(ask),
                Turn::Free => {
                    let ask = side.next(&limits, now).filter(|ask| is_it(ask)).cloned();
                    ask.is_some_and(|ask| side.may(&ask, &limits, now))
                }
                Turn::Asking(_)
                | Turn::Right(_)
                | Turn::Verdict(_)
                | Turn::Claim { .. }
                | Turn::Refused(_) => false,
            };
            if asks && side.chat && side.ending.is_none() && !online {
                asking.push(id);
            }
        }
        // Members of a real server have one password each, so two clients may ask the same at once.
        let Some(id) = self.who_asks(asking) else {
            panic!("nobody asks for {name}: {:?}", self.sides);
        };
        if self.sides[&id].turn == Turn::Free {
            let ask = self.take(id);
            self.line_up(id, ask, name.clone());
        }
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
            password: false,
            throttled: limits.throttle.login == LoginThrottle::On,
            counts,
            submitted: now,
            changed: Default::default(),
            renamed: Default::default(),
        };
        assert!(
            self.questions.insert((node, ticket), question).is_none(),
            "a ticket comes back"
        );
        self.count("lookup");
    }

    /// The core asks the host whether a member whose password was right may become online.
    fn asked_about_a_claim(&mut self, node: Node, ticket: Ticket, member: &Member) {
        assert_eq!(self.config.claims, Claims::Host, "the gateway decides");
        let is_right = |side: &Side| matches!(&side.turn, Turn::Right(right) if right == member);
        let mut sides = self.sides.iter();
        let (id, side) = sides
            .find(|(id, side)| id.node == node && is_right(side))
            .expect("a right password");
        let question = Question {
            conn: *id,
            source: self.source(*id),
            name: side.tried.clone(),
            counts_for: String::new(),
            claim: Some(member.clone()),
            rename: None,
            password: false,
            throttled: false,
            counts: false,
            submitted: self.now.mono,
            changed: Default::default(),
            renamed: Default::default(),
        };
        self.side(question.conn).turn = Turn::Asking(ticket);
        self.questions.insert((node, ticket), question);
        self.count("a question about a claim");
    }

    /// The host has decided about a claim.
    fn claimed(&mut self, ticket: Ticket, question: Question, member: Member, answer: Answer) {
        let until = question.submitted + self.config.limits.failure_delay;
        let changed = question.changed.contains(&member.id);
        let member = question.as_it_is_now(member);
        let waits = |side: &&mut Side| side.turn == Turn::Asking(ticket);
        let Some(side) = self.sides.get_mut(&question.conn).filter(waits) else {
            return self.count("an answer to a claim after the end");
        };
        side.turn = match answer {
            Answer::Claimed if changed => Turn::Refused(until),
            Answer::Claimed => Turn::Verdict(Answer::Member(member)),
            Answer::Unavailable(_) => Turn::Verdict(answer),
            Answer::Member(_)
            | Answer::Denied(..)
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_) => {
                panic!("{answer:?} to a claim")
            }
        };
        if let Turn::Refused(_) = side.turn {
            self.failed.push_back((question.name, Denial::Changed));
            self.count("a claim of a changed member");
        } else if let Turn::Verdict(Answer::Member(member)) = side.turn.clone() {
            self.heard_of(&member);
        }
    }

    /// The store has answered. Questions that have waited too long were given up before.
    pub(super) fn answered(&mut self, node: Node, ticket: Ticket, answer: Answer) {
        self.time_out_questions();
        let Some(question) = self.questions.remove(&(node, ticket)) else {
            return self.count("late answer");
        };
        if let Some(member) = question.claim.clone() {
            return self.claimed(ticket, question, member, answer);
        }
        if question.rename.is_some() {
            return self.answered_to_nick(ticket, &question, answer);
        }
        if question.password {
            return self.answered_to_passwd(ticket, &question, answer);
        }
        let answer = match answer {
            Answer::Member(ref member) if question.changed.contains(&member.id) => {
                Answer::Denied(Denial::Changed, Some(member.id))
            }
            Answer::Member(member) => Answer::Member(question.as_it_is_now(member)),
            Answer::Denied(..) | Answer::Unavailable(_) => answer,
            Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_) => panic!("a login was asked for"),
        };
        if let Answer::Denied(why, _) = answer {
            self.failed.push_back((question.name.clone(), why));
        }
        self.learn(&question, &answer);
        let until = question.submitted + self.config.limits.failure_delay;
        let Some(side) = self.sides.get_mut(&question.conn) else {
            return self.count("answer after the end");
        };
        if side.turn != Turn::Asking(ticket) {
            return self.count("answer after the end");
        }
        side.turn = match answer {
            Answer::Denied(..) => Turn::Refused(until),
            Answer::Member(member) if self.config.claims == Claims::Host => Turn::Right(member),
            Answer::Member(ref member) => {
                let member = member.clone();
                side.turn = Turn::Verdict(answer);
                return self.heard_of(&member);
            }
            Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Unavailable(_) => Turn::Verdict(answer),
        };
    }

    pub(super) fn time_out_questions(&mut self) {
        let (now, patience) = (self.now.mono, self.config.limits.lookup);
        let questions = self.questions.iter();
        let late = questions.filter(|(_, question)| question.submitted + patience <= now);
        let late: Vec<(Node, Ticket)> = late.map(|(asked, _)| *asked).collect();
        for (node, ticket) in late {
            let question = self.questions.remove(&(node, ticket)).expect("was there");
            self.blurred = true;
            let answer = Answer::Unavailable(Unavailable::TimedOut);
            if let Some(side) = self.sides.get_mut(&question.conn)
                && side.turn == Turn::Asking(ticket)
            {
                side.turn = Turn::Verdict(answer);
            }
            self.count("lookup timed out");
        }
    }

    /// The log says that a member logged in, or that a guest came.
    pub(super) fn logged_in(&mut self, id: Key, who: &Identity) {
        let number = match who {
            Identity::Member(number) => *number,
            Identity::Guest(nick) => return self.guest_came(id, nick),
        };
        if let Some(must) = self.must.pop_front() {
            let Must::Login(to, member) = must else {
                panic!("a login, but {must:?}");
            };
            assert_eq!((to, member.id), (id, number));
            return;
        }
        let Turn::Verdict(Answer::Member(member)) = self.sides[&id].turn.clone() else {
            panic!("a login of {id:?}: {:?}", self.sides[&id]);
        };
        assert!(member.id == number && self.in_the_way(&member).is_none());
        self.end_claim(id);
        self.come_online(id, member);
        self.count("login");
    }

    /// A member or guest is online from now on, and all must be notified.
    pub(super) fn come_online(&mut self, id: Key, member: Member) {
        self.side(id).logged_in = self.now.mono;
        let [login, identified] =
            ["login", "identify"].map(|name| Said::xml(name, [&member.nick, &member.name]));
        self.online.push((member, id));
        match self.config.presence {
            Presence::All => self.everyone(login, Some(id)),
            Presence::Off => self.must_say(id, login, Owner::Own),
        }
        self.must_say(id, identified, Owner::Own);
    }
}
