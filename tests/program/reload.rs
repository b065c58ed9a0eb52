//! SIGHUP: what is read again, what stays as it was, and that connections are not disturbed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::tempdir;

use crate::outside::{Client, PATIENCE, Server, run_in, terminal};
use crate::server::on_both;
use crate::signed::ticket;

const OLD: &str = "0123456789abcdef0123456789abcdef\n";
const NEW: &str = "fedcba9876543210fedcba9876543210\n";

fn secret(folder: &Path, text: &str) {
    let path = folder.join("secret");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

fn policy(folder: &Path, domain: &str) {
    let text = format!(
        r#"<cross-domain-policy><allow-access-from domain="{domain}" to-ports="80"/></cross-domain-policy>"#
    );
    fs::write(folder.join("policy.xml"), text).unwrap();
}

/// Asks until the answer has `text`: new settings take their turn behind what the server is doing.
fn comes_to_say(server: &Server, path: &str, text: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = server.get(path);
        if answer.contains(text) {
            return;
        }
        assert!(Instant::now() < end, "{answer}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn login(server: &Server, ticket: &str) -> String {
    let mut client = server.connect();
    client.ask(&format!("IDENTIFY 2 {ticket}"))
}

on_both! {
    fn files_are_read_again(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        for (id, nick) in [("1", "alice"), ("2", "bob")] {
            let add = ["members", "add", "--id", id, "--nick", nick, "--name", nick];
            assert_eq!(run_in(place, &add, "secret1\n").code, 0);
        }
        fs::create_dir(place.join("www")).unwrap();
        fs::write(place.join("www/a.txt"), "old").unwrap();
        secret(place, OLD);
        policy(place, "old.example");
        let server = Server::start(
            place,
            &[runtime, "--site=www", "--policy-file=policy.xml", "--ticket-secret=secret"],
        );
        let mut alice = server.connect();
        assert!(alice.ask("IDENTIFY 1 secret1").starts_with("<login "));
        assert!(alice.answer().starts_with("<identify "));
        assert!(server.get("/a.txt").ends_with("old"));
        assert!(server.get("/b.txt").starts_with("HTTP/1.1 404"));

        fs::write(place.join("www/a.txt"), "new").unwrap();
        fs::write(place.join("www/b.txt"), "added").unwrap();
        secret(place, NEW);
        policy(place, "new.example");
        server.running.signal(Signal::HUP);
        for what in ["site", "policy file", "ticket secret"] {
            server.running.stdout.wait_for(&format!("] RELOADED {what}\n"));
        }
        comes_to_say(&server, "/a.txt", "new");
        comes_to_say(&server, "/b.txt", "added");
        comes_to_say(&server, "/crossdomain.xml", "new.example");
        assert_eq!(login(&server, &ticket(OLD, 2, 60)), "<error value=\"Identification failed.\"/>");
        let answer = login(&server, &ticket(NEW, 2, 60));
        assert!(answer.starts_with("<login aid=\"bob\""), "{answer}");
        while !alice.answer().starts_with("<quit ") {}
        assert_eq!(alice.ask("PING x"), "<pong value=\"x\"/>");

        // What cannot be read stays as it was; the rest does not wait for it.
        symlink("/etc/hostname", place.join("www/out.txt")).unwrap();
        fs::write(place.join("policy.xml"), "<cross-domain-policy>").unwrap();
        secret(place, OLD);
        server.running.signal(Signal::HUP);
        server.running.stdout.wait_for("] RELOAD FAILED \"the policy file policy.xml is not well-formed");
        let stdout = &server.running.stdout;
        stdout.wait_for_times("] RELOADED ticket secret\n", 2);
        assert_eq!(stdout.so_far().matches("] RELOAD FAILED \"").count(), 2);
        comes_to_say(&server, "/a.txt", "new");
        comes_to_say(&server, "/crossdomain.xml", "new.example");
        assert_eq!(alice.ask("PING y"), "<pong value=\"y\"/>");

        // The signals that stop it still do.
        let (log, _) = server.stop();
        assert!(log.contains("CLOSED shutdown"), "{log}");
    }

    fn nothing_to_read_is_no_failure(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime]);
        let mut alice = server.connect();
        assert!(alice.ask("IDENTIFY 1 secret1").starts_with("<login "));
        assert!(alice.answer().starts_with("<identify "));
        server.running.signal(Signal::HUP);
        server.running.stdout.wait_for("] RELOADED nothing\n");
        assert_eq!(alice.ask("PING x"), "<pong value=\"x\"/>");
        server.stop();
    }

    /// A terminal that goes away takes the log with it, and nothing else.
    fn a_terminal_may_go_away(runtime) {
        let folder = tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_flashgate");
        let command = format!("echo pid $$.; exec {program} serve --demo {runtime} --listen=127.0.0.1:0");
        let (mut script, shown) = terminal(folder.path(), &command);
        shown.wait_for("Listening on 127.0.0.1:");
        let end = Instant::now() + PATIENCE;
        let (pid, address) = loop {
            let text = shown.so_far();
            let part = |after: &str, end: char| {
                let (_, rest) = text.split_once(after)?;
                rest.split_once(end).map(|(part, _)| part.to_owned())
            };
            if let (Some(pid), Some(address)) = (part("pid ", '.'), part("Listening on ", '\r')) {
                break (pid, address);
            }
            assert!(Instant::now() < end, "{text}");
            thread::sleep(Duration::from_millis(5));
        };
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        let mut alice = Client::connect(address.parse().unwrap());
        assert!(alice.ask("IDENTIFY 1 secret1").starts_with("<login "));
        assert!(alice.answer().starts_with("<identify "));

        // The terminal's other side is closed with it: the kernel sends SIGHUP, and writes fail.
        script.kill().unwrap();
        script.wait().unwrap();
        let mut bob = Client::connect(address.parse().unwrap());
        assert!(bob.ask("IDENTIFY 2 secret2").starts_with("<login "));
        assert!(alice.answer().starts_with("<login aid=\"bob\""));
        assert_eq!(alice.ask("PING x"), "<pong value=\"x\"/>");
        kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(alice.rest(), "");
    }
}
