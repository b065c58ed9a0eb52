//! HTTP: one request a connection, answered from what the gateway knows.

use alloc::string::String;
use alloc::sync::Arc;

use super::{Gateway, Phase, Step};
use crate::conn::{Incoming, Patience, State};
use crate::event::ConnId;
use crate::frame::Chunk;
use crate::note::Note;
use crate::status::{self, Gauges};
use crate::wire::http::{self, Content, Head, Request, Response, Status};

impl Gateway {
    pub(super) fn http(&mut self, id: ConnId, input: &[u8]) -> Step {
        let limits = &self.config.limits;
        let Some(conn) = self.conns.get_mut(id) else {
            return Step::Wait;
        };
        let ended = conn.incoming == Incoming::Ended;
        let State::Http { since, searched } = &mut conn.state else {
            return Step::Wait;
        };
        let late = self.now.mono >= *since + limits.request;
        let response = match http::find_head(input, searched, limits.head) {
            Head::Partial if ended => Response::plain(Status::BadRequest),
            Head::Partial if late => Response::plain(Status::RequestTimeout),
            Head::Partial => return Step::Wait,
            Head::Bad(status) => Response::plain(status),
            Head::Complete(length) => match http::parse(&input[..length]) {
                Ok(Request {
                    upgrade: Some(handshake),
                    ..
                }) => match self.upgrade(id, &handshake) {
                    Some(response) => response,
                    None => {
                        self.counters.http_requests += 1;
                        return Step::Consumed(length);
                    }
                },
                Ok(request) => self.serve(id, &request),
                Err(Status::MethodNotAllowed) => not_allowed(),
                Err(Status::UpgradeRequired) => {
                    Response::plain(Status::UpgradeRequired).with("Sec-WebSocket-Version", "13")
                }
                Err(status) => Response::plain(status),
            },
        };
        self.counters.http_requests += 1;
        self.write(id, Chunk::new(response.head(self.now).as_bytes()));
        // However malformed what follows: who asks for the head gets no body (RFC 9110 section 9.3.2).
        if let Some(content) = response.content
            && !input.starts_with(b"HEAD ")
        {
            self.write(id, content.body);
        }
        self.finish(id, Patience::Body);
        Step::Consumed(input.len())
    }

    fn serve(&mut self, id: ConnId, request: &Request<'_>) -> Response {
        let Some(conn) = self.conns.get(id) else {
            return Response::plain(Status::ServiceUnavailable);
        };
        let peer = conn.peer();
        match request.path {
            "/crossdomain.xml" => {
                self.counters.policy_requests += 1;
                self.note(Note::Crossdomain { peer });
                let content = Content {
                    mime: "text/x-cross-domain-policy",
                    body: self.config.policy.http(),
                };
                Response {
                    status: Status::Ok,
                    header: None,
                    content: Some(content),
                }
            }
            path if path.eq_ignore_ascii_case("/server-status") => {
                self.note(Note::Status { peer });
                let gauges = self.gauges();
                if request.query == Some("json") {
                    fresh("application/json", &status::json(&gauges, &self.counters))
                } else {
                    fresh(http::PLAIN, &status::text(&gauges))
                }
            }
            "/metrics" => {
                let text = status::metrics(&self.gauges(), &self.counters, self.refusals.totals());
                fresh("text/plain; version=0.0.4; charset=utf-8", &text)
            }
            "/healthz" if self.phase != Phase::Running => {
                Response::plain(Status::ServiceUnavailable)
            }
            "/healthz" => fresh(http::PLAIN, "ok\n"),
            "/favicon.ico" => Response {
                status: Status::NoContent,
                header: None,
                content: None,
            },
            path => {
                self.note(Note::Redirect {
                    peer,
                    method: request.method.name(),
                    path: Arc::from(path),
                });
                Response::plain(Status::MovedPermanently).with("Location", &self.config.redirect)
            }
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            started: self.started,
            now: self.now,
            clients: self.clients,
            max_clients: self.config.limits.clients,
            online: self.hub.len(),
            connections: self.conns.len(),
            max_connections: self.config.limits.connections,
            lookups: self.lookups.len(),
        }
    }
}

/// What is true at this moment, and no cache may keep.
fn fresh(mime: &'static str, text: &str) -> Response {
    let content = Content {
        mime,
        body: Chunk::new(text.as_bytes()),
    };
    Response {
        status: Status::Ok,
        header: Some(("Cache-Control", String::from("no-store"))),
        content: Some(content),
    }
}

fn not_allowed() -> Response {
    Response::plain(Status::MethodNotAllowed).with("Allow", "GET, HEAD, POST")
}
