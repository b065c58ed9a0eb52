//! HTTP: one request a connection, answered from what the gateway knows.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::file_answer::site_file;
use super::{Gateway, Phase, Step};
use crate::config::Missing;
use crate::conn::sniff::{Layer, Serves};
use crate::conn::{Asks, Incoming, Patience, State};
use crate::event::StoreState;
use crate::id::ConnId;

use crate::chunk::Chunk;
use crate::member::Unavailable;
use crate::note::{Refusal, What};
use crate::observer::Meaning;
use crate::web::counters::Limit;
use crate::web::file::SiteFile;
use crate::web::site::{self, Found, Site};
use crate::web::status::{self, Gauges};
use crate::wire::coding::Accepted;
use crate::wire::forwarded::Forwarding;
use crate::wire::http::{self, ALLOWED, Content, Head, Method, Reject, Request, Response, Status};
use crate::wire::percent;

/// Whether the body of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Whole,
    LeftOut,
}

impl Gateway {
    pub(super) fn http(&mut self, id: ConnId, input: &[u8]) -> Step {
        let limits = &self.config.limits;
        let Some(conn) = self.conns.known_mut(id) else {
            return Step::Wait;
        };
        let ended = conn.incoming == Incoming::Ended;
        let State::Http {
            layer,
            since,
            asks: Asks::Head { searched },
        } = &mut conn.state
        else {
            return Step::Wait;
        };
        let (layer, late) = (*layer, self.now.mono >= *since + limits.request);
        let head = http::find_head(input, searched, limits.head);
        let length = match head {
            Head::Partial if !ended && !late => return Step::Wait,
            Head::Partial | Head::Bad(_) => input.len(),
            Head::Complete(length) => length,
        };
        self.understood(id, Meaning::Head(&input[..length]));
        let serves = self.conns.known(id).map(|conn| conn.serves(&self.config));
        if serves.is_some_and(Serves::admin) {
            return self.admin_head(id, head, input);
        }
        let response = match head {
            Head::Partial if ended => self.refuse_head(id, Status::BadRequest, input),
            Head::Partial => self.refuse_head(id, Status::RequestTimeout, input),
            Head::Bad(status) => self.refuse_head(id, status, input),
            Head::Complete(length) => match self.answer_head(id, layer, &input[..length]) {
                Some(response) => response,
                None => {
                    self.counters.http_requests += 1;
                    return Step::Consumed(length);
                }
            },
        };
        // The answer to HEAD has no body, even if the request is malformed (RFC 9110 section 9.3.2).
        let body = if input.starts_with(b"HEAD ") {
            Body::LeftOut
        } else {
            Body::Whole
        };
        self.respond(id, response, body);
        self.finish(id, Patience::Body);
        Step::Consumed(length)
    }

    /// The answer to a complete head. None if the connection is a WebSocket from now on.
    fn answer_head(&mut self, id: ConnId, layer: Layer, head: &[u8]) -> Option<Response> {
        let forwarding = self.forwarding(id, layer, head);
        if let Some(client) = forwarding.client
            && self.readdress(id, client).is_err()
        {
            // Without an answer, a proxy would take the server for broken, and keep others from it.
            return Some(unkept(Response::plain(Status::TooManyRequests)));
        }
        let serves = self.conns.known(id).map(|conn| conn.serves(&self.config));
        let pages = serves.is_some_and(Serves::pages);
        Some(match http::parse(head) {
            Ok(Request {
                upgrade: Some(handshake),
                ..
            }) if pages => return self.upgrade(id, &handshake),
            Ok(request) => {
                if request.upgrade.is_none() && http::names_key(head) {
                    self.refuse(id, Refusal::NoUpgrade, None);
                }
                let secured = match pages {
                    true => self.secured(id, layer, &request, &forwarding),
                    false => None,
                };
                secured.unwrap_or_else(|| self.serve(id, &request, &forwarding))
            }
            Err(Reject::Upgrade(refusal)) => self.refuse_upgrade(id, refusal),
            Err(Reject::Status(status)) => self.refuse_head(id, status, head),
        })
    }

