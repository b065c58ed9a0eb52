//! Each kind of client, in a few bytes. None logs in, so that no failed login counts against the operator.

use super::dial::{Target, Wire};
use super::report::Finding;
use super::websocket::{self, Kind, Refused};

/// How a policy request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Nul,
    Nothing,
}

/// Asks for the policy document as Flash does, for a connection to `port`.
pub(super) fn policy(target: &Target, end: End, port: Option<u16>) -> Finding {
    let ask = || {
        let mut wire = target.connect()?;
        wire.send(match end {
            End::Nul => b"<policy-file-request/>\0",
            End::Nothing => b"<policy-file-request/>",
        })?;
        wire.answer()
    };
    let advice = "Flash gives up without it; look for what closes or changes the first bytes of a connection";
    match ask() {
        Err(why) => Finding::fail(why, advice),
        Ok(answer) if !answer.is_whole || !answer.text.contains("<cross-domain-policy") => {
            let found = match answer.text.is_empty() {
                true => "closed without an answer".to_owned(),
                false => format!("no policy document, but {}", short(&answer.text)),
            };
            Finding::fail(found, advice)
        }
        Ok(answer) => match port.filter(|port| !allows(&answer.text, *port)) {
            Some(port) => Finding::fail(
                format!("the policy does not let movies connect to port {port}"),
                "add it to policy-ports, or to to-ports in the file of policy-file",
            ),
            None => Finding::ok(format!("a document of {} bytes", answer.text.len())),
        },
    }
}

/// Whether a policy document lets a movie of some domain connect to a port.
fn allows(document: &str, port: u16) -> bool {
    let lists = document.split("to-ports=").skip(1);
    let mut lists = lists.filter_map(|rest| {
        let quote = rest.chars().next().filter(|c| "\"'".contains(*c))?;
        rest[1..].split(quote).next()
    });
    let within = |item: &str| match item.trim().split_once('-') {
        Some((first, last)) => {
            let (first, last) = (first.trim().parse::<u16>(), last.trim().parse::<u16>());
            matches!((first, last), (Ok(first), Ok(last)) if first <= port && port <= last)
        }
        None => item.trim() == "*" || item.trim().parse() == Ok(port),
    };
    lists.any(|list| list.split(',').any(within))
}

/// Sends a command over a plain socket, as Flash's XMLSocket does.
pub(super) fn raw(target: &Target) -> Finding {
    let ask = || {
        let mut wire = target.connect()?;
        ping(&mut wire)?;
        wire.send(b"QUIT\0")
    };
    match ask() {
        Ok(()) => Finding::ok("a command was answered"),
        Err(why) => Finding::fail(
            why,
            "Flash clients need the bytes of their connection passed on as they are",
        ),
    }
}

/// Sends PING, which needs no login, and expects its answer.
pub(super) fn ping(wire: &mut Wire) -> Result<(), String> {
    wire.send(b"PING doctor\0")?;
    let answer = wire.answer()?;
    if answer.text == PONG {
        Ok(())
    } else if answer.text.is_empty() {
        Err("closed without an answer".to_owned())
    } else {
        Err(format!("answered with {}", short(&answer.text)))
    }
}

/// Opens a WebSocket, and sends a command in a frame of this kind.
pub(super) fn websocket(target: &Target, kind: Kind, origin: Option<&str>) -> Finding {
    let mut websocket = match websocket::open(target, origin) {
        Ok(websocket) => websocket,
        Err(Refused::Broken(why)) => {
            return Finding::fail(why, "pages and Ruffle need a WebSocket; see the log");
        }
        Err(Refused::Answered(line)) => {
            return Finding::fail(
                format!("refused with {}", short(&line)),
                "the log says why: WEBSOCKET REFUSED",
            );
        }
    };
    let asked = websocket.ask(kind, "PING doctor");
    let finding = match asked {
        Ok((answered, text)) if text.trim_end_matches('\0') == PONG && answered == kind => {
            Finding::ok("a command was answered")
        }
        Ok((_, text)) => Finding::fail(
            format!("answered with {}", short(&text)),
            "something between changes what is sent; see the log",
        ),
        Err(why) => Finding::fail(
            why,
            "something between client and server drops frames; see the log",
        ),
    };
    websocket.close();
    finding
}

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Requests a page.
pub(super) fn get(target: &Target, path: &str) -> Result<Page, String> {
    get_over(&mut target.connect()?, &target.authority, path)
}

/// Requests a page over a connection that is open.
pub(super) fn get_over(wire: &mut Wire, host: &str, path: &str) -> Result<Page, String> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: flashgate-doctor\r\nConnection: close\r\n\r\n"
    );
    wire.send(request.as_bytes())?;
    let answer = wire.rest()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let first = head.lines().next().unwrap_or_default();
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    match status.filter(|_| first.starts_with("HTTP/")) {
        Some(status) => Ok(Page {
            status,
            body: body.to_owned(),
        }),
        None if first.is_empty() => Err("closed without an answer".to_owned()),
        None => Err(format!("no answer of HTTP, but {}", short(first))),
    }
}

/// Whether the server reports that it is healthy.
pub(super) fn health(target: &Target) -> Finding {
    match get(target, "/healthz") {
        Ok(Page { status: 200, body }) if body.contains("ok\n") => Finding::ok("200 ok"),
        Ok(Page { status: 503, .. }) => Finding::fail(
            "the server is stopping, or a proxy does not reach it",
            "start it again, and see its log",
        ),
        Ok(Page { status, .. }) => Finding::fail(
            format!("status {status} for /healthz"),
            "another program listens there, or a proxy passes it on to one: compare the ports",
        ),
        Err(why) => Finding::fail(
            why,
            "another program listens there, or the server hangs; see its log",
        ),
    }
}

/// Whether members can log in.
pub(super) fn ready(target: &Target) -> Finding {
    match get(target, "/readyz") {
        Ok(Page { status: 200, .. }) => Finding::ok("members can log in"),
        Ok(Page { status: 503, body }) => Finding::fail(
            format!("nobody can log in: {}", short(body.trim())),
            "the checks of the store above, and the log, say why",
        ),
        Ok(Page { status, .. }) => Finding::fail(
            format!("status {status} for /readyz"),
            "another program listens there, or a proxy passes it on to one",
        ),
        Err(why) => Finding::fail(why, "see the log"),
    }
}

/// The beginning of an answer, in quotes.
pub(super) fn short(text: &str) -> String {
    crate::text::Quoted(&crate::text::shortened(text)).to_string()
}

const PONG: &str = "<pong value=\"doctor\"/>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_a_policy() {
        for (list, allowed) in [
            ("to-ports=\"80\"", true),
            ("to-ports='80'", true),
            ("to-ports=\"*\"", true),
            ("to-ports=\"1, 70-90\"", true),
            ("to-ports=\"8080\"", false),
            ("to-ports=\"81-90,1\"", false),
            ("to-ports=80", false),
            ("", false),
        ] {
            let document = format!("<allow-access-from domain=\"*\" {list} />");
            assert_eq!(allows(&document, 80), allowed, "{list}");
        }
    }
}
