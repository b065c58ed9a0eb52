//! Searches recordings for what must not be in them.

use super::*;
use crate::event::Cause;
use crate::id::{ListenerId, Ticket};
use crate::member::{Denial, MemberId};
use crate::time::{Millis, UnixSeconds};
use crate::wire::codepage::CodePage;
use crate::wire::websocket::{Opcode, unmask};

/// What clients say, with secrets in it at every place where one may be.
fn sessions() -> Vec<Vec<u8>> {
    let chat = "IDENTIFY 1 Zq7kWv9!Jt|IDENTFY 1 Zq7kWv9!Jt|IDENTIFY Zq7kWv9!Jt|IDENTIFY\t1 Zq7kWv9!Jt|\
        identifyZq7kWv9 1 x|//MSG bob Hx4pQm6z Űrhajó|MSG bob Hx4pQm6z Űrhajó & <Hx4pQm6z>|MSG Hx4pQm6z|\
        MSGbob Hx4pQm6z|PING Hx4pQm6z|PINGHx4pQm6z|LIST Hx4pQm6z|QUITE Hx4pQm6z|Zq7kWv9!Jt|\
        IDENTIFY 1 Hx4pQm6zHx4pQm6zHx4pQm6zHx4pQm6zHx4pQm6zHx4pQm6zHx4pQm6zHx4pQm6zHx4pQm6z|Hx4pQm6z";
    let nul = chat.replace('|', "\0").into_bytes();
    let line = chat.replace('|', "\r\n").into_bytes();
    // Line ends and NULs on one connection; typed into a telnet, with mistakes.
    let mixed = chat.replace('|', "\n\0").into_bytes();
    let mut typed = b"\xff\xfa\x27\0Hx4pQm6z\xff\xf0\xef\xbb\xbf".to_vec();
    for (nth, byte) in chat.replace('|', "\r\n").bytes().enumerate() {
        let noise: &[&[u8]] = &[b"", b"", b"x\x08", b"\xff\xf1", b"", b"\xff\xfb\0", b""];
        if byte.is_ascii() && byte != b'\n' {
            typed.extend_from_slice(noise[nth % noise.len()]);
        }
        typed.push(byte);
    }
    typed.extend_from_slice(
        b"IDENTIFY Zq7kWv9!Jt\x08\x08\x08\x08\x08\x08\x08\x08\x08\x081 Zq7kWv9!Jt\n",
    );
    typed.extend_from_slice(b"MSG bob \xff\xfaHx4pQm6z");
    let mut bad = b"MSG bob \xffHx4pQm6z\0PING \xe2\x82\0\xc3Zq7kWv9!Jt\xf0\x9f\0".to_vec();
    bad.extend_from_slice(b"IDENTIFY 1 Zq7kWv9!Jt\xed\xa0\x80\0");
    let rooms = "IDENTIFY 1\tZq7kWv9!Jt x|PASSWD Zq7kWv9!Jt\tHx4pQm6z|PASSWD Zq7kWv9!Jt|JOIN #a Zq7kWv9!Jt|\
        JOIN #a\tZq7kWv9!Jt|JOIN Zq7kWv9!Jt|OPEN #b key=Zq7kWv9!Jt hidden|TOPIC #a Hx4pQm6z|TOPIC Hx4pQm6z|\
        TOPIC #a\tHx4pQm6z|KICK #a b Hx4pQm6z|KICK #a b\tHx4pQm6z|KICK b Hx4pQm6z|ME #a\tHx4pQm6z x";
    let head = |target: &str, more: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: Hx4pQm6z.example\r\nCookie: sid=Zq7kWv9!Jt\r\n\
             Authorization: Basic Zq7kWv9!Jt\r\nAuthorization: Bearer Zq7kWv9!Jt\r\nX-Hx4pQm6z: 1\r\nOrigin: https://Hx4pQm6z\r\n{more}\r\n"
        )
        .into_bytes()
    };
    let upgrade = "Upgrade: websocket, Hx4pQm6z\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: binary, Hx4pQm6z\r\nSec-WebSocket-Key: Hx4pQm6zHx4pQm6zHx4pQg==\r\n";
    let upgraded = |frames: &[(u8, &[u8])]| {
        let mut bytes = head("/chat?token=Zq7kWv9!Jt", upgrade);
        for (first, payload) in frames {
            bytes.extend(masked(*first, payload));
        }
        bytes
    };
    let (text, binary) = (0x80 | Opcode::Text as u8, 0x80 | Opcode::Binary as u8);
    let mut wrong = upgraded(&[(text, b"PING Hx4pQm6z")]);
    wrong.extend_from_slice(b"IDENTIFY 1 Zq7kWv9!Jt\0");
    let mut frames: Vec<(u8, &[u8])> = Vec::new();
    for command in chat.split('|').filter(|command| command.len() < 64) {
        frames.push((text, command.as_bytes()));
    }
    frames.push((Opcode::Text as u8, b"IDENTIFY 1 Zq7k"));
    frames.push((0x80 | Opcode::Ping as u8, b"Hx4pQm6z"));
    frames.push((0x80, b"Wv9!Jt"));
    frames.push((0x80 | Opcode::Close as u8, b"\x03\xe8Hx4pQm6z"));
    let texts = upgraded(&frames);
    // A NUL ends no text message: it is a part of a word.
    let with_nuls: Vec<(u8, &[u8])> = [
        &b"LI\0ST"[..],
        b"\0LIST",
        b"\0",
        b"IDENTIFY\x001 Zq7kWv9!Jt",
        b"IDENTIFY b\0b Zq7k\0Wv9!Jt",
        b"PING Hx4p\0Qm6z\0",
        b"MSG bob \0Hx4pQm6z",
        b"\0Zq7kWv9!Jt\0",
    ]
    .map(|command| (text, command))
    .to_vec();
    let mut stream: Vec<(u8, &[u8])> = nul.chunks(7).map(|piece| (binary, piece)).collect();
    stream.push((0x80 | Opcode::Pong as u8, b"Hx4pQm6z"));
    Vec::from([
        nul.clone(),
        line,
        mixed,
        typed,
        rooms.replace('|', "\0").into_bytes(),
        b"PROPFIND /Hx4pQm6z HTTP/1.1\r\nCookie: sid=Zq7kWv9!Jt\r\n\r\n".to_vec(),
        bad,
        head("/Hx4pQm6z?q=Zq7kWv9!Jt", ""),
        head("http://Hx4pQm6z/healthz?Zq7kWv9!Jt", "Hx4pQm6z\r\n"),
        b"POST / HTTP/1.0\n\nHx4pQm6z=Zq7kWv9!Jt".to_vec(),
        b"GET /Hx4pQm6z".to_vec(),
        b"<policy-file-request/>\0Hx4pQm6z".to_vec(),
        b"<policy-file-request/Hx4pQm6z\0".to_vec(),
        b"\x16\x03\x01Hx4pQm6z".to_vec(),
        wrong,
        texts,
        upgraded(&with_nuls),
        upgraded(&stream),
        upgraded(&[(0xff, b"Hx4pQm6z")]),
        upgraded(&[(text, b"\xffHx4pQm6z"), (text, b"Zq7kWv9!Jt")]),
        // Frames that were begun: of a short length, and of lengths in two bytes and in eight.
        [
            &upgraded(&[])[..],
            &masked(0x80 | Opcode::Ping as u8, b"Hx4pQm6z")[..12],
        ]
        .concat(),
        [&upgraded(&[])[..], b"\x82\xfe\0\x7eKq8"].concat(),
        [&upgraded(&[])[..], b"\x82\xff\0\0\0\0\0\x01\0\0Kq8"].concat(),
    ])
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    // Its own word, which must not stay either.
    let key = *b"Kq8w";
    let mut frame = Vec::from([first, 0x80 | payload.len() as u8]);
    frame.extend_from_slice(&key);
    let start = frame.len();
    frame.extend_from_slice(payload);
    unmask(&mut frame[start..], key);
    frame
}

