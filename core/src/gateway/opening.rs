//! The first bytes of a connection: what they show that it speaks, and the layers around that. To add a layer, add a
//! variant to `Kind` and to `Layer`, say in `Serves::kind` who may use it, and take its bytes off here.

use core::net::SocketAddr;

use super::{Gateway, Phase, Step};
use crate::chat::reply;
use crate::chunk::Form;
use crate::conn::sniff::{Kind, Layer, Verdict, sniff};
use crate::conn::{Asks, Chat, Conn, Patience, State, Wire};
use crate::event::{MAX_READ, Refused};
use crate::id::ConnId;
use crate::note::{Refusal, What};
use crate::observer::Meaning;
use crate::time::Millis;
use crate::web::counters::{Limit, ProxyFault};
use crate::wire::proxy::{self, Header};
use crate::wire::websocket::CloseCode;

impl Gateway {
    /// Recognises what a connection speaks, and begins it if its listener serves that.
    pub(super) fn sniff(&mut self, id: ConnId, input: &[u8]) -> Step {
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let State::Sniffing(layer, _) = conn.state else {
            return Step::Wait;
        };
        let serves = conn.serves(&self.config);
        let is_last_word = |conn: &Conn| conn.is_last_word(&self.config, self.now.mono);
        let verdict = sniff(input, |kind| serves.kind(layer, kind));
        let kind = match verdict {
            Verdict::Is(kind) => Some(kind),
            Verdict::Policy(_) => Some(Kind::Policy),
            Verdict::Unterminated if is_last_word(conn) => Some(Kind::Policy),
            Verdict::Undecided if is_last_word(conn) => (!input.is_empty()).then_some(Kind::Chat),
            Verdict::Undecided | Verdict::Unterminated => {
                if let State::Sniffing(_, Some(first)) = &mut conn.state {
                    first.unterminated = verdict == Verdict::Unterminated;
                }
                self.understood(id, Meaning::Undecided(input));
                return Step::Wait;
            }
        };
        match kind.filter(|kind| serves.kind(layer, *kind)) {
            Some(Kind::Policy) => {
                let length = match verdict {
                    Verdict::Policy(length) => length,
                    Verdict::Is(_) | Verdict::Undecided | Verdict::Unterminated => input.len(),
                };
                return self.answer_policy(id, &input[..length]);
            }
            Some(Kind::Http) => {
                conn.state = State::Http {
                    layer,
                    since: began(conn, self.now.mono),
                    asks: Asks::Head { searched: 0 },
                }
            }
            Some(Kind::Tls) => return self.tls(id, input),
            Some(Kind::Proxy) => return self.proxy(id, input),
            Some(Kind::Chat) => self.begin_chat(id, Wire::Stream),
            None => {
                // A proxy that only looks whether the port is open sends nothing.
                if serves.needs_proxy(layer) && !input.is_empty() {
                    self.counters.proxy_fault(ProxyFault::Missing);
                    self.refuse(id, Refusal::NoProxyHeader, None);
                }
                self.never_established(id);
                self.close(id);
            }
        }
        Step::Consumed(0)
    }

    /// Takes off the header of a proxy. The bytes behind it are an opening of their own.
    fn proxy(&mut self, id: ConnId, input: &[u8]) -> Step {
        let is_last_word = |conn: &Conn| conn.is_last_word(&self.config, self.now.mono);
        let (length, client) = match proxy::header(input) {
            Header::Complete { length, client } => (length, client),
            Header::Partial if !self.conns.known(id).is_some_and(is_last_word) => {
                self.understood(id, Meaning::Undecided(input));
                return Step::Wait;
            }
            Header::Partial => return self.refuse_header(id, input, ProxyFault::Unfinished),
            Header::Malformed { length } => {
                return self.refuse_header(id, &input[..length], ProxyFault::Malformed);
            }
        };
        self.understood(id, Meaning::Opening(&input[..length]));
        if let Some(conn) = self.conns.known_mut(id) {
            conn.state = State::Sniffing(Layer::Proxied, None);
            if length < input.len() {
                conn.heard(self.now.mono);
            }
        }
        if let Some(client) = client
            && self.readdress(id, client).is_err()
        {
            self.close(id);
        }
        Step::Consumed(length)
    }

