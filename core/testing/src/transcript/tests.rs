//! Tests of the player: transcripts that it cannot read, and differences that it must find.

use super::driver::{Appetite, Arrival, Patience};
use super::frames::{UPGRADE, UPGRADED};
use super::*;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use flashgate_core::{Config, ListenerId, Login, MemberEvent, Peer};

fn parse(text: &str) -> Result<Transcript, ParseError> {
    Transcript::parse("t.txt", text)
}

/// The failure of a scenario of these lines, the first of which is line 3.
fn failure(lines: &str) -> (usize, String) {
    let text = format!("# Test.\n\n== Test\n{lines}\n");
    let transcript = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let scenario = &transcript.scenarios()[0];
    let played = scenario.play(Cut::Whole, Against::Nothing, |host| Ok(Bare::new(host)));
    let failure = played.expect_err("this transcript is wrong");
    (failure.line, failure.message)
}

#[test]
fn a_line_that_cannot_be_read_is_an_error_with_its_number() {
    let cases = [
        (
            "== No comment\na connects",
            "t.txt:2: a transcript begins with '# '",
        ),
        ("# Only a comment.", "t.txt:1: no scenario"),
        (
            "# x\nset max-clientz 3\n== y",
            "t.txt:2: no setting \"max-clientz\"",
        ),
        ("# x\na connects", "t.txt:2: neither a setting nor a member"),
        (
            "# x\n== y\nb > PING x\\0",
            "t.txt:3: \"b\" is no word and no client",
        ),
        (
            "# x\n== y\na connects\na connects",
            "t.txt:4: a client has a plain name",
        ),
        (
            "# x\n== y\na connects\na sings",
            "t.txt:4: a client cannot do \"sings\"",
        ),
        (
            "# x\n== y\na connects\na > \\q",
            "t.txt:4: unknown escape \\q",
        ),
        ("# x\n== y\na connects\na >  ", "t.txt:4: space at the end"),
        (
            "# x\n== y\na connects\n\n  > more",
            "t.txt:5: nothing above",
        ),
        (
            "# x\n== y\na connects\nset rate 1",
            "t.txt:4: settings and members come before",
        ),
        (
            "# x\n== y\na connects from 192.0.2.1",
            "t.txt:3: an address that is not 127",
        ),
        ("# x\n== y\na upgrades", "t.txt:3: \"a\" is no word"),
        (
            "# x\n== y\na connects\na upgrades\n  < more",
            "t.txt:5: nothing above",
        ),
        (
            "# x\n== y\na connects\na > {text LIST",
            "t.txt:4: a frame without its end",
        ),
        (
            "# x\n== y\na connects\na < {unmasked text x}",
            "t.txt:4: to a client no frame is masked",
        ),
        ("# x\n== y\nonly core", "t.txt:3: write 'only core: '"),
        ("# x\n== y\ntime 10s", "t.txt:3: a time is written"),
        ("# x\n== y\nstore sleeps", "t.txt:3: the store cannot do"),
        ("# x\nmember 1 alice", "t.txt:2: a member is"),
    ];
    for (text, message) in cases {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text:?}: {error}");
    }
}

#[test]
fn every_difference_from_the_transcript_is_found() {
    let cases = [
        (
            "a connects\na > PING x\\0\na < <pong value=\"y\"/>\\0",
            6,
            "a got",
        ),
        (
            "a connects\na > PING x\\0",
            5,
            "a got more and the transcript is over",
        ),
        (
            "a connects\na > PING x\\0\ntime +1s",
            6,
            "a got more before time passes",
        ),
        ("a connects\na > QUIT\\0", 5, "a's connection has ended"),
        ("a connects\na < end", 5, "a is still connected"),
        (
            "a connects\na > QUIT\\0\na < cut",
            6,
            "a's connection has ended otherwise",
        ),
        (
            "set connections 0\na connects",
            5,
            "a's connection has ended",
        ),
        (
            "a connects\nlog CONNECTED (1/4096) a",
            5,
            "the log says\n  nothing more",
        ),
        (
            "a connects\na > \\0\nlog QUIT 1 a",
            6,
            "the log says\n  CONNECTED (1/4096) a",
        ),
        (
            "a connects\na > \\0\nlog CONNECTED (1/4096) a\na > QUIT\\0\na < end",
            8,
            "and the log says\n  CLOSED quit a",
        ),
        ("store has 1", 4, "the store has 0 questions"),
        ("store answers first", 4, "the store has no question"),
    ];
    for (lines, line, message) in cases {
        let (at, told) = failure(lines);
        assert!(told.starts_with(message), "{lines:?}: {told}");
        assert_eq!(at, line, "{lines:?}: {told}");
    }
}

