//! Visitors, which do not chat: their answers and their ends.

use super::Model;
use super::side::Stage;
use crate::sim::client::{Kind, Visit};
use crate::sim::key::Key;

impl Model {
    /// Takes a part of a visitor's answer.
    pub(super) fn visited(&mut self, id: Key, bytes: &[u8]) {
        let (clients, max) = (self.clients(), self.config.limits.clients);
        let side = self.side(id);
        assert!(side.opening.is_none() && !side.refused, "{side:?}");
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

    /// Checks the whole answer to a visitor whose connection ends.
    pub(super) fn assert_answered(&mut self, id: Key) {
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
                let status = if side.too_many { "429" } else { status };
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
                        request.contains("/healthz") && self.stopping.is_some() && !side.too_many,
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

    /// Whether a connection's first bytes came after its time.
    pub(super) fn came_too_late(&self, id: Key) -> bool {
        let side = &self.sides[&id];
        let first = side.began.is_none_or(|at| at == self.now.mono);
        first && self.now.mono >= side.accepted + self.config.limits.login
    }

    /// The first stage of the end: a client that has not closed its side may still be reading.
    pub(super) fn finish(&self, id: Key) -> Stage {
        if self.sides[&id].eof {
            Stage::Close
        } else {
            Stage::Finish
        }
    }
}