    /// What a head says about the client, if it comes from a trusted proxy.
    fn forwarding<'a>(&self, id: ConnId, layer: Layer, head: &'a [u8]) -> Forwarding<'a> {
        let config = &self.config;
        let conn = self.conns.known(id);
        if !conn.is_some_and(|conn| conn.serves(config).trusts_head(layer)) {
            return Forwarding::default();
        }
        let is_proxy = |address| config.trusted.holds(address);
        Forwarding::read(head, config.client_header, is_proxy)
    }

    /// Refuses a request for what its head is. Where it was to become a WebSocket, the log says so: a
    /// browser tells its user nothing.
    fn refuse_head(&mut self, id: ConnId, status: Status, head: &[u8]) -> Response {
        if status == Status::HeaderTooLarge {
            self.counters.hit(Limit::Head);
        } else if status == Status::RequestTimeout {
            self.counters.hit(Limit::Request);
        }
        if http::names_key(head) {
            if status == Status::MethodNotAllowed {
                self.refuse(id, Refusal::Method, None);
            } else {
                self.refuse(id, Refusal::Head, Some(status.line().as_bytes()));
            }
        }
        http::refused(status)
    }

    /// Sends an answer.
    pub(super) fn respond(&mut self, id: ConnId, response: Response, body: Body) {
        self.counters.http_requests += 1;
        self.write(id, Chunk::new(response.head(self.now).as_bytes()));
        if let Some(content) = response.content
            && body == Body::Whole
            // A file may be empty, a chunk that is written never is.
            && content.body.len() > 0
        {
            self.write(id, content.body);
        }
    }

    fn serve(
        &mut self,
        id: ConnId,
        request: &Request<'_>,
        forwarding: &Forwarding<'_>,
    ) -> Response {
        let Some(conn) = self.conns.known(id) else {
            return Response::plain(Status::ServiceUnavailable);
        };
        let serves = conn.serves(&self.config);
        let (pages, metrics) = (serves.pages(), serves.metrics());
        if request.method == Method::Options {
            return self.options(request);
        }
        if !pages && request.path != "/metrics" {
            return unkept(Response::plain(Status::NotFound));
        }
        match request.path {
            "/crossdomain.xml" => {
                self.counters.policy_requests += 1;
                self.note(id, What::Crossdomain);
                let content = Content {
                    mime: "text/x-cross-domain-policy".into(),
                    body: self.config.policy.http(),
                };
                Response {
                    status: Status::Ok,
                    headers: Vec::new(),
                    content: Some(content),
                }
            }
            path if is_status(path) => {
                self.note(id, What::Status);
                let gauges = self.gauges();
                if request.query == Some("json") {
                    let json = status::json(&gauges, &self.counters);
                    fresh("application/json", &json).with_all(SHARED)
                } else {
                    fresh(http::PLAIN, &status::text(&gauges))
                }
            }
            "/metrics" if metrics => self.metrics(),
            "/healthz" if self.phase != Phase::Running || self.is_draining() => {
                Response::plain(Status::ServiceUnavailable)
            }
            "/healthz" if request.query == Some("address") => {
                fresh(http::PLAIN, &self.address(id, forwarding))
            }
            "/healthz" => fresh(http::PLAIN, "ok\n"),
            "/readyz" => readiness(self.unready()),
            path => match self.config.site.find(path) {
                Found::File(file) => site_file(file, request),
                Found::Folder(path) => folder(&path, request.query),
                Found::Nothing => self.nothing(id, request, forwarding),
            },
        }
    }

    /// The counters, in the format of Prometheus.
    pub(super) fn metrics(&self) -> Response {
        let of_proxies = [Refusal::NoProxyHeader, Refusal::BadProxyHeader];
        let of_admin = [
            Refusal::AdminToken,
            Refusal::AdminOrigin,
            Refusal::AdminLimit,
        ];
        let has_admin = self.config.has_admin();
        let possible = |reason: &Refusal| {
            (!self.config.proxies.is_empty() || !of_proxies.contains(reason))
                && (has_admin || !of_admin.contains(reason))
        };
        let refused = self
            .refusals
            .totals()
            .filter(|(reason, _)| possible(reason));
        let text = status::metrics(&self.gauges(), &self.counters, refused);
        fresh("text/plain; version=0.0.4; charset=utf-8", &text)
    }

    /// What a client may do with a path. HAProxy's plain `option httpchk` asks for any path and needs a
    /// status of 2xx; a browser asks before a script of another site sends headers of its own.
    fn options(&self, request: &Request<'_>) -> Response {
        let response = Response {
            status: Status::NoContent,
            headers: Vec::from([("Allow", Cow::from(ALLOWED))]),
            content: None,
        };
        let is_json = request.query == Some("json") && is_status(request.path);
        if is_json || matches!(self.config.site.find(request.path), Found::File(_)) {
            response.with_all(SHARED).with_all(PREFLIGHT)
        } else {
            response
        }
    }

    /// Answers for a path that neither the gateway nor the site has.
    fn nothing(
        &mut self,
        id: ConnId,
        request: &Request<'_>,
        forwarding: &Forwarding<'_>,
    ) -> Response {
        if request.path == "/favicon.ico" {
            return Response {
                status: Status::NoContent,
                headers: Vec::new(),
                content: None,
            };
        }
        let config = &self.config;
        let (status, location) = match (&config.redirect, config.missing) {
            (Some(url), _) => (Status::MovedPermanently, url.clone()),
            (None, Missing::NotFound) if request.path != "/" => return not_found(&config.site),
            // An authority would report the chat page as a wrong challenge, where in fact there is none.
            (None, Missing::Chat) if request.path.starts_with(site::CHALLENGES) => {
                return not_found(&config.site);
            }
            (None, Missing::NotFound | Missing::Chat) => (Status::Found, String::from(site::CHAT)),
        };
        if site::leads_to(request.path, &location) {
            return not_found(&config.site);
        }
        let what = What::Redirect {
            method: request.method.name(),
            path: Arc::from(request.path),
        };
        self.note(id, what);
        unkept(Response::plain(status).with("Location", forwarding.location(location)))
    }

    /// The client's address as the gateway knows it, and its source. It shows whether a proxy names its clients.
    fn address(&self, id: ConnId, forwarding: &Forwarding<'_>) -> String {
        let conn = self.conns.known(id);
        let layer = conn.and_then(|conn| match conn.state {
            State::Http { layer, .. } => Some(layer),
            State::Sniffing(..) | State::Chat(_) | State::Ending(_) => None,
        });
        let by = match layer {
            Some(Layer::Proxied | Layer::ProxiedFiltered) => "PROXY",
            Some(Layer::Outermost | Layer::Filtered) | None if forwarding.client.is_some() => {
                "header"
            }
            Some(Layer::Outermost | Layer::Filtered) | None => "connection",
        };
        match conn.and_then(|conn| conn.peer().ip()) {
            Some(address) => format!("ok\n{address} by {by}\n"),
            None => format!("ok\nunix by {by}\n"),
        }
    }

    /// Why nobody can log in at present. What the store did to the last question counts for as long as
    /// an answer may take: a server that gets no logins because it is not ready would not learn more.
    fn unready(&self) -> Option<&'static str> {
        if self.phase != Phase::Running {
            return Some("shutdown");
        }
        if self.is_draining() {
            return Some("drain");
        }
        match self.store_failed {
            Some((at, why)) if self.now.mono < at + self.config.limits.lookup => Some(why.as_str()),
            Some(_) | None => {
                (self.facts.store == StoreState::Down).then_some(Unavailable::Failed.as_str())
            }
        }
    }

    fn store(&self) -> StoreState {
        match self.unready() {
            Some(_) if self.phase == Phase::Running && !self.is_draining() => StoreState::Down,
            Some(_) | None => StoreState::Up,
        }
    }

    pub(super) fn gauges(&self) -> Gauges {
        Gauges {
            started: self.started,
            now: self.now,
            clients: self.clients,
            max_clients: self.config.limits.clients,
            online: self.hub.len(),
            connections: self.conns.len(),
            max_connections: self.config.limits.connections,
            rooms: self.hub.rooms.len(),
            max_rooms: self.config.limits.rooms,
            lookups: self.questions.len(),
            store: self.store(),
            facts: self.facts,
        }
    }
}