#[test]
fn rewriting_changes_expectations_and_nothing_else() {
    let text = "# A comment stays.\n\nmember 1 alice secret1 Alice\n\n== Some\na connects\n\
                a > IDENTIFY 1 secret1\\0PING x\\0\n# So does this one.\n\
                a < <login />\\0\na < {y*3}\na > {PING z\\0*2}\na < {<pong value=\"z\"/>\\0*2}\n\
                log LOGIN 2(1/4096) a\n";
    let right = "# A comment stays.\n\nmember 1 alice secret1 Alice\n\n== Some\na connects\n\
                 a > IDENTIFY 1 secret1\\0PING x\\0\n# So does this one.\n\
                 a < <login aid=\"alice\" name=\"Alice\" />\\0\n\
                 a < <identify aid=\"alice\" name=\"Alice\" />\\0\n\
                 a < <pong value=\"x\"/>\\0\n\
                 a > {PING z\\0*2}\na < {<pong value=\"z\"/>\\0*2}\n\
                 log CONNECTED (1/4096) a\nlog LOGIN 1(1/4096) a\n";
    let rewritten = |text| parse(text).unwrap().rewritten().unwrap();
    assert_eq!(rewritten(text), right);
    assert_eq!(rewritten(right), right);
}

/// A scenario of these lines with a server that gives this answer to LIST.
fn upgraded(lines: &str, cut: Cut, against: Against<'_>, answer: &[u8]) -> Result<Played, Failure> {
    let transcript = parse(&format!("# Test.\n\n== Test\n{lines}\n")).unwrap();
    let list = b"\x82\x85\x37\xfa\x21\x3d\x7b\xb3\x72\x69\x37".to_vec();
    let turns = [
        (UPGRADE.to_vec(), UPGRADED.to_vec()),
        (list, answer.to_vec()),
    ];
    transcript.scenarios()[0].play(cut, against, |_| Ok(Scripted::new(turns)))
}

#[test]
fn websocket_is_spoken_in_frames() {
    let lines = "a connects\na upgrades\na > {binary LIST\\0}\n\
                 a < {binary <list>\\0}\n  < {ping}{close 1000}";
    let answer = b"\x82\x07<list>\0\x89\0\x88\x02\x03\xe8";
    for cut in [Cut::Whole, Cut::Bytes, Cut::Primes] {
        let played = upgraded(lines, cut, Against::Nothing, answer);
        let played = played.unwrap_or_else(|failure| panic!("{}", failure.message));
        assert_eq!(played.streams[0].bytes, [UPGRADED, answer].concat());
    }
    let other = b"\x82\x07<lisp>\0\x89\0\x88\x02\x03";
    let failure = upgraded(lines, Cut::Whole, Against::Nothing, other).unwrap_err();
    assert_eq!(failure.line, 7);
    assert_eq!(
        failure.message,
        "a got\n  expected: {binary <list>\\0}{ping}{close 1000}\n  \
         got:      {binary <lisp>\\0}{ping}\\x88\\x02\\x03"
    );
}

#[test]
fn an_upgrade_gets_its_answer_and_no_other() {
    for against in [Against::Nothing, Against::Rewrite] {
        let scenario = parse("# Test.\n\n== Test\na connects\na upgrades").unwrap();
        let turns = [
            (UPGRADE.to_vec(), b"HTTP/1.1 400 No\r\n\r\n".to_vec()),
            (Vec::new(), Vec::new()),
        ];
        let open = |_| Ok(Scripted::new(turns));
        let failure = scenario.scenarios()[0].play(Cut::Whole, against, open);
        let failure = failure.expect_err("that was no upgrade");
        assert_eq!(failure.line, 5);
        let right = "a got\n  expected: HTTP/1.1 101 Switching Protocols\\r\\n";
        assert!(failure.message.starts_with(right), "{}", failure.message);
    }
}

