//! Tickets: logins by what a site has signed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::tempdir;

use crate::outside::{Server, run_in};
use crate::server::on_both;
use crate::signed::{ticket, ticket_made};

const SECRET: &str = "0123456789abcdef0123456789abcdef\n";
const REFUSED: &str = "<error value=\"Identification failed.\"/>";

/// A store of 1 alice, 2 bob who is disabled and 3 carol whose password looks like a ticket; and a
/// secret.
fn prepare(folder: &Path) {
    for (id, nick, password) in [
        ("1", "alice", "secret1\n"),
        ("2", "bob", "secret2\n"),
        ("3", "carol", "ticket:1.3.secret\n"),
    ] {
        let add = ["members", "add", "--id", id, "--nick", nick, "--name", nick];
        assert_eq!(run_in(folder, &add, password).code, 0);
    }
    assert_eq!(run_in(folder, &["members", "disable", "2"], "").code, 0);
    let secret = folder.join("secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).unwrap();
}

fn start(folder: &Path, options: &[&str]) -> Server {
    Server::start(folder, &[&["--ticket-secret=secret"], options].concat())
}

/// Waits until the clock shows another second than when the server started.
fn wait_for_next_second() {
    thread::sleep(Duration::from_millis(1001));
}

/// The answer to a client that tries only this.
fn identify(server: &Server, id: &str, password: &str) -> String {
    let mut client = server.connect();
    let answer = client.ask(&format!("IDENTIFY {id} {password}"));
    client.send("QUIT");
    client.rest();
    answer
}

fn is_let_in(server: &Server, id: &str, password: &str) {
    let answer = identify(server, id, password);
    assert!(answer.starts_with("<login "), "{id} {password}: {answer}");
}

fn is_refused(server: &Server, id: &str, password: &str) {
    assert_eq!(identify(server, id, password), REFUSED, "{id} {password}");
}

fn is_asked_to_try_later(server: &Server, id: &str, password: &str) {
    let later = "<error value=\"Please try again later.\"/>";
    assert_eq!(identify(server, id, password), later, "{id} {password}");
}

on_both! {
    /// A ticket works once, for its member, in its time. No output has the ticket itself.
    fn tickets_let_members_in(runtime) {
        let folder = tempdir().unwrap();
        prepare(folder.path());
        let server = start(folder.path(), &[runtime, "--record=chat.rec"]);
        let good = ticket(SECRET, 1, 60);
        is_let_in(&server, "1", &good);
        is_refused(&server, "1", &good);
        is_refused(&server, "alice", &good);
        let by_nick = ticket(SECRET, 1, 60);
        is_let_in(&server, "alice", &by_nick);

        // Its time. The clocks of site and server may differ by three seconds.
        is_let_in(&server, "1", &ticket(SECRET, 1, -1));
        is_refused(&server, "1", &ticket(SECRET, 1, -4));
        is_let_in(&server, "1", &ticket(SECRET, 1, 299));
        is_refused(&server, "1", &ticket(SECRET, 1, 330));
        is_refused(&server, "1", &ticket_made(SECRET, 1, 30, 60));

        // Tickets of another member, of an inactive one, and of none.
        let hers = ticket(SECRET, 1, 60);
        for id in ["3", "carol", "2", "4", "Alice", "01"] {
            is_refused(&server, id, &hers);
        }
        is_let_in(&server, "1", &hers);
        is_refused(&server, "2", &ticket(SECRET, 2, 60));
        is_refused(&server, "4", &ticket(SECRET, 4, 60));

        // Tickets with another secret, and damaged ones.
        is_refused(&server, "1", &ticket(SECRET.trim_end(), 1, 60));
        let whole = ticket(SECRET, 1, 60);
        is_refused(&server, "1", &whole[..whole.len() - 1]);
        is_refused(&server, "1", &whole.to_uppercase());
        is_refused(&server, "1", &format!("{whole} {whole}"));
        is_refused(&server, "1", "ticket:1.");
        is_let_in(&server, "1", &whole);

        // Passwords are what they were, one that looks like a ticket too.
        is_let_in(&server, "1", "secret1");
        is_let_in(&server, "3", "ticket:1.3.secret");
        is_let_in(&server, "3", &ticket(SECRET, 3, 60));
        let (log, said) = server.stop();
        let recording = fs::read_to_string(folder.path().join("chat.rec")).unwrap();
        for text in [&log, &said, &recording] {
            for word in ["ticket:", &good[9..], &good[good.len() - 8..], SECRET.trim_end()] {
                assert!(!text.contains(word), "{word} in {text}");
            }
        }
        assert_eq!(log.matches("LOGIN 1(").count(), 7, "{log}");
        let done = run_in(folder.path(), &["replay", "chat.rec"], "");
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
    }

    /// A server that starts does not know which tickets were used with the process before it.
    fn a_restart_lets_no_ticket_in_again(runtime) {
        let folder = tempdir().unwrap();
        prepare(folder.path());
        let (server, spent, unused) = loop {
            let server = start(folder.path(), &[runtime]);
            wait_for_next_second();
            let made = SystemTime::now();
            let spent = ticket_made(SECRET, 1, 0, 200);
            let unused = ticket_made(SECRET, 1, 0, 200);
            is_let_in(&server, "1", &spent);
            server.stop();
            let server = start(folder.path(), &[runtime]);
            // A slow machine has another try: tickets are asked back for 3 s before the start only.
            if made.elapsed().is_ok_and(|took| took < Duration::from_secs(2)) {
                break (server, spent, unused);
            }
        };
        // Both may be used already. To ask for a fresh one is not a failure of the client.
        for _ in 0..3 {
            is_asked_to_try_later(&server, "1", &spent);
            is_asked_to_try_later(&server, "1", &unused);
        }
        is_refused(&server, "1", &ticket_made("another", 1, 0, 60));
        is_refused(&server, "1", &ticket_made(SECRET, 1, -60, 60));
        wait_for_next_second();
        let fresh = ticket_made(SECRET, 1, 0, 60);
        is_let_in(&server, "1", &fresh);
        is_refused(&server, "1", &fresh);
        is_asked_to_try_later(&server, "1", &spent);
    }

    /// Without a secret there are no tickets.
    fn without_a_secret(runtime) {
        let folder = tempdir().unwrap();
        prepare(folder.path());
        let server = Server::start(folder.path(), &[runtime]);
        is_refused(&server, "1", &ticket(SECRET, 1, 60));
        is_let_in(&server, "3", "ticket:1.3.secret");
    }

    /// A member who is online already uses up the ticket all the same.
    fn twice_at_once(runtime) {
        let folder = tempdir().unwrap();
        prepare(folder.path());
        let server = start(folder.path(), &[runtime]);
        let mut alice = server.connect();
        alice.send(&format!("IDENTIFY 1 {}", ticket(SECRET, 1, 60)));
        while !alice.answer().starts_with("<identify ") {}
        let second = ticket(SECRET, 1, 60);
        assert_eq!(identify(&server, "1", &second), "<error value=\"Already online.\"/>");
        is_refused(&server, "1", &second);
        // Twenty at once, of which one is the first.
        alice.send("QUIT");
        alice.rest();
        let third = ticket(SECRET, 1, 60);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(&format!("IDENTIFY 1 {third}"));
        }
        let answers: Vec<String> = clients.iter_mut().map(|client| client.answer()).collect();
        let refused = answers.iter().filter(|answer| *answer == REFUSED).count();
        assert_eq!(refused, 19, "{answers:?}");
    }
}

