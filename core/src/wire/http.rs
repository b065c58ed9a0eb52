//! HTTP/1.0 and 1.1 as far as a gateway needs it: one request head in, one answer out.
//!
//! RFC 9112 has the syntax, which httparse reads; RFC 9110 has the meaning.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use memchr::memchr2_iter;

use crate::chunk::Chunk;
use crate::time::Now;
use crate::wire::coding::Accepted;
use crate::wire::websocket::{Handshake, Refusal};
pub(crate) use crate::wire::websocket::{is_key, names_key};

/// How much of a request's head the input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// Not all of it.
    Partial,
    /// All of it, in this many bytes.
    Complete(usize),
    /// A byte that no head may hold, or more bytes than allowed.
    Bad(Status),
}

/// Looks for the empty line that ends a head. `searched` is how far an earlier call got with the same bytes, so
/// that none is read twice.
pub(crate) fn find_head(input: &[u8], searched: &mut usize, limit: usize) -> Head {
    let within = &input[..input.len().min(limit)];
    let from = (*searched).min(within.len());
    for at in memchr2_iter(0, b'\n', &within[from..]) {
        let at = from + at;
        if within[at] == 0 {
            return Head::Bad(Status::BadRequest);
        }
        // A bare LF ends a line too (RFC 9112 section 2.2), so an empty line is LF LF or LF CR LF.
        let line = &within[..at];
        if line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"\n") {
            return Head::Complete(at + 1);
        }
    }
    *searched = within.len();
    if input.len() > limit {
        Head::Bad(Status::HeaderTooLarge)
    } else {
        Head::Partial
    }
}

/// A request, as far as an answer depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// As the client sent it, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// The request for a WebSocket, if it is one.
    pub(crate) upgrade: Option<Handshake<'a>>,
    /// `None` if there is no such field, or more than one.
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) fields: Fields<'a>,
}

/// The header fields that an answer may depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    /// A list, each line a part of it (RFC 9110 section 5.3).
    pub(crate) if_none_match: Vec<&'a [u8]>,
    /// Each may be there once; of two, none counts.
    pub(crate) range: Vec<&'a [u8]>,
    pub(crate) if_range: Vec<&'a [u8]>,
    pub(crate) accepted: Accepted,
}

impl<'a> Fields<'a> {
    fn read(headers: &[httparse::Header<'a>]) -> Self {
        let mut fields = Self::default();
        for header in headers {
            if header.name.eq_ignore_ascii_case("if-none-match") {
                fields.if_none_match.push(header.value);
            } else if header.name.eq_ignore_ascii_case("accept-encoding") {
                fields.accepted.add(header.value);
            } else if header.name.eq_ignore_ascii_case("range") {
                fields.range.push(header.value);
            } else if header.name.eq_ignore_ascii_case("if-range") {
                fields.if_range.push(header.value);
            }
        }
        fields
    }
}

/// A method that some path allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Options,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Options => "OPTIONS",
        }
    }
}

/// Why a complete head is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reject<'a> {
    /// It is malformed, or its method is not allowed.
    Status(Status),
    /// It asks for a WebSocket in a wrong way.
    Upgrade(Refusal<'a>),
}

impl From<Status> for Reject<'_> {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// Reads a complete head, or says why it is not served.
pub(crate) fn parse(head: &[u8]) -> Result<Request<'_>, Reject<'_>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Status::HeaderTooLarge.into()),
        Ok(httparse::Status::Partial) | Err(_) => {
            return Err(Status::BadRequest.into());
        }
    }
    let headers = parsed.headers.iter().map(|h| (h.name, h.value));
    let minor = parsed.version.unwrap_or(0);
    let upgrade = match Handshake::read(parsed.method.unwrap_or(""), minor, headers) {
        None => None,
        Some(Ok(handshake)) => Some(handshake),
        Some(Err(refusal)) => return Err(Reject::Upgrade(refusal)),
    };
    let mut hosts = parsed
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("host"));
    let host = match (hosts.next(), hosts.next()) {
        (Some(only), None) => Some(only.value),
        // RFC 9112 section 3.2: a request of HTTP/1.1 names exactly one host.
        (None, _) | (Some(_), Some(_)) if parsed.version == Some(1) => {
            return Err(Status::BadRequest.into());
        }
        (None, _) | (Some(_), Some(_)) => None,
    };
    let method = match parsed.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some("POST") => Method::Post,
        Some("OPTIONS") => Method::Options,
        Some(_) | None => return Err(Status::MethodNotAllowed.into()),
    };
    let target = origin_form(parsed.path.unwrap_or("/"));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Ok(Request {
        method,
        path: if path.is_empty() { "/" } else { path },
        query,
        upgrade,
        host,
        fields: Fields::read(parsed.headers),
    })
}

/// The answer to a line that was not recognised as HTTP but ends like the first line of a request: with a space,
/// `HTTP/` and a version.
pub(crate) fn other_method(line: &str) -> Option<Status> {
    let (_, version) = line.rsplit_once(" HTTP/")?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match (major, minor) {
        ("1", "0" | "1") if version.contains('.') => Some(Status::MethodNotAllowed),
        (major, minor) if is_number(major) && is_number(minor) => Some(Status::VersionNotSupported),
        (_, _) => None,
    }
}

