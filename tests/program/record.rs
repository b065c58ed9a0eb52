//! `serve --record` and `replay`, from outside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::tempdir;

use crate::guest::{Guest, Speaks};
use crate::outside::{Client, PATIENCE, Server, run_in};
use crate::server::on_both;

/// Says a little of everything, secrets too.
fn converse(server: &Server) {
    let mut alice = server.connect();
    assert_eq!(
        alice.ask("IDENTIFY alice secret1"),
        "<login aid=\"alice\" name=\"Alice\" />"
    );
    alice.answer();
    let mut bob = Client::connect(server.addresses[0]);
    bob.write(b"IDENTFY 2 secret2\r\nIDENTI");
    assert_eq!(bob.answer(), "<error value=\"Unknown command.\"/>");
    bob.write(b"FY 2 wrong-hunter2\r\nIDENTIFY 2 secret2\r\n");
    assert_eq!(bob.answer(), "<error value=\"Identification failed.\"/>");
    bob.answer();
    bob.answer();
    alice.answer();
    let mut carol = Guest::connect(server.addresses[0], Speaks::Text);
    carol.send("IDENTIFY 3 secret3");
    while !carol.answer().starts_with("<identify ") {}
    carol.send("MSG bob Űrhajó & <top> secret");
    carol.answer();
    let mut ruffle = Guest::connect(server.addresses[0], Speaks::Binary);
    ruffle.send("PING topsecret");
    assert_eq!(ruffle.answer(), "<pong value=\"topsecret\"/>");
    let mut policy = server.connect();
    policy.send("<policy-file-request/>");
    assert!(policy.rest().ends_with("</cross-domain-policy>\0"));
    server.get("/");
    server.get("/topsecret?token=hunter2");
    server.get("/server-status");
    alice.send("QUIT");
    alice.rest();
}

fn replay(folder: &Path, more: &[&str]) -> crate::outside::Done {
    run_in(folder, &[&["replay", "chat.rec"], more].concat(), "")
}

