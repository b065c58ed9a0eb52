//! The paths and methods of the interface.

use super::problem::{BAD_REQUEST, NOT_FOUND, Problem, UNPROCESSABLE};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// The members and guests that are online.
    Clients,
    /// Close the connection of a client.
    Kick,
    /// Say something to everyone, or to a room.
    Announce,
    /// Send a message of the site.
    Messages,
    /// Add a member.
    AddMember,
    /// Change a member.
    ChangeMember,
    /// Remove a member.
    RemoveMember,
    /// Make a ticket, with which a member logs in.
    Tickets,
    /// The rooms.
    Rooms,
    /// Read the configuration again.
    Reload,
    /// Let no client in, and stop when all have left.
    Drain,
    /// The state of the server.
    Status,
    /// A stream of what happens.
    Events,
    /// The counters.
    Metrics,
}

/// Method, path, and what they ask for. `{…}` stands for one segment.
pub(super) const ROUTES: [(&str, &str, Operation); 14] = [
    ("GET", "/v1/clients", Operation::Clients),
    ("POST", "/v1/clients/{nick}/kick", Operation::Kick),
    ("POST", "/v1/announce", Operation::Announce),
    ("POST", "/v1/messages", Operation::Messages),
    ("POST", "/v1/members", Operation::AddMember),
    ("PATCH", "/v1/members/{id}", Operation::ChangeMember),
    ("DELETE", "/v1/members/{id}", Operation::RemoveMember),
    ("POST", "/v1/tickets", Operation::Tickets),
    ("GET", "/v1/rooms", Operation::Rooms),
    ("POST", "/v1/reload", Operation::Reload),
    ("POST", "/v1/drain", Operation::Drain),
    ("GET", "/v1/status", Operation::Status),
    ("GET", "/v1/events", Operation::Events),
    ("GET", "/metrics", Operation::Metrics),
];

/// Finds what a request asks for, and the segment that the path leaves open, decoded. HEAD is GET.
pub(super) fn find(method: &str, path: &str) -> Result<(Operation, String), Problem> {
    let wanted = if method == "HEAD" { "GET" } else { method };
    let here = ROUTES
        .iter()
        .filter(|(_, template, _)| fits(template, path));
    let Some((_, template, operation)) = here.clone().find(|(method, ..)| *method == wanted) else {
        return Err(match here.clone().map(|(method, ..)| *method).next() {
            Some(first) => Problem {
                status: 405,
                detail: format!("{method} is not allowed here; allowed is {}.", allow(first)),
                allow: Some(allow(first)),
            },
            None => Problem::new(
                NOT_FOUND,
                "There is no such path; src/admin/openapi.json describes all.",
            ),
        });
    };
    let open = template.split('/').zip(path.split('/'));
    let open = open
        .filter(|(part, _)| part.starts_with('{'))
        .map(|(_, segment)| segment)
        .next();
    match decoded(open.unwrap_or_default()) {
        Some(segment) => Ok((*operation, segment)),
        None => Err(Problem::new(
            BAD_REQUEST,
            "The path is not percent-encoded UTF-8.",
        )),
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut parts, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if part == segment => {}
            (Some(part), Some(segment)) if part.starts_with('{') && !segment.is_empty() => {}
            (_, _) => return false,
        }
    }
}

/// The methods of a path that has this one.
fn allow(method: &str) -> &'static str {
    match method {
        "GET" => "GET, HEAD",
        "POST" => "POST",
        _ => "PATCH, DELETE",
    }
}

/// The page that a query asks for: `after` and `limit`.
pub(super) fn page(query: Option<&str>) -> Result<(Option<String>, usize), Problem> {
    let (mut after, mut limit) = (None, DEFAULT_LIMIT);
    let bad = |why: String| Err(Problem::new(UNPROCESSABLE, why));
    for pair in query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(value) = decoded(value) else {
            return Err(Problem::new(
                BAD_REQUEST,
                "The query is not percent-encoded UTF-8.",
            ));
        };
        match (key, value.parse()) {
            ("after", _) => after = Some(value),
            ("limit", Ok(number @ 1..=MOST)) => limit = number,
            ("limit", _) => return bad(format!("limit must be a number from 1 to {MOST}.")),
            (key, _) => {
                return bad(format!(
                    "The parameter {key:?} is not known; known are after and limit."
                ));
            }
        }
    }
    Ok((after, limit))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Encodes a segment of a path.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

const DEFAULT_LIMIT: usize = 100;
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods() {
        let found = |method, path| find(method, path).map_err(|problem| problem.status);
        for (method, path, expected) in [
            ("GET", "/v1/status", Ok((Operation::Status, ""))),
            ("HEAD", "/v1/status", Ok((Operation::Status, ""))),
            (
                "POST",
                "/v1/clients/a%20%2F%C3%A9/kick",
                Ok((Operation::Kick, "a /é")),
            ),
            (
                "DELETE",
                "/v1/members/7",
                Ok((Operation::RemoveMember, "7")),
            ),
            ("POST", "/v1/clients//kick", Err(404)),
            ("POST", "/v1/clients/a/b/kick", Err(404)),
            ("POST", "/v1/clients/%f/kick", Err(400)),
            ("POST", "/v1/clients/%+1/kick", Err(400)),
            ("POST", "/v1/clients/%ff/kick", Err(400)),
            ("POST", "/v1/status", Err(405)),
            ("OPTIONS", "/v1/members/7", Err(405)),
            ("GET", "/v1/status/", Err(404)),
            ("GET", "/", Err(404)),
        ] {
            let expected = expected.map(|(operation, open)| (operation, open.to_owned()));
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
        let allow = |method, path| find(method, path).unwrap_err().allow;
        assert_eq!(allow("GET", "/v1/members/7"), Some("PATCH, DELETE"));
        assert_eq!(allow("PUT", "/v1/status"), Some("GET, HEAD"));
        assert_eq!(allow("GET", "/v1/members"), Some("POST"));
    }

    #[test]
    fn pages() {
        for (query, expected) in [
            (None, Ok((None, 100))),
            (Some(""), Ok((None, 100))),
            (Some("limit=7&after=a%26b"), Ok((Some("a&b".to_owned()), 7))),
            (Some("limit=0"), Err(422)),
            (Some("limit=1001"), Err(422)),
            (Some("page=2"), Err(422)),
            (Some("after=%"), Err(400)),
        ] {
            let read = page(query).map_err(|problem| problem.status);
            assert_eq!(read, expected, "{query:?}");
        }
    }

    #[test]
    fn a_segment_is_encoded_as_it_is_decoded() {
        for text in ["alice", "a b/c?d%e", "Árvíz", "~guest"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
    }
}