/// The answer to a refused request. For a method that is not allowed it lists the allowed ones (RFC 9110 section
/// 15.5.6).
pub(crate) fn refused(status: Status) -> Response {
    let response = Response::plain(status);
    if status == Status::MethodNotAllowed {
        response.with("Allow", ALLOWED)
    } else {
        response
    }
}

/// Removes scheme and host from a target in absolute form, which every server must understand (RFC 9112 section 3.2.2).
pub(crate) fn origin_form(target: &str) -> &str {
    for scheme in ["http://", "https://"] {
        let Some((start, rest)) = target.split_at_checked(scheme.len()) else {
            continue;
        };
        if start.eq_ignore_ascii_case(scheme) {
            return rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
        }
    }
    target
}

/// A status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    Created,
    NoContent,
    PartialContent,
    MovedPermanently,
    Found,
    NotModified,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    LengthRequired,
    ContentTooLarge,
    RangeNotSatisfiable,
    ExpectationFailed,
    UnprocessableContent,
    UpgradeRequired,
    TooManyRequests,
    HeaderTooLarge,
    InternalServerError,
    ServiceUnavailable,
    VersionNotSupported,
}

impl Status {
    /// The number of the line.
    pub(crate) fn code(self) -> u16 {
        self.line()[..3].parse().unwrap_or(500)
    }

    /// The phrase of the line.
    pub(crate) fn phrase(self) -> &'static str {
        &self.line()[4..]
    }

    /// The code and its standard phrase (RFC 9110 section 15, RFC 6585).
    pub(crate) fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::Created => "201 Created",
            Self::NoContent => "204 No Content",
            Self::PartialContent => "206 Partial Content",
            Self::MovedPermanently => "301 Moved Permanently",
            Self::Found => "302 Found",
            Self::NotModified => "304 Not Modified",
            Self::BadRequest => "400 Bad Request",
            Self::Unauthorized => "401 Unauthorized",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::RequestTimeout => "408 Request Timeout",
            Self::Conflict => "409 Conflict",
            Self::LengthRequired => "411 Length Required",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::RangeNotSatisfiable => "416 Range Not Satisfiable",
            Self::ExpectationFailed => "417 Expectation Failed",
            Self::UnprocessableContent => "422 Unprocessable Content",
            Self::UpgradeRequired => "426 Upgrade Required",
            Self::TooManyRequests => "429 Too Many Requests",
            Self::HeaderTooLarge => "431 Request Header Fields Too Large",
            Self::InternalServerError => "500 Internal Server Error",
            Self::ServiceUnavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

/// The status with this code, for answers to requests for administration. A host that gives any other code has a
/// fault.
pub(crate) fn status_of(code: u16) -> Status {
    let known = [
        Status::Ok,
        Status::Created,
        Status::NoContent,
        Status::BadRequest,
        Status::Unauthorized,
        Status::Forbidden,
        Status::NotFound,
        Status::MethodNotAllowed,
        Status::Conflict,
        Status::UnprocessableContent,
        Status::TooManyRequests,
        Status::ServiceUnavailable,
    ];
    let mut known = known.into_iter();
    let found = known.find(|status| status.code() == code);
    found.unwrap_or(Status::InternalServerError)
}

/// An answer: a head made for it, and a body that may be shared.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: Status,
    /// More header lines, in order.
    pub(crate) headers: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) content: Option<Content>,
}

/// A body and its type.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) mime: Cow<'static, str>,
    pub(crate) body: Chunk,
}

impl Response {
    /// `body` as plain text.
    pub(crate) fn text(status: Status, body: &str) -> Self {
        let content = Content {
            mime: PLAIN.into(),
            body: Chunk::new(body.as_bytes()),
        };
        Self {
            status,
            headers: Vec::new(),
            content: Some(content),
        }
    }

    /// A status whose body is its phrase.
    pub(crate) fn plain(status: Status) -> Self {
        let mut body = String::from(status.line());
        body.push('\n');
        Self::text(status, &body)
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with more headers.
    pub(crate) fn with_all<const N: usize>(
        mut self,
        headers: [(&'static str, &'static str); N],
    ) -> Self {
        let headers = headers.map(|(name, value)| (name, Cow::from(value)));
        self.headers.extend(headers);
        self
    }

    /// The head of the answer. Every connection carries one request (RFC 9112 section 9.6).
    pub(crate) fn head(&self, now: Now) -> String {
        let mut out = String::with_capacity(256);
        // Writing to a String does not fail.
        let _ = write!(
            out,
            "HTTP/1.1 {}\r\nDate: {}\r\nConnection: close\r\n",
            self.status.line(),
            now.http_date()
        );
        for (name, value) in &self.headers {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        if let Some(Content { mime, body }) = &self.content {
            let _ = write!(
                out,
                "Content-Type: {mime}\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        out.push_str("\r\n");
        out
    }
}

/// The methods that every path has.
pub(crate) const ALLOWED: &str = "GET, HEAD, POST, OPTIONS";

pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";

/// Header lines a request may have (Apache's `LimitRequestFields` is 100).
pub(crate) const MAX_HEADERS: usize = 100;

#[cfg(test)]
mod tests;