    fn refuse_header(&mut self, id: ConnId, header: &[u8], fault: ProxyFault) -> Step {
        self.counters.proxy_fault(fault);
        self.understood(id, Meaning::Opening(header));
        self.refuse(id, Refusal::BadProxyHeader, None);
        self.close(id);
        Step::Consumed(header.len())
    }

    /// A connection comes from another peer than its socket says, and counts for that address from now on. Fails if
    /// the address has as many connections as it may: then the connection must end, and counts nowhere.
    pub(super) fn readdress(&mut self, id: ConnId, peer: SocketAddr) -> Result<(), Refused> {
        let Some(conn) = self.conns.known_mut(id) else {
            return Ok(());
        };
        if let Some(address) = conn.counted() {
            self.addresses.remove(address);
        }
        conn.set_peer(peer);
        let address = conn.serves(&self.config).limited(Layer::Proxied);
        let Some(address) = address else {
            return Ok(());
        };
        if !self.count_address(address) {
            self.counters.hit(Limit::PerAddress);
            self.refuse(id, Refusal::AddressLimit, None);
            return Err(Refused::AddressLimit);
        }
        if let Some(conn) = self.conns.known_mut(id) {
            conn.count();
        }
        Ok(())
    }

    /// Gives the connection a filter, which takes these bytes; its plain bytes are an opening of their own.
    fn tls(&mut self, id: ConnId, input: &[u8]) -> Step {
        if self.waits_for_handshake(id, input) {
            self.understood(id, Meaning::Undecided(input));
            return Step::Wait;
        }
        let (first, rest) = input.split_at(input.len().min(2));
        self.understood(id, Meaning::Opening(first));
        if self.begin_filter(id, input) {
            self.dropped(id, rest);
            if let Some(conn) = self.conns.known_mut(id)
                && let State::Sniffing(layer, _) = &mut conn.state
            {
                *layer = layer.filtered();
            }
            return Step::Consumed(input.len());
        }
        self.refuse(id, Refusal::NoCertificate, None);
        self.close(id);
        Step::Consumed(first.len())
    }

    /// Whether the handshake waits until others are done. One that sends more meanwhile, or whose time is up, does not.
    fn waits_for_handshake(&mut self, id: ConnId, input: &[u8]) -> bool {
        let now = self.now.mono;
        let Some(conn) = self.conns.known(id) else {
            return false;
        };
        if conn.serves(&self.config).filter().is_none() || self.filters.contains_key(&id) {
            return false;
        }
        let must = input.len() > MAX_READ || conn.is_last_word(&self.config, now);
        if must {
            self.handshakes.forget(id);
        }
        !must && !self.handshakes.may_begin(id, now)
    }

    fn answer_policy(&mut self, id: ConnId, request: &[u8]) -> Step {
        self.understood(id, Meaning::Opening(request));
        self.counters.policy_requests += 1;
        self.note(id, What::Crossdomain);
        self.write(id, self.config.policy.socket());
        self.finish(id, Patience::Short);
        Step::Consumed(request.len())
    }

    /// The connection is a chat from now on, if one more is allowed.
    pub(super) fn begin_chat(&mut self, id: ConnId, wire: Wire) {
        let max = self.config.limits.clients;
        if self.phase != Phase::Running {
            return self.close(id);
        }
        let refused = if self.is_draining() {
            Some((Refusal::Drain, reply::TRY_LATER))
        } else if self.clients >= max {
            self.counters.hit(Limit::Clients);
            Some((Refusal::Full, reply::SERVER_FULL))
        } else {
            None
        };
        if let Some((reason, sorry)) = refused {
            self.refuse(id, reason, None);
            let sorry = reply::error(sorry);
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
        self.note_version(id);
    }
}

/// When a connection's first byte came.
fn began(conn: &Conn, now: Millis) -> Millis {
    match &conn.state {
        State::Sniffing(_, Some(first)) => first.first,
        State::Sniffing(_, None) | State::Http { .. } | State::Chat(_) | State::Ending(_) => now,
    }
}
