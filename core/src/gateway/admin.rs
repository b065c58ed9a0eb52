//! Administration: requests are read, handed to the host, and answered.
//!
//! A request ends its connection. While the host looks at it, nothing else waits. The order of the host is
//! carried out in the input that brings its answer (`admin::orders`). A stream of events (`admin::events`) goes on
//! until its client closes, or reads too slowly.

mod drain;
mod events;
mod orders;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use zeroize::Zeroizing;

use super::http::Body;
use super::refusals::Last;
use super::{Gateway, Step};
use crate::admin::{AdminAnswer, AdminOrder, AdminRequest, AdminTexts};
use crate::chunk::Chunk;
use crate::conn::admin::{Admin, Stage};
use crate::conn::{Asks, Conn, Incoming, Patience, State};
use crate::event::Action;
use crate::id::{Accepted, ConnId, Peer, Source, Ticket};
use crate::json::Object;
use crate::member::{Answer, Query, Secret};
use crate::note::{Refusal, What};
use crate::observer::Meaning;
use crate::time::Millis;
use crate::wire::admin::{self, AdminHead, Fault};
use crate::wire::http::{Content, Head, Response, Status};
use drain::Drain;
use orders::Outcome;

/// The state of all connections for administration.
#[derive(Debug, Default)]
pub(super) struct Admins {
    /// The open connections, and the users at their other ends.
    open: BTreeMap<ConnId, Opened>,
    /// Requests that the host has not answered. The host bounds them: it answers at once if it is busy.
    asked: BTreeMap<Ticket, Asked>,
    /// The connections that get events, in the order in which they came.
    watching: Vec<(ConnId, AdminTexts)>,
    /// When members and guests came online. Empty without a listener for administration.
    since: BTreeMap<ConnId, Millis>,
    drain: Option<Drain>,
    /// How many requests were handed to the host.
    requests: u64,
}

/// An open connection.
#[derive(Clone, Copy, Debug)]
struct Opened {
    user: Option<u32>,
    /// `None` over a Unix socket.
    source: Option<Source>,
}

impl Opened {
    fn of(origin: Accepted) -> Self {
        let ip = origin.peer.ip();
        let source = ip.map(|ip| match ip.is_loopback() {
            true => Source::of(Ipv4Addr::LOCALHOST.into()),
            false => Source::of(ip),
        });
        let user = origin.user;
        Self { user, source }
    }
}

/// A request at the host. It outlives its connection: its order is carried out all the same.
#[derive(Debug)]
struct Asked {
    conn: ConnId,
    /// For the log, which the connection may not live to see.
    peer: Peer,
    /// Method and path, for the log; `None` for one that changes nothing.
    request: Option<Arc<str>>,
    /// Streams were ended since: it begins none.
    is_stale: bool,
}

impl Admins {
    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many are open from the same address.
    pub(super) fn count_from(&self, origin: Accepted) -> usize {
        let source = Opened::of(origin).source;
        let same = |opened: &&Opened| source.is_some() && opened.source == source;
        self.open.values().filter(same).count()
    }

    pub(super) fn open(&mut self, id: ConnId, origin: Accepted) {
        self.open.insert(id, Opened::of(origin));
    }

    /// How many requests the host has not answered yet.
    pub(super) fn waiting(&self) -> usize {
        self.asked.len()
    }

    /// The member or guest of a connection has come online.
    pub(super) fn online(&mut self, id: ConnId, now: Millis) {
        self.since.insert(id, now);
    }

    fn online_since(&self, id: ConnId) -> Option<Millis> {
        self.since.get(&id).copied()
    }

    /// The chat of a connection has ended.
    #[inline]
    pub(super) fn offline(&mut self, id: ConnId) {
        if !self.since.is_empty() {
            self.since.remove(&id);
        }
    }

    /// A connection ends, and gets no more events.
    #[inline]
    pub(super) fn unwatch(&mut self, id: ConnId) {
        if !self.watching.is_empty() {
            self.watching.retain(|(watching, _)| *watching != id);
        }
    }