const SECRETS: [&str; 5] = [
    "Zq7kWv9!Jt",
    "Hx4pQm6z",
    "Űrhajó",
    "Kq8w",
    "Xenia Blomqvist",
];

/// Says `session` in these pieces, and lets the store say yes; the recording of it.
fn record<'a>(pieces: impl Iterator<Item = &'a [u8]>, secrets: Secrets) -> String {
    record_in(None, pieces, secrets)
}

fn record_in<'a>(
    codepage: Option<CodePage>,
    pieces: impl Iterator<Item = &'a [u8]>,
    secrets: Secrets,
) -> String {
    let tape = Tape::default();
    let mut config = Config {
        codepage,
        ..Config::default()
    };
    config.limits.command = 64;
    config.limits.rate = None;
    let at = |ms| Now {
        mono: Millis(ms),
        utc: UnixSeconds(1_184_064_842),
        offset: 0,
    };
    let recorder = Some(tape.recorder(secrets));
    let mut gateway = crate::Gateway::observed(Arc::new(config), at(0), recorder);
    let origin = Accepted {
        listener: ListenerId(0),
        peer: "192.0.2.1:1".parse().unwrap(),
        user: None,
    };
    let id = gateway.accept(at(1), origin).unwrap();
    let member = Member {
        id: MemberId(1),
        nick: Arc::from("bob"),
        name: Arc::from("Xenia Blomqvist"),
    };
    let mut ms = 1;
    let mut feed = |gateway: &mut crate::Gateway, input: Input<'_>| {
        ms += 1000;
        let mut next = Some(input);
        while let Some(input) = next.take() {
            gateway.handle(at(ms), input);
            while let Some(action) = gateway.poll() {
                if let Action::Lookup(Ticket(ticket), _) = action {
                    let answer = match ticket % 2 {
                        0 => Answer::Denied(Denial::Unknown, None),
                        _ => Answer::Member(member.clone()),
                    };
                    next = Some(Input::Answer(Ticket(ticket), answer));
                }
            }
        }
    };
    for piece in pieces {
        feed(&mut gateway, Input::Bytes(id, piece));
    }
    feed(&mut gateway, Input::Timeout);
    feed(&mut gateway, Input::Eof(id));
    feed(&mut gateway, Input::Gone(id, Cause::Reset));
    drop(gateway);
    tape.text()
}

