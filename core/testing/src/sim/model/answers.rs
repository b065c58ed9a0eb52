//! Why something is said: commands and their answers, IDENTIFY from the question to the verdict.

use std::fmt::Write as _;

use super::side::{OverTheRate, Stage, Turn};
use super::throttle::is_number;
use super::{Input, Model, Must, Owner, Question};
use crate::sim::ask::{Ask, IDLE, as_heard};
use crate::sim::client::Kind;
use crate::sim::client::Visit;
use crate::sim::reader::Said;
use flashgate_core::{
    Answer, CloseReason, ConnId, Denial, ListAccess, Login, LoginThrottle, Member, MemberId,
    Millis, Presence, Query, Ticket, Unavailable,
};

impl Model {
    /// Something is said to a connection, and nothing has to be: it must be an answer.
    pub(super) fn explain(&mut self, id: ConnId, said: &Said) {
        let now = self.now.mono;
        if let Said::Ping(payload) = said {
            if self.asked_for_a_claim(id) {
                return assert!(payload.is_empty(), "a ping");
            }
            let side = &self.sides[&id];
            // What looked like a question might have been this ping, and this the question, which does
            // not wait for what stands before it.
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
                // Its command was taken before, and does not wait for this NUL.
                self.queue_up(id);
            }
            return self.count("kept alive");
        }
        if *said == Said::Error(String::from("Replaced by a new login.")) {
            return self.taken_over(id);
        }
        match self.sides[&id].turn.clone() {
            Turn::Refused(until) => {
                assert!(until <= now, "refused too early");
                assert_eq!(*said, error("Identification failed."));
                self.count("refusal");
                let most = self.config.limits.failures.max(1);
                let side = self.side(id);
                side.free(now);
                side.failures += 1;
                if side.failures >= most {
                    self.must
                        .push_back(Must::Close(id, Some(CloseReason::FailedLogins)));
                }
            }
            Turn::Verdict(Answer::Unavailable(_)) => {
                assert_eq!(*said, error("Please try again later."));
                self.side(id).free(now);
            }
            Turn::Verdict(Answer::Denied(..)) => panic!("a refusal is due later"),
            Turn::Verdict(Answer::Member(_)) | Turn::Claim { .. } => self.already_online(id, said),
            Turn::Line(_) | Turn::Asking(_) => panic!("{id:?} waits, but {said:?}"),
            Turn::Free if self.sides[&id].chat => self.answer(id, said),
            Turn::Free => self.before_the_chat(id, said),
        }
    }

    fn answer(&mut self, id: ConnId, said: &Said) {
        let ask = self.take(id);
        let who = self.who(id).cloned();
        let expected = match &ask {
            Ask::Identify { .. } if who.is_some() => error("Already identified."),
            Ask::Msg { nick, text } => self.msg(id, nick, text),
            Ask::List if self.config.list == ListAccess::Identified && who.is_none() => {
                error("Not identified.")
            }
            Ask::List => {
                let named = |m: &Member| (as_heard(&m.nick), as_heard(&m.name));
                Said::List(
                    self.online
                        .iter()
                        .map(|(member, _)| named(member))
                        .collect(),
                )
            }
            Ask::Ping(token) => Said::Pong(as_heard(token)),
            Ask::Wrong(why) => error(why),
            Ask::Control(payload) => Said::Pinged(payload.clone()),
            Ask::OtherMethod(code) => {
                let body = Said::Body(String::from(*code));
                self.must.push_back(Must::Say(id, body, Owner::Own));
                let closed = Must::Close(id, Some(CloseReason::NotChat));
                self.must.push_back(closed);
                Said::NotUpgraded(String::from(*code))
            }
            Ask::Identify { .. }
            | Ask::Quit
            | Ask::Idle(_)
            | Ask::Upgrade
            | Ask::Close(_)
            | Ask::Break(_) => {
                panic!("{said:?} is no answer to {ask:?}")
            }
        };
        assert_eq!(*said, expected, "the answer to {ask:?}");
        self.count("answer");
    }

    fn msg(&mut self, id: ConnId, nick: &str, text: &str) -> Said {
        let Some(sender) = self.who(id) else {
            return error("Not identified.");
        };
        let mut online = self.online.iter();
        let Some((member, to)) = online.find(|(member, _)| &*member.nick == nick) else {
            return error("User is already left.");
        };
        let seconds = (self.now.utc.0 + i64::from(self.now.offset)).rem_euclid(86_400);
        let mut time = String::new();
        let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
        write!(time, "{hour:02}:{minute:02}:{:02}", seconds % 60).expect("a string");
        let said = Said::Msg {
            aid: as_heard(&sender.nick),
            time,
            text: as_heard(text),
            from: as_heard(&member.nick),
        };
        if *to != id {
            let must = Must::Say(*to, said.clone(), Owner::Others);
            self.must.push_back(must);
        }
        self.count("msg");
        said
    }

    fn before_the_chat(&mut self, id: ConnId, said: &Said) {
        if *said == Said::Upgraded {
            assert_eq!(self.take(id), Ask::Upgrade);
            self.side(id).upgraded = true;
            return self.count("upgrade");
        }
        if let Said::NotUpgraded(code) = said {
            return self.not_upgraded(id, code);
        }
        assert_eq!(*said, error("Server is full."));
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

    /// A request to go on as a WebSocket that came too late, or never as a whole.
    fn not_upgraded(&mut self, id: ConnId, code: &str) {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let patience = limits.request;
        let stopping = self.stopping.is_some();
        let fresh = matches!(self.cause, Input::Bytes(to, _) if to == id);
        let side = self.side(id);
        let late = side.began.is_some_and(|at| now >= at + patience);
        let whole = side.next(&limits, now) == Some(&Ask::Upgrade);
        let right = match code {
            // The timer fires before the input that would have made it whole.
            "408" => late && (!whole || fresh),
            "400" => side.eof && !whole,
            "503" => stopping && whole,
            _ => false,
        };
        assert!(right, "{code}: {side:?}");
        let body = Said::Body(String::from(code));
        let end = self.finish(id);
        self.must.push_back(Must::Say(id, body, Owner::Own));
        self.must.push_back(Must::End(id, end));
        self.count("not upgraded");
    }

    /// Does the next thing a connection asks for, which must be allowed now.
    pub(super) fn take(&mut self, id: ConnId) -> Ask {
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
    pub(super) fn slowed(&mut self, id: ConnId) {
        let (now, limits) = (self.now.mono, self.config.limits.clone());
        let side = self.side(id);
        // What garbage asks for, nobody knows.
        let asks = matches!(side.kind, Kind::Chat(_));
        assert!(side.chat && side.ending.is_none());
        side.next(&limits, now);
        // A line end behind the last NUL is one last, empty command.
        let last = side.eof && !side.must(&Ask::Idle(IDLE), &limits, now);
        let over = side.over_the_rate(&limits, now) != OverTheRate::No;
        assert!(!asks || over || last, "{side:?}");
        let last = side.slowed.replace(now);
        assert!(last.is_none_or(|at| now >= at + Millis::from_secs(60)));
        self.count("slowed");
    }

    /// A question is put to the store.
    pub(super) fn asked(&mut self, ticket: Ticket, query: &Query) {
        let Query::Identify {
            login,
            password,
            source,
        } = query;
        let now = self.now.mono;
        // A number in its plain form is a number, anything else a nick.
        let name = match login {
            Login::Id(id) => format!("{id}"),
            Login::Nick(nick) => String::from(&**nick),
        };
        assert_eq!(matches!(login, Login::Id(_)), is_number(&name), "{name}");
        let is_it = |ask: &Ask| {
            matches!(ask, Ask::Identify { login, password: word }
                if *login == name && word == password.expose())
        };
        let (limits, mut asking) = (self.config.limits.clone(), Vec::new());
        let ids: Vec<ConnId> = self.sides.keys().copied().collect();
        for id in ids {
            let online = self.who(id).is_some() || self.source(id) != *source;
            let side = self.side(id);
            let asks = match &side.turn {
                Turn::Line(ask) => is_it(ask),
                Turn::Free => {
                    let ask = side.next(&limits, now).filter(|ask| is_it(ask)).cloned();
                    ask.is_some_and(|ask| side.may(&ask, &limits, now))
                }
                Turn::Asking(_) | Turn::Verdict(_) | Turn::Claim { .. } | Turn::Refused(_) => false,
            };
            if asks && side.chat && side.ending.is_none() && !online {
                asking.push(id);
            }
        }
        // Real members have one password each, so two may ask the same at once.
        let Some(id) = self.who_asks(asking) else {
            panic!("nobody asks for {name}: {:?}", self.sides);
        };
        if self.sides[&id].turn == Turn::Free {
            let ask = self.take(id);
            self.side(id).turn = Turn::Line(ask);
            self.stand(id);
        }
        let counts = self.counts(id);
        self.passes(id);
        self.side(id).turn = Turn::Asking(ticket);
        self.side(id).tried.clone_from(&name);
        let question = Question {
            conn: id,
            source: *source,
            name,
            throttled: limits.throttle.login == LoginThrottle::On,
            counts,
            submitted: now,
            changed: Default::default(),
        };
        assert!(
            self.questions.insert(ticket, question).is_none(),
            "a ticket comes back"
        );
        self.count("lookup");
    }

    /// The store has answered; a question that has waited too long was given up before.
    pub(super) fn answered(&mut self, ticket: Ticket, answer: Answer) {
        self.time_out_questions();
        let Some(question) = self.questions.remove(&ticket) else {
            return self.count("late answer");
        };
        let answer = match answer {
            Answer::Member(ref member) if question.changed.contains(&member.id) => {
                Answer::Denied(Denial::Changed, Some(member.id))
            }
            Answer::Member(_) | Answer::Denied(..) | Answer::Unavailable(_) => answer,
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
            Answer::Member(_) | Answer::Unavailable(_) => Turn::Verdict(answer),
        };
    }

    pub(super) fn time_out_questions(&mut self) {
        let (now, patience) = (self.now.mono, self.config.limits.lookup);
        let questions = self.questions.iter();
        let late = questions.filter(|(_, question)| question.submitted + patience <= now);
        let late: Vec<Ticket> = late.map(|(ticket, _)| *ticket).collect();
        for ticket in late {
            let question = self.questions.remove(&ticket).expect("was there");
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

    /// `LOGIN` was noted.
    pub(super) fn logged_in(&mut self, id: ConnId, number: MemberId) {
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
        self.side(id).logged_in = self.now.mono;
        let (nick, name) = (as_heard(&member.nick), as_heard(&member.name));
        self.online.push((member, id));
        let login = Said::Login(nick.clone(), name.clone());
        match self.config.presence {
            Presence::All => self.everyone(login, Some(id)),
            Presence::Off => self.must.push_back(Must::Say(id, login, Owner::Own)),
        }
        let identified = Must::Say(id, Said::Identify(nick, name), Owner::Own);
        self.must.push_back(identified);
        self.count("login");
    }

    /// A visitor is answered.
    pub(super) fn visited(&mut self, id: ConnId, bytes: &[u8]) {
        let (clients, max) = (self.clients(), self.config.limits.clients);
        let side = self.side(id);
        side.answer.extend_from_slice(bytes);
        if let Kind::Visit(Visit::Http(request, _)) = side.kind
            && request.starts_with("GET /server-status H")
            && bytes.starts_with(b"Clients")
        {
            let begins = format!("Clients: {clients}/{max}\n");
            assert!(
                bytes.starts_with(begins.as_bytes()),
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    /// The whole answer to a visitor that is let go.
    pub(super) fn assert_answered(&mut self, id: ConnId) {
        let side = &self.sides[&id];
        let late = side
            .began
            .is_some_and(|at| self.now.mono >= at + self.config.limits.request);
        let text = String::from_utf8_lossy(&side.answer);
        match side.kind {
            Kind::Chat(_) | Kind::Garbage => return,
            Kind::Visit(visit) if (late || !side.has_all(visit)) && text.starts_with("<error") => {
                assert_eq!(text, "<error value=\"Server is full.\"/>\0");
            }
            Kind::Visit(Visit::Policy) => {
                assert!(
                    text.is_empty() || text.ends_with("</cross-domain-policy>\0"),
                    "{text}"
                );
            }
            Kind::Visit(Visit::Http(request, status)) => {
                let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
                let asked_all = side.arrived >= request.len() as u64;
                let code = head
                    .strip_prefix("HTTP/1.1 ")
                    .and_then(|rest| rest.get(..3));
                match code {
                    None => assert!(
                        text.is_empty() && (!asked_all || self.came_too_late(id)),
                        "{text}"
                    ),
                    Some("408") => assert!(late, "too early"),
                    Some("400") if !asked_all => assert!(side.eof, "{text}"),
                    Some("503") => assert!(
                        request.contains("/healthz") && self.stopping.is_some(),
                        "{text}"
                    ),
                    Some(code) => assert_eq!(code, status, "{request}"),
                }
                let length = format!("Content-Length: {}", body.len());
                let no_body = code.is_none() || request.starts_with("HEAD") || status == "204";
                assert!(no_body || head.contains(&length), "{text}");
            }
        }
        self.count("visit");
    }

    /// Whether a connection's first bytes come with an input at which its time was over.
    pub(super) fn came_too_late(&self, id: ConnId) -> bool {
        let side = &self.sides[&id];
        let first = side.began.is_none_or(|at| at == self.now.mono);
        first && self.now.mono >= side.accepted + self.config.limits.login
    }

    /// The stage with which a connection ends that may still be reading.
    pub(super) fn finish(&self, id: ConnId) -> Stage {
        if self.sides[&id].eof {
            Stage::Close
        } else {
            Stage::Finish
        }
    }
}

pub(super) fn error(text: &str) -> Said {
    Said::Error(String::from(text))
}