    /// A connection is gone.
    #[inline]
    pub(super) fn forget(&mut self, id: ConnId) {
        if !self.open.is_empty() && self.open.remove(&id).is_some() {
            self.unwatch(id);
        }
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn watchers(&self) -> impl Iterator<Item = ConnId> {
        self.watching.iter().map(|(id, _)| *id)
    }

    #[cfg(any(test, feature = "_testing"))]
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty()
            && self.asked.is_empty()
            && self.watching.is_empty()
            && self.since.is_empty()
    }
}

impl Gateway {
    /// Takes the head of a request, as much of it as there is.
    pub(super) fn admin_head(&mut self, id: ConnId, head: Head, input: &[u8]) -> Step {
        let ended = self
            .conns
            .known(id)
            .is_some_and(|conn| conn.incoming == Incoming::Ended);
        let (length, parsed) = match head {
            Head::Complete(length) => {
                let most = self.config.limits.admin_body;
                (length, admin::parse(&input[..length], most))
            }
            Head::Partial if ended => (input.len(), Err(ENDED)),
            Head::Partial => (input.len(), Err(LATE)),
            Head::Bad(status @ Status::HeaderTooLarge) => (
                input.len(),
                Err((status, "The head is larger than 16 KiB.")),
            ),
            Head::Bad(status) => (input.len(), Err((status, "The head holds a NUL."))),
        };
        // A client without a token need not send a body.
        let needs_token =
            |id| matches!(self.conns.known(id).map(Conn::peer), Some(Peer::Address(_)));
        let parsed = match parsed {
            Ok(head) if head.token.is_none() && needs_token(id) => Err(NO_TOKEN),
            parsed => parsed,
        };
        let head = match parsed {
            Ok(head) => head,
            Err(fault) => {
                let body = body_of(&input[..input.len().min(5)]);
                self.refuse_admin(id, fault, body);
                return Step::Consumed(length);
            }
        };
        if head.expects && head.length > 0 {
            self.write(id, Chunk::new(b"HTTP/1.1 100 Continue\r\n\r\n"));
        }
        let Some(request) = self.admin_request(id, &head) else {
            return Step::Wait;
        };
        if let Some(conn) = self.conns.known_mut(id)
            && let State::Http { since, asks, .. } = &mut conn.state
        {
            *asks = Asks::Admin(Box::new(Admin {
                since: *since,
                stage: Stage::Body(head.length),
                request,
            }));
        }
        Step::Consumed(length)
    }

    fn admin_request(&self, id: ConnId, head: &AdminHead<'_>) -> Option<AdminRequest> {
        Some(AdminRequest {
            method: Arc::from(head.method),
            path: Arc::from(head.path),
            query: head.query.map(Arc::from),
            token: head.token.map(Secret::new),
            peer: self.conns.known(id)?.peer(),
            user: self.admin.open.get(&id).and_then(|opened| opened.user),
            body: Zeroizing::default(),
        })
    }