fn search(recording: &str, what: &str) {
    for secret in SECRETS {
        let chars: Vec<char> = secret.chars().collect();
        for gram in chars.windows(4) {
            let gram: String = gram.iter().collect();
            let escaped = format::Escaped(gram.as_bytes()).to_string();
            assert!(
                !recording.contains(&escaped),
                "{gram:?}, {what}:\n{recording}"
            );
        }
    }
}

#[test]
fn no_secret_is_in_a_recording_however_it_was_cut() {
    for (nth, session) in sessions().iter().enumerate() {
        let whole = record([&session[..]].into_iter(), Secrets::Redacted);
        for cut in 0..session.len() {
            let (a, b) = session.split_at(cut);
            let pieces = [a, b].into_iter().filter(|piece| !piece.is_empty());
            let text = record(pieces, Secrets::Redacted);
            search(&text, &format!("session {nth} cut at {cut}"));
            let replayed = replay(&text);
            let ended = Ended::Whole("stop".to_owned());
            assert_eq!(replayed.ended, ended, "session {nth} cut at {cut}:\n{text}");
        }
        for size in [1, 3] {
            let text = record(session.chunks(size), Secrets::Redacted);
            search(&text, &format!("session {nth} in pieces of {size}"));
            assert_eq!(
                replay(&text).ended,
                Ended::Whole("stop".to_owned()),
                "{text}"
            );
        }
        assert!(whole.contains("\nin 0.0 "), "{whole}");
    }
}

/// Letters of a code page are as secret as others, and the command plays again as what it was.
#[test]
fn no_secret_in_a_code_page_is_in_a_recording() {
    let session = b"\xff\xfa\x27\0Hx4pQm6z\xff\xf0IDENTIFY 1 Zq7kWv9!Jt\xfb\xf5\nMSG bob \xdbrhaj\xf3\xe1\xe1 Hx4pQm6z\n\
        MSG \xc9va Hx4pQm6z\x08\x7f\nPING \xdbrhaj\xf3\xff\xf1\0\nHx4pQm6z \xdbrhaj\xf3\0\xc3\xe1\x80 Zq7kWv9!Jt";
    for name in ["windows-1250", "koi8-r", "shift_jis", "gb18030", "big5"] {
        for size in [1, 3, 7, session.len()] {
            let page = CodePage::named(name).ok();
            let text = record_in(page, session.chunks(size), Secrets::Redacted);
            search(&text, name);
            let ended = Ended::Whole("stop".to_owned());
            assert_eq!(replay(&text).ended, ended, "{name} by {size}: {text}");
        }
    }
}

#[test]
fn secrets_are_found_where_they_are_kept() {
    let text = record([&b"IDENTIFY 1 Zq7kWv9!Jt\0"[..]].into_iter(), Secrets::Kept);
    assert!(
        text.contains("raw 0.0 IDENTIFY\\s1\\sZq7kWv9!Jt\\0\n"),
        "{text}"
    );
    assert_eq!(replay(&text).ended, Ended::Whole("stop".to_owned()));
    let text = record(
        [&b"IDENTIFY 1 Zq7kWv9!Jt\0"[..]].into_iter(),
        Secrets::Redacted,
    );
    assert!(
        text.contains("text 0.0 IDENTIFY\\s1\\sxx0xxx0.xx\\0\n"),
        "{text}"
    );
}

/// The core drops these bytes, so a recording keeps nothing of them.
#[test]
fn what_follows_a_request_is_skipped() {
    let text = record(
        [&b"POST / HTTP/1.0\n\nHx4pQm6z"[..]].into_iter(),
        Secrets::Redacted,
    );
    assert!(text.contains("skip 0.0 8\n"), "{text}");
}

/// A command that never ends is recorded at the end, in classes only.
#[test]
fn what_never_ended() {
    let tape = Tape::default();
    let recorder = Some(tape.recorder(Secrets::Redacted));
    let mut gateway = crate::Gateway::observed(Arc::default(), Now::default(), recorder);
    let origin = Accepted {
        listener: ListenerId(0),
        peer: "192.0.2.1:1".parse().unwrap(),
        user: None,
    };
    let id = gateway.accept(Now::default(), origin).unwrap();
    gateway.handle(Now::default(), Input::Bytes(id, b"LIST\0IDENTIFY 1 Zq7k"));
    while gateway.poll().is_some() {}
    assert!(!tape.text().contains("IDENTIFY"));
    drop(gateway);
    let text = tape.text();
    assert!(
        text.ends_with("text 0.0 xxxxxxxx\\s0\\sxx0x\nend stop\n"),
        "{text}"
    );
    assert_eq!(replay(&text).ended, Ended::Whole("stop".to_owned()));
}