/// What a check gets that asks whether members can log in.
fn readiness(trouble: Option<&str>) -> Response {
    match trouble {
        None => fresh(http::PLAIN, "ok\n"),
        Some(why) => {
            let body = alloc::format!("{why}\n");
            unkept(Response::text(Status::ServiceUnavailable, &body))
        }
    }
}

/// What is true at this moment, and no cache may keep.
fn fresh(mime: &'static str, text: &str) -> Response {
    let content = Content {
        mime: mime.into(),
        body: Chunk::new(text.as_bytes()),
    };
    Response {
        status: Status::Ok,
        headers: Vec::from([("Cache-Control", Cow::from("no-store"))]),
        content: Some(content),
    }
}

/// Says that nothing is there, by the site's own page for that if it has one.
fn not_found(site: &Site) -> Response {
    let Some(file) = site.get(NOT_FOUND_PAGE) else {
        return unkept(Response::plain(Status::NotFound));
    };
    let plain = file.select(&Accepted::default());
    let response = unkept(Response {
        status: Status::NotFound,
        headers: Vec::new(),
        content: Some(content(file, plain.body)),
    });
    under_policy(response.with("X-Content-Type-Options", "nosniff"), file)
}

pub(super) fn content(file: &SiteFile, body: &Chunk) -> Content {
    Content {
        mime: file.content_type(),
        body: body.clone(),
    }
}