    /// Takes the bytes after the head.
    pub(super) fn admin(&mut self, id: ConnId, input: &[u8]) -> Step {
        let now = self.now.mono;
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let ended = conn.incoming == Incoming::Ended;
        let late = conn.deadline(&self.config).is_some_and(|due| due <= now);
        let State::Http {
            asks: Asks::Admin(admin),
            ..
        } = &mut conn.state
        else {
            return Step::Wait;
        };
        let body = body_of(admin.request.method.as_bytes());
        match admin.stage {
            Stage::Body(length) if input.len() >= length => {
                admin.request.body = Zeroizing::new(Box::from(&input[..length]));
                // If the host does not answer, clients may leave, come back and ask again.
                let is_full = self.admin.waiting() >= 2 * self.config.limits.admin_connections;
                if !is_full {
                    self.ask_admin(id);
                }
                self.understood_body(id, &input[..length]);
                if is_full {
                    self.refuse_admin(id, NO_ANSWER, body);
                }
                Step::Consumed(length)
            }
            Stage::Body(_) if ended || late => {
                self.understood_body(id, input);
                self.refuse_admin(id, if ended { ENDED } else { LATE }, body);
                Step::Consumed(input.len())
            }
            Stage::Body(_) => Step::Wait,
            Stage::Asked(_) if late => {
                self.refuse_admin(id, NO_ANSWER, body);
                Step::Consumed(0)
            }
            Stage::Events(_) if ended => {
                self.close(id);
                Step::Consumed(0)
            }
            // One request a connection, as on all listeners.
            Stage::Asked(_) | Stage::Events(_) if input.is_empty() => Step::Wait,
            Stage::Asked(_) | Stage::Events(_) => {
                self.dropped(id, input);
                Step::Consumed(input.len())
            }
        }
    }

    fn understood_body(&mut self, id: ConnId, body: &[u8]) {
        if !body.is_empty() {
            self.understood(id, Meaning::Body(body));
        }
    }

    /// Hands the whole request to the host.
    fn ask_admin(&mut self, id: ConnId) {
        // A series of its own: the tickets of the chat must not depend on what an operator looks at.
        let ticket = Ticket(FIRST_TICKET + self.admin.requests);
        self.admin.requests += 1;
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let State::Http {
            asks: Asks::Admin(admin),
            ..
        } = &mut conn.state
        else {
            return;
        };
        admin.since = self.now.mono;
        admin.stage = Stage::Asked(ticket);
        let AdminRequest { method, path, .. } = &admin.request;
        let changes = !["GET", "HEAD"].contains(&&**method);
        let request = changes.then(|| Arc::from([method, " ", path].concat()));
        let peer = admin.request.peer;
        let query = Query::Admin(Box::new(admin.request.clone()));
        admin.request.body = Zeroizing::default();
        let asked = Asked {
            conn: id,
            peer,
            request,
            is_stale: false,
        };
        self.admin.asked.insert(ticket, asked);
        self.act(Action::Lookup(ticket, query));
    }

    /// Takes the host's answer if its ticket belongs to a request; otherwise returns the answer.
    pub(super) fn admin_answer(&mut self, ticket: Ticket, answer: Answer) -> Option<Answer> {
        let Some(asked) = self.admin.asked.remove(&ticket) else {
            return Some(answer);
        };
        let waits = self.waits_as_admin(asked.conn, ticket);
        // Other answers are a fault of the host, or mean that it has none.
        #[allow(clippy::wildcard_enum_match_arm)]
        let answer = match answer {
            Answer::Admin(answer) => *answer,
            _ => AdminAnswer {
                by: None,
                about: None,
                order: AdminOrder::Problem {
                    status: Status::ServiceUnavailable.code(),
                    detail: String::from(NO_ANSWER.1),
                    allow: None,
                },
            },
        };
        let AdminAnswer { by, about, order } = answer;
        let outcome = match self.carry_out(order) {
            Outcome::Events(_) if asked.is_stale => {
                let (status, detail) = NO_ANSWER;
                Outcome::Answer(problem(status, detail))
            }
            outcome @ (Outcome::Answer(_) | Outcome::Events(_)) => outcome,
        };
        let status = outcome.status();
        if status == Status::Unauthorized {
            let last = Last {
                conn: Some(asked.conn),
                peer: asked.peer,
            };
            self.count_refusal(Refusal::AdminToken, last, None);
        } else if let Some(request) = asked.request {
            let status = status.code();
            let what = What::Admin {
                request,
                status,
                by,
                about,
            };
            self.note_from(asked.conn, asked.peer, what);
        }
        if let Some(body) = waits {
            self.answer_admin(asked.conn, outcome, body);
        }
        None
    }

