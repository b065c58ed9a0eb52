//! Tables of lines, and a writer whose output blocks or breaks.

use std::sync::mpsc::{self, Receiver, Sender};

use flashgate_core::{
    CloseReason, Denial, Identity, MemberId, Millis, Refusal, Unavailable, UnixSeconds, What,
};

use super::line::MAX_CLIENT_TEXT;
use std::net::SocketAddr;

use flashgate_core::{Note, Peer};

use super::super::event::Place;

use super::*;

fn now() -> Now {
    Now {
        mono: Millis(0),
        utc: UnixSeconds(1_184_064_842),
        offset: 7200,
    }
}

fn peer() -> SocketAddr {
    "192.0.2.1:4242".parse().unwrap()
}

/// What a note says, its text and its JSON fields.
type Case = (What, String, String);

#[test]
fn notes_about_chat() {
    let who = Identity::Member(MemberId(7));
    let guest = Identity::Guest(Arc::from("~mona\""));
    let (clients, max) = (2, 128);
    let id = Arc::from("x\"\n[2007-07-10 12:54:02] QUIT 1");
    let quoted = r#""x\"\n[2007-07-10 12:54:02] QUIT 1""#;
    for case in [
        (
            What::Connected { clients, max },
            "CONNECTED (2/128)".to_owned(),
            r#""event":"connected","clients":2,"max":128"#.to_owned(),
        ),
        (
            What::Login {
                who: who.clone(),
                clients,
                max,
            },
            "LOGIN 7(2/128)".to_owned(),
            r#""event":"login","member":7,"clients":2,"max":128"#.to_owned(),
        ),
        (
            What::LoginFailed {
                id: Arc::clone(&id),
                why: Denial::TicketSpent,
            },
            format!("LOGIN FAILED {quoted} ticket spent"),
            format!(r#""event":"login_failed","id":{quoted},"reason":"ticket spent""#),
        ),
        (
            What::LoginUnavailable {
                id,
                why: Unavailable::Busy,
            },
            format!("LOGIN UNAVAILABLE {quoted} store busy"),
            format!(r#""event":"login_unavailable","id":{quoted},"reason":"store busy""#),
        ),
        (
            What::Slowed,
            "SLOWED command rate".to_owned(),
            r#""event":"slowed""#.to_owned(),
        ),
        (
            What::Quit { who },
            "QUIT 7".to_owned(),
            r#""event":"quit","member":7"#.to_owned(),
        ),
        (
            What::Login {
                who: guest.clone(),
                clients,
                max,
            },
            r#"LOGIN "~mona\""(2/128)"#.to_owned(),
            r#""event":"login","guest":"~mona\"","clients":2,"max":128"#.to_owned(),
        ),
        (
            What::Quit { who: guest },
            r#"QUIT "~mona\"""#.to_owned(),
            r#""event":"quit","guest":"~mona\"""#.to_owned(),
        ),
        (
            What::Closed {
                reason: CloseReason::EndOfStream,
            },
            "CLOSED end of stream".to_owned(),
            r#""event":"closed","reason":"end of stream""#.to_owned(),
        ),
    ] {
        check(case);
    }
}

#[test]
fn notes_about_the_rest() {
    for case in [
        (
            What::Crossdomain,
            "CROSSDOMAIN.XML REQUEST".to_owned(),
            r#""event":"crossdomain""#.to_owned(),
        ),
        (
            What::Status,
            "STATUS REQUEST".to_owned(),
            r#""event":"status""#.to_owned(),
        ),
        (
            What::Redirect {
                method: "GET",
                path: Arc::from("/a\u{1b}\"b"),
            },
            r#"REDIRECT "GET /a\u001b\"b""#.to_owned(),
            r#""event":"redirect","method":"GET","path":"/a\u001b\"b""#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::Full,
                times: 1,
                detail: None,
            },
            "CLOSED full".to_owned(),
            r#""event":"refused","reason":"full","times":1"#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::AddressLimit,
                times: 17,
                detail: None,
            },
            "CLOSED address limit (17 times)".to_owned(),
            r#""event":"refused","reason":"address limit","times":17"#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::NoCertificate,
                times: 1,
                detail: None,
            },
            "TLS REFUSED no certificate".to_owned(),
            r#""event":"tls_refused","reason":"no certificate","times":1"#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::Origin,
                times: 2,
                detail: Some(Arc::from("https://evil.example\"\n")),
            },
            r#"WEBSOCKET REFUSED origin "https://evil.example\"\n" (2 times)"#.to_owned(),
            r#""event":"websocket_refused","reason":"origin","times":2,"origin":"https://evil.example\"\n""#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::Version,
                times: 1,
                detail: Some(Arc::from("8")),
            },
            "WEBSOCKET REFUSED version 8".to_owned(),
            r#""event":"websocket_refused","reason":"version","times":1,"version":8"#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::Version,
                times: 1,
                detail: Some(Arc::from("+8\n")),
            },
            r#"WEBSOCKET REFUSED version "+8\n""#.to_owned(),
            r#""event":"websocket_refused","reason":"version","times":1,"version":"+8\n""#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::NoKey,
                times: 3,
                detail: None,
            },
            "WEBSOCKET REFUSED no key (3 times)".to_owned(),
            r#""event":"websocket_refused","reason":"no key","times":3"#.to_owned(),
        ),
        (
            What::Refused {
                reason: Refusal::Http10,
                times: 1,
                detail: None,
            },
            "WEBSOCKET REFUSED HTTP/1.0: is the proxy told to use 1.1?".to_owned(),
            r#""event":"websocket_refused","reason":"HTTP/1.0","times":1"#.to_owned(),
        ),
    ] {
        check(case);
    }
}

