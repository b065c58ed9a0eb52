//! Recordings made up line by line: what can be read, and what cannot.

use super::*;
use crate::chunk::{Audience, Chunk, Form, Recipients};
use crate::event::Cause;
use crate::id::{ListenerId, Peer, Source, Ticket};
use crate::member::{Denial, Identity, Login, MemberId, Query, Secret, Unavailable};
use crate::note::{CloseReason, Note, Refusal, What};

/// A recording of these lines, behind the settings and the start of a real one.
fn recording(lines: &str) -> String {
    let text = sample();
    let start = text.find("\nopen ").unwrap() + 1;
    text[..start].to_owned() + lines
}

#[test]
fn lines_are_read_as_they_were_written() {
    let real = sample();
    let behind_settings = real.lines().skip_while(|line| *line != "settled").skip(1);
    let every_kind = [
        "at 1 -2 -3600",
        "open 0.1 2 [2001:db8::1]:9",
        "open 0.2 0 unix",
        "refused full 0 192.0.2.1:1",
        "refused address-limit 0 192.0.2.1:1",
        "refused shutting-down 0 192.0.2.1:1",
        "in 3.4294967295 16384",
        "eof 0.0",
        "gone 0.0 closed",
        "gone 0.0 reset",
        "gone 0.0 timed-out",
        "backlog 0.0 7",
        "answer 0 member 1 al\\sice A\\x00\\\\",
        "answer 0 denied wrong password",
        "answer 0 denied 7 wrong password",
        "answer 0 failed",
        "answer 0 busy",
        "answer 0 timed-out",
        "member disabled 1",
        "member renamed 1 zo\\xc3\\xa9 N",
        "answer 0 renamed 1 zo\\xc3\\xa9 N",
        "answer 0 taken",
        "member removed 1",
        "host 7 up",
        "configure",
        "timeout",
        "shutdown",
        "raw 0.0 \\0\\n\\r\\s\\\\\\x7f\\xff",
        "chat 0.0",
        "frame 0.0 \\x81\\x85",
        "text 0.0 LIST\\0",
        "skip 0.0 7",
        "> anything at all",
        "end stop",
    ];
    for line in every_kind.into_iter().chain(behind_settings) {
        let again = Line::read(line).map(|line| line.to_string());
        // An escape is read in either of its forms.
        let written = line.replace("\\x00", "\\0");
        assert_eq!(again, Some(written), "{line}");
    }
    for wrong in [
        "",
        "nothing",
        "at 1 2",
        "at 1 2 3 4",
        "at -1 2 3",
        "open 0 0 192.0.2.1:1",
        "open 0.0 0 192.0.2.1",
        "refused bored 0 192.0.2.1:1",
        "in 0.0 16385",
        "eof 0.0 1",
        "gone 0.0 bored",
        "answer 0 perhaps",
        "answer 0 member 1 a\\q A",
        "answer 0 member 1 \\xff A",
        "member promoted 1",
        "raw 0.0",
        "raw 0.0 a b",
        "raw 0.0 \\",
        "raw 0.0 \\x0",
        "raw 0.0 \u{e9}",
        "skip 0.0 some",
        "end",
    ] {
        assert!(Line::read(wrong).is_none(), "{wrong}");
    }
}

/// Both sides of a replay are written by the same code, so that it would not miss what is left out.
#[test]
fn decisions_are_written_like_this() {
    let conn = |slot| ConnId::new(slot, 2);
    let both = Recipients::new(
        Audience::Everyone,
        Form::Stream,
        [conn(0), conn(1)].into_iter(),
    );
    let chunk = || Chunk::new(b"<a b=\"7\"/>\0");
    let (login, password) = (Login::parse("1"), Secret::new("secret1"));
    for (action, text) in [
        (
            Action::Write(conn(1), chunk()),
            "write 1.2 11 98ef0cc4b6969ab5",
        ),
        (
            Action::Broadcast(both, chunk()),
            "broadcast 2 819b3019c2c98df2 11 98ef0cc4b6969ab5",
        ),
        (Action::Finish(conn(1)), "finish 1.2"),
        (Action::Close(conn(1)), "close 1.2"),
        (Action::Abort(conn(1)), "abort 1.2"),
        (Action::Pause(conn(1)), "pause 1.2"),
        (Action::Resume(conn(1)), "resume 1.2"),
        (
            Action::Lookup(
                Ticket(7),
                Query::Identify {
                    login,
                    password,
                    source: Source::Connection(conn(1)),
                },
            ),
            "lookup 7",
        ),
    ] {
        assert_eq!(format::did(&action, Told::Shape), text);
    }
    let all = format::did(&Action::Write(conn(1), chunk()), Told::All);
    assert_eq!(all, "write 1.2 11 4ea57496bbc2578d");
}

