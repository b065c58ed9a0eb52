//! The head of a request for administration: HTTP with a body of a known length.

use memchr::memchr_iter;

use super::http::{MAX_HEADERS, Status, origin_form};

/// A head, as far as the request depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AdminHead<'a> {
    pub(crate) method: &'a str,
    /// As the client sent it, without the query.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// The bearer token (RFC 6750 section 2.1).
    pub(crate) token: Option<&'a str>,
    /// Bytes of body.
    pub(crate) length: usize,
    /// The client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    pub(crate) expects: bool,
}

/// Why a head is refused: the status, and the text for the client.
pub(crate) type Fault = (Status, &'static str);

/// Reads a complete head, of a request whose body has at most `most` bytes.
pub(crate) fn parse(head: &[u8], most: usize) -> Result<AdminHead<'_>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err((Status::HeaderTooLarge, "The request has too many fields."));
        }
        Ok(httparse::Status::Partial) | Err(_) => {
            return Err((Status::BadRequest, "The head of the request is malformed."));
        }
    }
    let fields = || parsed.headers.iter().map(|h| (h.name, h.value));
    let all = |name: &'static str| {
        fields().filter_map(move |(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
    };
    if parsed.version == Some(1) && all("host").count() != 1 {
        let why = "A request of HTTP/1.1 has exactly one Host field.";
        return Err((Status::BadRequest, why));
    }
    // Only browsers send this field, and the page may come from any site.
    if all("origin").next().is_some() {
        let why = "Requests with an Origin field are refused: administration is not for pages in a browser.";
        return Err((Status::Forbidden, why));
    }
    if all("transfer-encoding").next().is_some() {
        let why = "Transfer-Encoding is not supported; send Content-Length and the body as it is.";
        return Err((Status::LengthRequired, why));
    }
    let length = length(all("content-length"))?;
    if length.is_none_or(|length| length > most as u64) {
        let why = "The body is larger than 65,536 bytes.";
        return Err((Status::ContentTooLarge, why));
    }
    let expects = all("expect").next();
    if expects.is_some_and(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        let why = "The only expectation that is met is 100-continue.";
        return Err((Status::ExpectationFailed, why));
    }
    let target = origin_form(parsed.path.unwrap_or("/"));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Ok(AdminHead {
        method: parsed.method.unwrap_or_default(),
        path: if path.is_empty() { "/" } else { path },
        query,
        token: all("authorization").next().and_then(token),
        length: length.unwrap_or_default() as usize,
        expects: expects.is_some(),
    })
}

/// The length of the body: 0 without a field, `None` if the number is too large. Fields that differ, or are no
/// numbers, could be read in two ways (RFC 9112 section 6.3).
fn length<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<Option<u64>, Fault> {
    let mut length = Some(0);
    for (at, field) in fields.enumerate() {
        let digits = field.trim_ascii();
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let number = core::str::from_utf8(digits)
            .unwrap_or_default()
            .parse()
            .ok();
        if !is_number || at > 0 && number != length {
            let why = "Content-Length is not a number, or is there twice.";
            return Err((Status::BadRequest, why));
        }
        length = number;
    }
    Ok(length)
}

/// The bearer token of an `Authorization` field.
pub(crate) fn token(field: &[u8]) -> Option<&str> {
    let field = core::str::from_utf8(field).ok()?;
    let space = memchr_iter(b' ', field.as_bytes()).next()?;
    let (scheme, token) = field.split_at(space);
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn what_a_head_asks_for() {
        let head = b"PATCH /v1/members/7?x=1 HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\n\
            Authorization: bearer  abc \r\nExpect: 100-Continue\r\n\r\n";
        let expected = AdminHead {
            method: "PATCH",
            path: "/v1/members/7",
            query: Some("x=1"),
            token: Some("abc"),
            length: 12,
            expects: true,
        };
        assert_eq!(parse(head, 12), Ok(expected));
    }

    #[test]
    fn what_is_refused() {
        for (fields, status) in [
            ("Host: a", None),
            ("Host: a\r\nContent-Length: 10", None),
            ("Host: a\r\nContent-Length: 10\r\nContent-Length: 10", None),
            ("Host: a\r\nAuthorization: Basic abc", None),
            ("X: y", Some(Status::BadRequest)),
            ("Host: a\r\nHost: a", Some(Status::BadRequest)),
            ("Host: a\r\nOrigin: null", Some(Status::Forbidden)),
            (
                "Host: a\r\nTransfer-Encoding: chunked",
                Some(Status::LengthRequired),
            ),
            (
                "Host: a\r\nContent-Length: 11",
                Some(Status::ContentTooLarge),
            ),
            (
                "Host: a\r\nContent-Length: 99999999999999999999999",
                Some(Status::ContentTooLarge),
            ),
            ("Host: a\r\nContent-Length: +1", Some(Status::BadRequest)),
            ("Host: a\r\nContent-Length: 1, 1", Some(Status::BadRequest)),
            ("Host: a\r\nContent-Length:", Some(Status::BadRequest)),
            (
                "Host: a\r\nContent-Length: 1\r\nContent-Length: 2",
                Some(Status::BadRequest),
            ),
            ("Host: a\r\nExpect: x", Some(Status::ExpectationFailed)),
            ("bad", Some(Status::BadRequest)),
        ] {
            let head = format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n");
            let refused = parse(head.as_bytes(), 10).err().map(|(status, _)| status);
            assert_eq!(refused, status, "{fields}");
        }
    }
}