on_both! {
    /// What was recorded can be played again, and holds no secret.
    fn a_recording_and_its_replay(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--record=chat.rec"]);
        converse(&server);
        let (_, diagnostics) = server.stop();
        assert!(diagnostics.contains("recording to chat.rec, without passwords"), "{diagnostics}");
        let path = folder.path().join("chat.rec");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("\nend stop\n"), "{text}");
        // Why a login was refused is recorded, and is no password.
        let others = text.replace("wrong password", "");
        for word in ["secret", "ecret1", "hunter", "wrong", "rhaj", "token"] {
            assert!(!others.contains(word), "{word} in {text}");
        }
        assert!(text.contains("IDENTIFY\\salice\\sxxxxxx0\\0"), "{text}");

        let done = replay(folder.path(), &[]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
        assert!(done.stdout.contains(" decisions are the same, in kind, "), "{}", done.stdout);

        // A file that is there is not touched.
        let done = run_in(folder.path(), &["serve", "--demo", "--listen=127.0.0.1:0", "--record=chat.rec"], "");
        assert_eq!(done.code, 78, "{}", done.stderr);
        assert!(done.stderr.contains("chat.rec: it is there already"), "{}", done.stderr);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);

        let done = replay(folder.path(), &["--print", "--conn=0"]);
        assert!(done.stdout.contains("  open 0.0 0 127.0.0.1:"), "{}", done.stdout);
        assert!(!done.stdout.contains(" 1.0 "), "{}", done.stdout);
        let time = done.stdout.lines().find_map(|line| line.strip_suffix(']')?.rsplit_once('['));
        let (_, time) = time.unwrap_or_else(|| panic!("{}", done.stdout));
        let done = replay(folder.path(), &["--print", "--until", time]);
        assert!(done.stdout.contains(&format!("[{time}]")), "{}", done.stdout);
        let done = replay(folder.path(), &["--until", "2007-07-10T10:54:02"]);
        assert!(done.stdout.starts_with("0 inputs "), "{}", done.stdout);
        let done = replay(folder.path(), &["--until=100"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stdout.contains("up to line 100;"), "{}", done.stdout);

        let at = text.find("\n> write ").unwrap();
        let (before, after) = text.split_at(at + 1);
        let after = after.replacen("> write", "> finish", 1);
        fs::write(&path, before.to_owned() + &after).unwrap();
        let done = replay(folder.path(), &[]);
        assert_eq!(done.code, 1, "{}", done.stdout);
        let line = before.lines().count() + 1;
        assert!(done.stdout.contains(&format!("{line}  recorded: finish ")), "{}", done.stdout);
        assert!(done.stdout.contains("\n         replayed: write "), "{}", done.stdout);
        assert!(done.stdout.contains(before.lines().last().unwrap()), "{}", done.stdout);
    }

    fn secrets_are_kept_on_demand(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--record=chat.rec", "--record-secrets"]);
        converse(&server);
        let (_, diagnostics) = server.stop();
        assert!(diagnostics.contains("WITH PASSWORDS AND TEXTS"), "{diagnostics}");
        let text = fs::read_to_string(folder.path().join("chat.rec")).unwrap();
        assert!(text.contains("IDENTIFY\\salice\\ssecret1"), "{text}");
        let done = replay(folder.path(), &[]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
        assert!(done.stdout.contains("length and bytes"), "{}", done.stdout);
    }

    /// A server that is killed leaves what it has written; one that has written enough lives on.
    fn recordings_that_end_early(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--record=chat.rec"]);
        converse(&server);
        let mut half = server.connect();
        half.write(b"IDENTIFY 1 sec");
        server.get("/healthz");
        server.running.signal(Signal::KILL);
        let mut child = server.running;
        let _ = child.child.wait();
        let done = replay(folder.path(), &[]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
        assert!(done.stdout.contains("The end of the recording is missing"), "{}", done.stdout);

        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &[
            "--demo", runtime, "--record=chat.rec", "--record-limit=1", "--record-secrets", "--rate=0",
        ]);
        let mut client = server.connect();
        for _ in 0..200 {
            client.ask(&format!("PING {}", "x".repeat(8000)));
        }
        server.running.stderr.wait_for("it has reached --record-limit");
        assert_eq!(client.ask("PING y"), "<pong value=\"y\"/>");
        // The thread that writes it may say so before its last lines are in the file.
        let end = Instant::now() + PATIENCE;
        let text = loop {
            let text = fs::read_to_string(folder.path().join("chat.rec")).unwrap();
            if text.ends_with("\nend limit\n") {
                break text;
            }
            assert!(Instant::now() < end, "{}", text.len());
            thread::sleep(Duration::from_millis(5));
        };
        assert!(text.len() < 1_100_000, "{}", text.len());
        let done = replay(folder.path(), &[]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stdout.contains("it reached its size limit"), "{}", done.stdout);
    }
}

#[test]
fn what_is_no_recording() {
    let folder = tempdir().unwrap();
    let done = replay(folder.path(), &[]);
    assert_eq!(done.code, 78, "{}", done.stderr);
    for (text, says) in [
        ("", "not a recording"),
        ("flashgate-recording 9 redacted\n", "another version"),
        (
            "flashgate-recording 1 redacted\nset x\n",
            "chat.rec:2: this is not a line",
        ),
    ] {
        fs::write(folder.path().join("chat.rec"), text).unwrap();
        let done = replay(folder.path(), &[]);
        assert_eq!(done.code, 65, "{}", done.stderr);
        assert!(done.stderr.contains(says), "{}", done.stderr);
    }
    for option in ["--record-secrets", "--record-limit=1"] {
        let done = run_in(folder.path(), &["serve", "--demo", option], "");
        assert_eq!(done.code, 64, "{}", done.stderr);
    }
}

/// A transcript that was made of a recording plays.
#[test]
fn a_recording_as_a_transcript() {
    use flashgate_testing::transcript::{Against, Bare, Cut, Transcript};

    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo", "--record=chat.rec"]);
    converse(&server);
    drop(server.stop());
    let done = replay(folder.path(), &["--to-transcript=chat.txt"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let text = fs::read_to_string(folder.path().join("chat.txt")).unwrap();
    assert!(text.contains(" > IDENTIFY alice xxxxxx0\\0\n"), "{text}");
    assert!(
        text.contains("\nstore denies first: wrong password\n"),
        "{text}"
    );
    let transcript = Transcript::parse("chat.txt", &text).unwrap();
    for scenario in transcript.scenarios() {
        let played = scenario.play(Cut::Whole, Against::Nothing, |host| Ok(Bare::new(host)));
        if let Err(failure) = played {
            panic!("{}: {}\n{text}", failure.line, failure.message);
        }
    }
    let done = replay(folder.path(), &["--to-transcript=chat.txt"]);
    assert_eq!(done.code, 78, "{}", done.stderr);
}