#[test]
fn notes_are_written_like_this() {
    let peer: Peer = "192.0.2.1:1".parse().unwrap();
    let conn = None;
    let (clients, max, who) = (1, 9, Identity::Member(MemberId(7)));
    let (id, guest) = (
        Arc::<str>::from("secret1"),
        Identity::Guest(Arc::from("~secret1")),
    );
    let (why, path, method) = (Unavailable::Busy, Arc::from("/secret1"), "GET");
    let (reason, times, detail) = (Refusal::Origin, 3, Some(Arc::from("https://secret1")));
    for (what, text) in [
        (What::Connected { clients, max }, "connected 1"),
        (What::Crossdomain, "crossdomain"),
        (What::Status, "status"),
        (What::Redirect { method, path }, "redirect GET"),
        (
            What::Login {
                who: who.clone(),
                clients,
                max,
            },
            "login 7",
        ),
        (
            What::Login {
                who: guest.clone(),
                clients,
                max,
            },
            "login guest",
        ),
        (What::Quit { who: guest }, "quit"),
        (
            What::LoginFailed {
                id: id.clone(),
                why: Denial::Inactive,
            },
            "login-failed inactive",
        ),
        (What::LoginUnavailable { id, why }, "login-unavailable busy"),
        (What::Slowed, "slowed"),
        (What::Quit { who }, "quit 7"),
        (
            What::Closed {
                reason: CloseReason::TooSlow,
            },
            "closed too slow",
        ),
        (
            What::Refused {
                reason,
                times,
                detail,
            },
            "refused 3 origin",
        ),
    ] {
        let did = format::did(&Action::Note(Note { conn, peer, what }), Told::Shape);
        assert_eq!(did.strip_prefix("note "), Some(text));
    }
}

#[test]
fn what_is_no_text_ends_a_recording() {
    let text = sample();
    let cut = text.len() / 2;
    let lines = text[..cut].rfind('\n').unwrap() + 1;
    let whole = Recording::new(&text.as_bytes()[..lines], ROOM).unwrap();
    let damaged = [&text.as_bytes()[..cut], b"\xff\n", &text.as_bytes()[cut..]].concat();
    let damaged = Recording::new(&damaged, ROOM).unwrap();
    assert_eq!(damaged.replay(&Until::End), whole.replay(&Until::End));
    let error = Recording::new(b"\xff\n", ROOM).unwrap_err();
    assert_eq!(error.to_string(), "not a recording of flashgate");
    let error = Recording::new(b"flashgate-recording 0\n", ROOM).unwrap_err();
    assert!(error.to_string().ends_with("this one reads version 1"));
}

#[test]
fn what_is_never_written_is_not_played() {
    let text = recording("end stop\n");
    assert_eq!(replay(&text).ended, Ended::Whole("stop".to_owned()));
    let settled = text.lines().position(|line| line == "settled").unwrap() + 1;
    for setting in [
        "set max-clients many",
        "set max-client 2",
        "set login 600x",
        "set login-timeout tenms",
        "set list nobody",
        "listener chat",
        "file /a 1 tag",
        "redirect \\xff",
        "open 0.0 0 192.0.2.1:1",
    ] {
        let with = text.replacen("\nsettled\n", &format!("\n{setting}\nsettled\n"), 1);
        assert_eq!(replay(&with).ended, Ended::Unreadable(settled), "{setting}");
    }
    let at = text.lines().nth(settled).unwrap();
    assert!(at.starts_with("at "));
    let timeless = text.replacen(at, "timeout", 1);
    assert_eq!(replay(&timeless).ended, Ended::Unreadable(settled + 1));
}