fn check((what, text, json): Case) {
    let note = Note {
        conn: None,
        peer: peer().into(),
        what,
    };
    let event = Event::Note(&note);
    assert_eq!(
        line(Format::Text, now(), &event),
        format!("[2007-07-10 12:54:02] {text} 192.0.2.1:4242")
    );
    let written = line(Format::Json, now(), &event);
    assert_eq!(
        written,
        format!(r#"{{"time":"2007-07-10T12:54:02+02:00",{json},"peer":"192.0.2.1:4242"}}"#)
    );
    serde_json::from_str::<serde_json::Value>(&written).unwrap();
}

#[test]
fn the_servers_own_lines() {
    let place = Place::Address("[::1]:8080".parse().unwrap());
    let socket = Place::Unix("/run/chat.sock".into());
    for (event, text) in [
        (Event::Created(4096), "SERVER CREATED ( MAXCONN:4096 )"),
        (Event::Listening(&place), "Listening on [::1]:8080"),
        (
            Event::Listening(&socket),
            "Listening on \"unix:/run/chat.sock\"",
        ),
        (Event::Dropped(3), "LOG LINES DROPPED 3"),
        (Event::Started("1.2.3"), "STARTED flashgate 1.2.3"),
        (
            Event::Stopped {
                version: "1.2.3",
                why: "SIGTERM",
            },
            "STOPPED SIGTERM flashgate 1.2.3",
        ),
        (Event::Reloaded("site"), "RELOADED site"),
        (
            Event::RestartNeeded("listen, runtime"),
            "RESTART NEEDED \"listen, runtime\"",
        ),
        (
            Event::ReloadedSettings("rate"),
            "RELOADED settings \"rate\"",
        ),
        (
            Event::ReloadFailed("no \"x\""),
            r#"RELOAD FAILED "no \"x\"""#,
        ),
    ] {
        let line = line(Format::Text, now(), &event);
        assert_eq!(line, format!("[2007-07-10 12:54:02] {text}"));
    }
    let west = Now {
        offset: -12_600,
        ..now()
    };
    assert_eq!(
        line(Format::Json, west, &Event::Created(1)),
        r#"{"time":"2007-07-10T07:24:02-03:30","event":"created","max":1}"#
    );
}

#[test]
fn the_longest_numbers_are_written() {
    for (member, peer) in [
        (i64::MIN, "255.255.255.255:65535"),
        (i64::MAX, "[ffff::1:0:ff]:65535"),
        (0, "0.0.0.0:0"),
        (-10, "10.200.0.99:100"),
    ] {
        let note = Note {
            conn: None,
            peer: peer.parse().unwrap(),
            what: What::Quit {
                who: Identity::Member(MemberId(member)),
            },
        };
        let written = line(Format::Text, now(), &Event::Note(&note));
        let expected = format!("[2007-07-10 12:54:02] QUIT {member} {peer}");
        assert_eq!(written, expected);
    }
    let lines = u64::MAX;
    let written = line(Format::Text, now(), &Event::Dropped(lines));
    assert!(written.ends_with(&format!(" {lines}")), "{written}");
}

#[test]
fn a_peer_on_a_unix_socket_has_no_address() {
    let note = Note {
        conn: None,
        peer: Peer::Unix,
        what: What::Status,
    };
    for (format, text) in [
        (Format::Text, "[2007-07-10 12:54:02] STATUS REQUEST unix"),
        (
            Format::Json,
            r#"{"time":"2007-07-10T12:54:02+02:00","event":"status","peer":"unix"}"#,
        ),
    ] {
        assert_eq!(line(format, now(), &Event::Note(&note)), text);
    }
}

#[test]
fn client_text_is_cut() {
    let note = Note {
        conn: None,
        peer: peer().into(),
        what: What::LoginFailed {
            id: Arc::from("\u{e0041}".repeat(8000)),
            why: Denial::Unknown,
        },
    };
    let written = line(Format::Text, now(), &Event::Note(&note));
    assert_eq!(written.matches("\\udb40\\udc41").count(), MAX_CLIENT_TEXT);
    assert!(written.len() < 3200);
}

#[test]
fn a_blocked_output_blocks_nobody_and_the_loss_is_reported() {
    let (output, gate, written) = gated();
    let writer = Writer::new(Format::Text, Arc::new(Fixed), output).unwrap();
    let put = |max| writer.put(now(), &Event::Created(max));

    // The thread takes a first batch and hangs; then the queue fills up.
    put(0);
    while writer.dropped() < 5 {
        put(1);
    }
    writer.flush(Duration::from_millis(50));
    gate.send(Pass::All).unwrap();
    writer.flush(Duration::from_secs(10));

    let text: Vec<String> = written.try_iter().collect();
    let text = text.concat();
    assert!(
        text.ends_with("LOG LINES DROPPED 5\n"),
        "{}",
        &text[text.len() - 100..]
    );
    assert!(text.lines().count() > MAX_LINES);
    put(2);
    writer.flush(Duration::from_secs(10));
    let last: Vec<String> = written.try_iter().collect();
    assert_eq!(
        last.concat(),
        "[2007-07-10 12:54:02] SERVER CREATED ( MAXCONN:2 )\n"
    );
}

#[test]
fn a_broken_output_counts_and_may_come_back() {
    let (output, gate, written) = gated();
    let writer = Writer::new(Format::Text, Arc::new(Fixed), output).unwrap();
    gate.send(Pass::Fail).unwrap();
    writer.put(now(), &Event::Created(1));
    writer.flush(Duration::from_secs(10));
    assert_eq!(writer.dropped(), 1);
    gate.send(Pass::All).unwrap();
    writer.put(now(), &Event::Created(2));
    // The report may come before the new line, or after it.
    let mut text = String::new();
    while text.lines().count() < 2 {
        text += &written.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    for line in ["SERVER CREATED ( MAXCONN:2 )\n", "LOG LINES DROPPED 1\n"] {
        assert_eq!(text.matches(line).count(), 1, "{text}");
    }
}

/// The line that reports a loss can be lost, too, and is repeated.
#[test]
fn a_loss_is_reported_however_often_that_fails() {
    let (output, gate, written) = gated();
    let writer = Writer::new(Format::Text, Arc::new(Fixed), output).unwrap();
    for max in 1..=2 {
        gate.send(Pass::Fail).unwrap();
        writer.put(now(), &Event::Created(max));
        while writer.dropped() < max as u64 {
            thread::yield_now();
        }
    }
    // For the report; if that has failed before the second line did, this fails it once more.
    gate.send(Pass::Fail).unwrap();
    gate.send(Pass::All).unwrap();
    writer.put(now(), &Event::Created(3));
    let (mut text, mut told) = (String::new(), 0);
    while told < 2 || !text.contains("MAXCONN:3") {
        text += &written.recv_timeout(Duration::from_secs(10)).unwrap();
        let reports = text
            .lines()
            .filter_map(|line| line.split_once("LOG LINES DROPPED "));
        told = reports
            .map(|(_, lines)| lines.parse::<u64>().unwrap())
            .sum();
    }
    assert_eq!(told, writer.dropped(), "{text}");
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Now {
        now()
    }

    fn until(&self, _: Millis) -> Option<Duration> {
        None
    }
}

enum Pass {
    All,
    Fail,
}

/// An output that waits for permission before each write.
struct Gated {
    gate: Receiver<Pass>,
    open: bool,
    written: Sender<String>,
}

fn gated() -> (Gated, Sender<Pass>, Receiver<String>) {
    let (pass, gate) = mpsc::channel();
    let (written, read) = mpsc::channel();
    let output = Gated {
        gate,
        open: false,
        written,
    };
    (output, pass, read)
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.open {
            match self.gate.recv() {
                Ok(Pass::All) => self.open = true,
                Ok(Pass::Fail) | Err(_) => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.written.send(text).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
