//! The first bytes of a connection. Each protocol that may begin there is a stage: it takes bytes, and decides
//! what becomes of the connection.

use super::{Gateway, Phase, Step};
use crate::chat::reply;
use crate::chunk::Form;
use crate::conn::sniff::{Kind, Verdict, sniff};
use crate::conn::{Chat, Conn, Incoming, Patience, State, Wire};
use crate::id::ConnId;
use crate::note::{Refusal, What};
use crate::observer::Meaning;
use crate::time::Millis;
use crate::web::policy;
use crate::wire::websocket::CloseCode;

impl Gateway {
    /// Recognises what a connection speaks, and begins it if its listener serves that.
    pub(super) fn sniff(&mut self, id: ConnId, input: &[u8]) -> Step {
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let serves = self.config.serves(conn.listener());
        let deadline = conn.deadline(&self.config.limits, serves);
        let is_last = conn.incoming == Incoming::Ended;
        let last_word = is_last || deadline.is_some_and(|at| at <= self.now.mono);
        let verdict = sniff(input, |kind| serves.kind(kind));
        let kind = match verdict {
            Verdict::Is(kind) => Some(kind),
            Verdict::Unterminated if last_word => Some(Kind::Policy),
            Verdict::Undecided if last_word => (!input.is_empty()).then_some(Kind::Chat),
            Verdict::Undecided | Verdict::Unterminated => {
                if let State::Sniffing(Some(first)) = &mut conn.state {
                    first.unterminated = verdict == Verdict::Unterminated;
                }
                self.understood(id, Meaning::Undecided(input));
                return Step::Wait;
            }
        };
        match kind.filter(|kind| serves.kind(*kind)) {
            Some(Kind::Policy) => return self.answer_policy(id, input),
            Some(Kind::Http) => {
                conn.state = State::Http {
                    since: began(conn, self.now.mono),
                    searched: 0,
                }
            }
            Some(Kind::Tls) => return self.tls(id, input),
            Some(Kind::Proxy | Kind::Chat) => self.begin_chat(id, Wire::Stream),
            None => self.close(id),
        }
        Step::Consumed(0)
    }

    /// Gives the connection a filter, which takes these bytes; its plain bytes are an opening of their own.
    fn tls(&mut self, id: ConnId, input: &[u8]) -> Step {
        let (first, rest) = input.split_at(input.len().min(2));
        self.understood(id, Meaning::Opening(first));
        if self.begin_filter(id, input) {
            self.dropped(id, rest);
            return Step::Consumed(input.len());
        }
        self.refuse(id, Refusal::NoCertificate, None);
        self.close(id);
        Step::Consumed(first.len())
    }

    fn answer_policy(&mut self, id: ConnId, input: &[u8]) -> Step {
        let length = match policy::request(input) {
            policy::Request::Complete(length) => length,
            policy::Request::Unterminated | policy::Request::Partial | policy::Request::No => {
                input.len()
            }
        };
        self.understood(id, Meaning::Opening(&input[..length]));
        self.counters.policy_requests += 1;
        self.note(id, What::Crossdomain);
        self.write(id, self.config.policy.socket());
        self.finish(id, Patience::Short);
        Step::Consumed(length)
    }

    /// The connection is a chat from now on, if one more is allowed.
    pub(super) fn begin_chat(&mut self, id: ConnId, wire: Wire) {
        let max = self.config.limits.clients;
        if self.phase != Phase::Running {
            return self.close(id);
        }
        if self.clients >= max {
            self.refuse(id, Refusal::Full, None);
            let sorry = reply::error(reply::SERVER_FULL);
            match wire {
                Wire::Stream => self.write(id, sorry.to(Form::Stream)),
                Wire::WebSocket(_) => {
                    self.write(id, sorry.to(Form::Binary));
                    self.write_close(id, Some(CloseCode::TRY_AGAIN_LATER));
                }
            }
            return self.finish(id, Patience::Short);
        }
        let clients = self.clients + 1;
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        // A WebSocket speaks binary until it has sent text: Ruffle drops text.
        conn.form = match wire {
            Wire::Stream => Form::Stream,
            Wire::WebSocket(_) => Form::Binary,
        };
        if matches!(wire, Wire::Stream)
            && let Some(observer) = &mut self.observer
        {
            observer.understood(id, Meaning::Chat);
        }
        conn.state = State::Chat(Chat::new(wire));
        self.clients = clients;
        self.counters.chats += 1;
        self.note(id, What::Connected { clients, max });
    }
}

/// When a connection's first byte came.
fn began(conn: &Conn, now: Millis) -> Millis {
    match &conn.state {
        State::Sniffing(Some(first)) => first.first,
        State::Sniffing(None) | State::Http { .. } | State::Chat(_) | State::Ending(_) => now,
    }
}
