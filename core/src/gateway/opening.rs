//! The first bytes of a connection: tells it apart and hands it on.

use super::{Gateway, Phase, Step};
use crate::chat::reply;
use crate::chunk::Form;
use crate::config::Role;
use crate::conn::sniff::{Kind, Verdict, sniff};
use crate::conn::{Chat, Incoming, Patience, State, Wire};
use crate::id::ConnId;
use crate::note::{Refusal, What};
use crate::observer::Meaning;
use crate::web::policy;
use crate::wire::websocket::CloseCode;

impl Gateway {
    pub(super) fn sniff(&mut self, id: ConnId, input: &[u8]) -> Step {
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let role = self.config.role(conn.listener());
        let deadline = conn.deadline(&self.config.limits, role);
        let last_word =
            conn.incoming == Incoming::Ended || deadline.is_some_and(|at| at <= self.now.mono);
        let verdict = sniff(input, |kind| match role {
            // No proxy is trusted, so its header is text like any other.
            Role::Gateway => kind != Kind::Proxy,
            Role::Policy => kind == Kind::Policy,
            Role::Metrics => kind == Kind::Http,
        });
        let is_metrics = role == Role::Metrics;
        match verdict {
            Verdict::Is(kind) if is_metrics && kind != Kind::Http => self.close(id),
            Verdict::Unterminated if is_metrics && last_word => self.close(id),
            Verdict::Is(Kind::Policy) => return self.answer_policy(id, input),
            Verdict::Unterminated if last_word => return self.answer_policy(id, input),
            Verdict::Is(_) if role == Role::Policy => self.close(id),
            Verdict::Undecided if last_word && (input.is_empty() || role != Role::Gateway) => {
                self.close(id)
            }
            Verdict::Undecided if last_word => self.begin_chat(id, Wire::Stream),
            Verdict::Is(Kind::Http) => {
                conn.state = State::Http {
                    since: began(conn, self.now.mono),
                    searched: 0,
                }
            }
            Verdict::Is(Kind::Tls) => {
                self.refuse(id, Refusal::NoCertificate, None);
                self.close(id);
                let (first, _) = input.split_at(input.len().min(2));
                self.understood(id, Meaning::Opening(first));
                return Step::Consumed(first.len());
            }
            Verdict::Is(Kind::Proxy | Kind::Chat) => self.begin_chat(id, Wire::Stream),
            Verdict::Undecided | Verdict::Unterminated => {
                if let State::Sniffing(Some(first)) = &mut conn.state {
                    first.unterminated = verdict == Verdict::Unterminated;
                }
                self.understood(id, Meaning::Undecided(input));
                return Step::Wait;
            }
        }
        Step::Consumed(0)
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

    /// The connection is a chat from now on, if there is room for one more.
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
fn began(conn: &crate::conn::Conn, now: crate::time::Millis) -> crate::time::Millis {
    match &conn.state {
        State::Sniffing(Some(first)) => first.first,
        State::Sniffing(None) | State::Http { .. } | State::Chat(_) | State::Ending(_) => now,
    }
}