/// The message about a secret that cannot be used.
#[test]
fn secrets_that_will_not_do() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("secret");
    let refused = |more: &[&str], why: &str| {
        let serve = [
            "serve",
            "--demo",
            "--listen=127.0.0.1:0",
            "--ticket-secret=secret",
        ];
        let done = run_in(folder.path(), &[&serve, more].concat(), "");
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (78, ""),
            "{}",
            done.stderr
        );
        assert!(
            done.stderr.contains("--ticket-secret secret: "),
            "{}",
            done.stderr
        );
        assert!(done.stderr.contains(why), "{}", done.stderr);
        assert!(!done.stderr.contains("0123456789"), "{}", done.stderr);
    };
    refused(&[], "No such file");
    fs::write(&path, SECRET).unwrap();
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    refused(&[], "chmod o=");
    mode(0o600);
    refused(&["--site=."], "served to everybody");
    fs::write(&path, &SECRET[..31]).unwrap();
    refused(&[], "has 31 bytes");
    fs::write(&path, [b'x'; 4097]).unwrap();
    refused(&[], "more than 4096 bytes");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&[], "is no file");
}

#[test]
fn a_secret_comes_through_a_pipe() {
    let folder = tempdir().unwrap();
    for (options, said) in [
        (
            &["--ticket-secret", "-"][..],
            "has 5 bytes, and a secret has at least 32",
        ),
        (
            &["--ticket-secret", "-", "--policy-file=-"],
            "standard input (-) can be only one of the files; name a file for the others",
        ),
    ] {
        let done = run_in(
            folder.path(),
            &[&["serve", "--demo"], options].concat(),
            "short",
        );
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
}