#[test]
fn rewriting_writes_frames() {
    let answer = b"\x82\x07<list>\0\x82\x02a\n\x8a\0\x88\x02\x03";
    let rewritten = |lines: &str| {
        let played = upgraded(lines, Cut::Whole, Against::Rewrite, answer);
        let played = played.unwrap_or_else(|failure| panic!("{}", failure.message));
        let head = "# Test.\n\n== Test\n";
        let text = rewrite::apply(&format!("{head}{lines}\n"), played.edits);
        text[head.len()..].to_string()
    };
    let frames = "a < {binary <list>\\0}\na < {binary a\\n}\na < {pong}\na < \\x88\\x02\\x03\n";
    let asked = "a > {binary LIST\\0}\n";
    let plain = format!("a connects\na upgrades\n{asked}");
    let right = format!("{plain}{frames}");
    assert_eq!(rewritten(&format!("{plain}a < x")), right);
    assert_eq!(rewritten(&format!("{plain}a < x\na < {{ping}}")), right);
    assert_eq!(rewritten(right.trim_end()), right);
    // The same upgrade, line by line: its answer is a step of its own.
    let request = text::show(UPGRADE, 0..UPGRADE.len(), &[]);
    let spelled = format!("a connects\na > {request}\n");
    let head = "a < HTTP/1.1 101 Switching Protocols\\r\\n\n  < Upgrade: websocket\\r\\n\n  \
                < Connection: Upgrade\\r\\n\n  \
                < Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\n  < \\r\\n\n";
    let right = format!("{spelled}{head}{asked}{frames}");
    assert_eq!(rewritten(&format!("{spelled}a < x\n{asked}a < x")), right);
    assert_eq!(rewritten(right.trim_end()), right);
}

#[test]
fn the_answer_to_an_upgrade_ends_before_the_first_frame() {
    use rewrite::{Ends, pieces};
    let stream = [UPGRADED, b"\x82\x02\n\0\x88"].concat();
    let pieces = pieces(&stream, 0, &frames::whole(&stream));
    let ends: Vec<Ends> = pieces.iter().map(|(_, ends)| *ends).collect();
    let (line, answer) = (Ends::Line, Ends::Answer);
    assert_eq!(ends, [line, line, line, line, answer, answer, answer]);
    let lens: Vec<usize> = pieces.iter().map(|(piece, _)| piece.len()).collect();
    assert_eq!(lens[4..], [2, 4, 1]);
}

/// A server for one client, with prepared answers.
struct Scripted {
    /// The bytes that it waits for, and what it answers; in reverse order.
    turns: Vec<(Vec<u8>, Vec<u8>)>,
    got: Vec<u8>,
    says: Vec<u8>,
}

impl Scripted {
    fn new(turns: [(Vec<u8>, Vec<u8>); 2]) -> Self {
        Self {
            turns: turns.into_iter().rev().collect(),
            got: Vec::new(),
            says: Vec::new(),
        }
    }
}

impl Driver for Scripted {
    fn connect(&mut self, from: Option<IpAddr>, _: ListenerId) -> Result<Peer, String> {
        Ok(from.map_or(Peer::Unix, |from| SocketAddr::new(from, 1).into()))
    }

    fn send(&mut self, _: usize, piece: &[u8]) -> Result<(), String> {
        self.got.extend(piece);
        if let Some((_, says)) = self.turns.pop_if(|(awaited, _)| *awaited == self.got) {
            self.got.clear();
            self.says.extend(says);
        }
        Ok(())
    }

    fn half_close(&mut self, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn reset(&mut self, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn vanish(&mut self, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn appetite(&mut self, _: usize, _: Appetite) -> Result<(), String> {
        Ok(())
    }

    fn read(&mut self, _: usize, _: Patience) -> Result<Arrival, String> {
        Ok(match std::mem::take(&mut self.says) {
            says if says.is_empty() => Arrival::Nothing,
            says => Arrival::Bytes(says),
        })
    }

    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn member(&mut self, _: MemberEvent) -> Result<(), String> {
        Ok(())
    }

    fn announce(&mut self, _: &Arc<str>) -> Result<(), String> {
        Ok(())
    }

    fn kick(&mut self, _: &Login, _: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn configure(&mut self, _: Arc<Config>) -> Result<(), String> {
        Ok(())
    }

    fn shutdown(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn ended(&mut self, _: Patience) -> Result<bool, String> {
        Ok(true)
    }

    fn reached(&self) -> u64 {
        0
    }

    fn wait(&self, done: &dyn Fn() -> bool) -> bool {
        done()
    }

    fn knows_ends(&self) -> bool {
        false
    }
}