    /// Whether a connection waits for the answer to this question, and for the body of that answer.
    fn waits_as_admin(&self, id: ConnId, ticket: Ticket) -> Option<Body> {
        match &self.conns.get(id)?.state {
            State::Http {
                asks: Asks::Admin(admin),
                ..
            } if admin.stage == Stage::Asked(ticket) => {
                Some(body_of(admin.request.method.as_bytes()))
            }
            State::Sniffing(..) | State::Http { .. } | State::Chat(_) | State::Ending(_) => None,
        }
    }

    fn answer_admin(&mut self, id: ConnId, outcome: Outcome, body: Body) {
        match outcome {
            Outcome::Answer(response) => self.end_admin(id, response, body),
            Outcome::Events(_) if body == Body::LeftOut => {
                self.end_admin(id, stream(), body);
            }
            Outcome::Events(texts) => {
                self.respond(id, stream(), body);
                if let Some(conn) = self.conns.known_mut(id)
                    && let State::Http {
                        asks: Asks::Admin(admin),
                        ..
                    } = &mut conn.state
                {
                    admin.stage = Stage::Events(texts);
                    self.admin.watching.push((id, texts));
                }
                // The client may have closed its side already.
                self.advance(id, &[]);
            }
        }
    }

    fn refuse_admin(&mut self, id: ConnId, (status, detail): Fault, body: Body) {
        if status == Status::Forbidden {
            self.refuse(id, Refusal::AdminOrigin, None);
        } else if status == Status::Unauthorized {
            self.refuse(id, Refusal::AdminToken, None);
        }
        self.end_admin(id, problem(status, detail), body);
    }

    fn end_admin(&mut self, id: ConnId, response: Response, body: Body) {
        self.respond(id, response, body);
        self.finish(id, Patience::Body);
        self.settle(id);
    }
}

/// The address of a peer without its port, or `unix`.
fn address(peer: Peer) -> String {
    match peer.ip() {
        Some(ip) => format!("{ip}"),
        None => format!("{peer}"),
    }
}

/// The answer to HEAD has no body.
fn body_of(begin: &[u8]) -> Body {
    if begin == b"HEAD" || begin == b"HEAD " {
        Body::LeftOut
    } else {
        Body::Whole
    }
}

/// A problem description (RFC 9457).
fn problem(status: Status, detail: &str) -> Response {
    let body = Object::new()
        .text("type", "about:blank")
        .text("title", status.phrase())
        .raw("status", status.code())
        .text("detail", detail)
        .end();
    let response = answer(status, "application/problem+json", body);
    if status == Status::Unauthorized {
        response.with("WWW-Authenticate", "Bearer")
    } else {
        response
    }
}

/// An answer that no cache keeps.
fn answer(status: Status, mime: &'static str, mut body: String) -> Response {
    body.push('\n');
    Response {
        status,
        headers: Vec::from([("Cache-Control", Cow::from("no-store"))]),
        content: Some(Content {
            mime: mime.into(),
            body: Chunk::new(body.as_bytes()),
        }),
    }
}

/// The head of a stream, whose body ends with the connection (RFC 9112 section 6.3).
fn stream() -> Response {
    Response {
        status: Status::Ok,
        headers: Vec::from([
            ("Cache-Control", Cow::from("no-store")),
            ("Content-Type", Cow::from("application/x-ndjson")),
        ]),
        content: None,
    }
}

/// How long the host may take: it may read the files of a site again.
pub(crate) const MAX_ADMIN_WAIT: Millis = Millis::from_secs(60);

const FIRST_TICKET: u64 = 1 << 63;

const NO_TOKEN: Fault = (
    Status::Unauthorized,
    "A token is needed: send the field Authorization: Bearer TOKEN.",
);
const ENDED: Fault = (Status::BadRequest, "The request ends too early.");
const LATE: Fault = (
    Status::RequestTimeout,
    "The request did not arrive in time.",
);
const NO_ANSWER: Fault = (
    Status::ServiceUnavailable,
    "The server has no answer at present; try again later.",
);