#[test]
fn another_connection_is_a_difference() {
    let lines = "open 0.1 0 192.0.2.1:1\n";
    let text = recording(lines);
    let refused = recording("refused full 0 192.0.2.1:1\n");
    for (text, recorded) in [(text, "Ok(ConnId(0.1))"), (refused, "Err(Full)")] {
        let Ended::Different(difference) = replay(&text).ended else {
            panic!("{text}");
        };
        assert_eq!(difference.line, text.lines().count());
        assert_eq!(difference.recorded.as_deref(), Some(recorded));
        assert_eq!(difference.replayed.as_deref(), Some("Ok(ConnId(0.0))"));
    }
}

#[test]
fn lines_until_a_time() {
    let text = recording("at 1000 1184064843 0\ntimeout\nat 2000 1184064844 0\ntimeout\n");
    let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
    assert_eq!(recording.secrets(), Secrets::Redacted);
    let all = text.lines().count();
    for (until, lines) in [
        (Until::End, all),
        (Until::Line(5), 5),
        (Until::Time("2007-07-10 10:54:04".to_owned()), all),
        (Until::Time("2007-07-10 10:54:03".to_owned()), all - 2),
    ] {
        assert_eq!(recording.lines(None, &until).count(), lines, "{until:?}");
    }
}

#[test]
fn a_transcript_says_what_it_leaves_out() {
    let mut asks = String::new();
    for conn in 0..3 {
        asks += &format!(
            "raw {conn}.0 IDENTIFY\\s1\\sx\\0\nopen {conn}.0 0 192.0.2.{conn}:1\nin {conn}.0 13\n"
        );
    }
    let answer = |ticket: u32, name: &str| format!("answer {ticket} member 1 alice {name}\n");
    for (lines, said) in [
        ("host 7 up\n".to_owned(), "lines that the log has lost"),
        ("backlog 0.0 7\n".to_owned(), "that a client read slowly"),
        (
            answer(1, "Alice"),
            "the order of some of the store's answers",
        ),
        (
            answer(0, "Alice") + "in 0.0 0\n" + &answer(2, "Alicia"),
            "that a member's password, nick or name became another",
        ),
    ] {
        let text = recording(&(asks.clone() + &lines));
        let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
        let made = recording.transcript("made up", &Until::End);
        let comment = format!("# Left out: {said}.\n");
        assert_eq!(made.matches("# Left out: ").count(), 1, "{made}");
        assert!(made.contains(&comment), "{made}");
        assert!(made.contains("c0 > IDENTIFY 1 x\\0\n"), "{made}");
    }
}

#[test]
fn a_transcript_has_one_unix_socket() {
    let text = recording("open 0.0 0 unix\nopen 1.0 1 unix\n");
    let recording = Recording::new(text.as_bytes(), ROOM).unwrap();
    let made = recording.transcript("made up", &Until::End);
    for line in [
        "# Left out: that a client came over a Unix socket.\n",
        "\nc0 connects from unix\n",
        "\nc1 connects from 127.0.0.1 to policy\n",
    ] {
        assert!(made.contains(line), "{made}");
    }
}

#[test]
fn what_comes_from_nobody_is_skipped() {
    let tape = Tape::default();
    let recorder = tape.recorder(Secrets::Redacted);
    let debug = format!("{recorder:?}");
    assert_eq!(debug, "Recorder { secrets: Redacted, .. }");
    let mut gateway = crate::Gateway::observed(Arc::default(), Now::default(), Some(recorder));
    let origin = Accepted {
        listener: ListenerId(0),
        peer: "192.0.2.1:1".parse().unwrap(),
        user: None,
    };
    let id = gateway.accept(Now::default(), origin).unwrap();
    gateway.handle(Now::default(), Input::Gone(id, Cause::Reset));
    gateway.handle(Now::default(), Input::Bytes(id, b"IDENTIFY 1 secret1\0"));
    drop(gateway);
    let text = tape.text();
    assert!(
        text.ends_with("in 0.0 19\nskip 0.0 19\nend stop\n"),
        "{text}"
    );
    assert_eq!(replay(&text).ended, Ended::Whole("stop".to_owned()));
}