/// Adds the file's `Content-Security-Policy`, if it has one.
pub(super) fn under_policy(response: Response, file: &SiteFile) -> Response {
    match file.policy() {
        Some(policy) => response.with("Content-Security-Policy", String::from(policy)),
        None => response,
    }
}

/// Leads from a folder without its last slash to the same with it, and keeps the query. The redirect
/// is relative, so that it works below a prefix that a proxy has taken away.
fn folder(path: &str, query: Option<&str>) -> Response {
    let start = path.trim_end_matches('/').rfind('/');
    let name = &path[start.map_or(0, |slash| slash + 1)..];
    // What stands before a colon in the first segment would be a scheme (RFC 3986 section 4.2).
    let mut location = String::from(if name.contains(':') { "./" } else { "" });
    location.push_str(name);
    if let Some(query) = query {
        location.push('?');
        location.push_str(&percent::query(query));
    }
    unkept(Response::plain(Status::Found).with("Location", location))
}

/// Forbids caches to keep an answer. A browser keeps a bare 301 for ever, and a bare 404 for a while.
pub(super) fn unkept(response: Response) -> Response {
    response.with("Cache-Control", "no-store")
}

pub(super) fn is_status(path: &str) -> bool {
    path.eq_ignore_ascii_case("/server-status")
}

/// The page with which a site says that something is missing.
const NOT_FOUND_PAGE: &str = "/404.html";

/// Lets pages of other sites read an answer. Movies are loaded by pages and players of other sites, by
/// script (CORS) and by mere tags; a page that is isolated (Cross-Origin-Embedder-Policy) takes only what
/// allows it. Such an answer is public and the same for every client, so nothing is given away.
pub(super) const SHARED: [(&str, &str); 2] = [
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
];

/// What a browser asks for before a request that is more than a plain form would send (Fetch standard,
/// "CORS-preflight fetch").
const PREFLIGHT: [(&str, &str); 2] = [
    ("Access-Control-Allow-Methods", ALLOWED),
    ("Access-Control-Allow-Headers", "*"),
];
