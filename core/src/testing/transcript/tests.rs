//! The player itself: what it refuses to read, and what it does not let pass.

use super::*;
use std::format;
use std::string::ToString;

fn parse(text: &str) -> Result<Transcript, ParseError> {
    Transcript::parse("t.txt", text)
}

/// What is wrong with a scenario of these lines, beginning in line 3.
fn failure(lines: &str) -> (usize, String) {
    let text = format!("# Test.\n\n== Test\n{lines}\n");
    let transcript = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let scenario = &transcript.scenarios()[0];
    let played = scenario.play(Cut::Whole, Against::Nothing, |host| Ok(Bare::new(host)));
    let failure = played.expect_err("this transcript is wrong");
    (failure.line, failure.message)
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
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
fn what_is_not_as_written_does_not_pass() {
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
fn rewriting_changes_what_is_expected_and_nothing_else() {
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
