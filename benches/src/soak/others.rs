//! Beside the members: one who stops reading, and clients that request the policy and pages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::check::Messages;
use crate::fault::Fault;
use crate::soak::guest::{Guest, ask, get};
use crate::soak::{Shared, WIRES, residents, visitors};

/// A client stops reading, again and again. Every second time it continues in time, and must get every message; the
/// other times the server closes it, and it must get the first messages without a gap.
pub(crate) fn run_deaf(server: SocketAddr, shared: &Shared) -> Result<(), Fault> {
    let start = Instant::now();
    for round in 0.. {
        let due = start + DEAF_FIRST + DEAF_PACE * round;
        while Instant::now() < due && !shared.is_over() {
            std::thread::sleep(Duration::from_millis(100));
        }
        if shared.is_over() {
            break;
        }
        let run = deaf(server, shared, round as usize);
        run.map_err(|fault| fault.during(format!("one who does not read, time {round}")))?;
        shared.deaf.fetch_add(1, Relaxed);
    }
    Ok(())
}

fn deaf(server: SocketAddr, shared: &Shared, round: usize) -> Result<(), Fault> {
    let first = residents::RESIDENTS + 1 + visitors::VISITORS * visitors::MEMBERS;
    let member = first + 2 * (round % DEAF_MEMBERS);
    let wire = WIRES[round / 2 % WIRES.len()];
    let mut deaf = Guest::new(server, wire)?;
    deaf.limit_receive_buffer()?;
    deaf.login(member)?;
    let mut sender = Guest::new(server, WIRES[round % WIRES.len()])?;
    sender.login(member + 1)?;
    shared.logins.fetch_add(2, Relaxed);
    let messages = Messages::chat(member + 1, member, &"x".repeat(LONG));
    if round.is_multiple_of(2) {
        for number in 0..SOME {
            sender.write(&messages, number)?;
        }
        std::thread::sleep(Duration::from_secs(1));
        if deaf.read(&messages, SOME)? < SOME {
            return Err(Fault::new("closed, or lost, and it was not too late"));
        }
    } else {
        let sent = flood(&mut sender, &messages)?;
        let come = deaf.read(&messages, u32::MAX)?;
        if come == 0 || come >= sent {
            return Err(Fault::new(format!("{come} of {sent} messages have come")));
        }
    }
    Ok(())
}

/// Sends until the server has closed the other connection. Returns the number of messages to it.
fn flood(sender: &mut Guest, messages: &Messages) -> Result<u32, Fault> {
    for number in 0..MOST {
        sender.say(&messages.command(number))?;
        match sender.answer()? {
            Some(answer) if answer == LEFT => return Ok(number),
            Some(answer) if messages.number(&answer)? == number => {}
            Some(answer) => return Err(Fault::wrong("lost, doubled or reordered", &answer)),
            None => return Err(Fault::new("who is read by nobody was closed")),
        }
    }
    Err(Fault::new("who does not read is not given up"))
}

/// Asks for the policy and for pages in turn: each answer is whole, and what does not change is the same.
pub(crate) fn run_requests(server: SocketAddr, shared: &Shared) -> Result<(), Fault> {
    let mut known = BTreeMap::new();
    let start = Instant::now();
    for turn in 0.. {
        let due = start + REQUEST_PACE * turn;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if shared.is_over() {
            break;
        }
        let Request { path, answer, same } = REQUESTS[turn as usize % REQUESTS.len()];
        let request = if path.is_empty() {
            b"<policy-file-request/>\0".to_vec()
        } else {
            get(path)
        };
        let come = ask(server, &request)?;
        if !come.starts_with(answer.as_bytes()) || !is_whole(&come) {
            return Err(Fault::wrong(format!("no answer to {path}"), &come));
        }
        let body = body(&come).to_vec();
        if same && *known.entry(path).or_insert_with(|| body.clone()) != body {
            return Err(Fault::wrong(format!("another answer to {path}"), &come));
        }
        shared.requests.fetch_add(1, Relaxed);
    }
    Ok(())
}

fn body(answer: &[u8]) -> &[u8] {
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n");
    at.map_or(answer, |at| &answer[at + 4..])
}

/// The body has the stated length; a policy ends with a NUL.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    if !text.starts_with("HTTP/") {
        return answer.ends_with(b"</cross-domain-policy>\0");
    }
    let length = text
        .lines()
        .find_map(|l| l.strip_prefix("Content-Length: "));
    let length = length.and_then(|length| length.trim().parse::<usize>().ok());
    length == Some(body(answer).len())
}

#[derive(Clone, Copy)]
struct Request {
    /// None for the policy.
    path: &'static str,
    /// How the answer begins.
    answer: &'static str,
    /// Whether the body is the same each time.
    same: bool,
}

const fn request(path: &'static str, answer: &'static str, same: bool) -> Request {
    Request { path, answer, same }
}

static REQUESTS: [Request; 8] = [
    request("", "<?xml", true),
    request("/crossdomain.xml", "HTTP/1.1 200 ", true),
    request("/server-status", "HTTP/1.1 200 ", false),
    request("/", "HTTP/1.1 302 ", true),
    request("/chat/", "HTTP/1.1 200 ", true),
    request("/metrics", "HTTP/1.1 200 ", false),
    request("/healthz", "HTTP/1.1 200 ", true),
    request("/nowhere", "HTTP/1.1 302 ", true),
];

const LEFT: &[u8] = b"<error value=\"User is already left.\"/>";

/// Bytes of a long message; the server takes commands of 8 KiB.
const LONG: usize = 7000;

/// Messages that the server's backlog alone can hold.
const SOME: u32 = 100;

/// 28 MB: more than the system holds for a connection, and 1 MiB.
const MOST: u32 = 4000;

/// Between two samples, so that memory is not looked at while a backlog is full.
const DEAF_FIRST: Duration = Duration::from_secs(3);
const DEAF_PACE: Duration = Duration::from_secs(20);

/// Twice as many members; they take turns.
const DEAF_MEMBERS: usize = 64;

const REQUEST_PACE: Duration = Duration::from_millis(200);
