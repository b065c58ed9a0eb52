//! Unix sockets to listen on.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::outside::{PATIENCE, Running, Server, run_in};
use crate::server::on_both;

on_both! {
    fn a_unix_socket_and_its_file(runtime) {
        let folder = tempdir().unwrap();
        let path = folder.path().join("chat.sock");
        // A server that was killed has left its file.
        drop(UnixListener::bind(&path).unwrap());
        let option = format!("unix:{}", path.display());
        let options = ["--demo", runtime, "--listen=127.0.0.1:0", "--listen", &option, "--max-per-address=1"];
        let server = Server::start(folder.path(), &options);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(talk(&path, "PING x\0", 18), "<pong value=\"x\"/>\0");
        assert_eq!(talk(&path, "PROXY TCP4 192.0.2.7 192.0.2.8 4242 80\r\nPING y\0", 18), "<pong value=\"y\"/>\0");
        let head = "GET /server-status HTTP/1.0\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
        assert_eq!(talk(&path, head, 15), "HTTP/1.1 200 OK");

        // One that answers is not replaced.
        let second = run_in(folder.path(), &["serve", "--demo", "--listen=127.0.0.1:0", "--listen", &option], "");
        assert_eq!(second.code, 69, "{}", second.stderr);
        assert!(second.stderr.contains("listens there"), "{}", second.stderr);
        assert_eq!(talk(&path, "PING z\0", 18), "<pong value=\"z\"/>\0");

        let (log, _) = server.stop();
        assert!(!path.exists(), "the file goes with the server");
        // The server may notice later that the client before has left, and count two.
        for (what, who) in [("CONNECTED (", "unix"), ("CONNECTED (", "192.0.2.7:4242"), ("STATUS REQUEST ", "192.0.2.9:0")] {
            let is_it = |line: &str| line.contains(&format!("] {what}")) && line.ends_with(&format!(" {who}"));
            assert!(log.lines().any(is_it), "{what} {who}: {log}");
        }
        assert!(log.contains(&format!("] Listening on \"{option}\"\n")), "{log}");
    }
}

#[test]
fn a_policy_without_ports_allows_all() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    // With --demo nothing but loopback is allowed; a Unix socket is no less private.
    let arguments = ["serve", "--demo", "--listen=unix:chat.sock"];
    let server = Server::of(Running::start(folder.path(), &arguments, &[]), 0);
    let deadline = Instant::now() + PATIENCE;
    while !path.exists() || UnixStream::connect(&path).is_err() {
        assert!(Instant::now() < deadline, "nothing listens");
        thread::sleep(Duration::from_millis(10));
    }
    let policy = "<?xml version=\"1.0\"?><cross-domain-policy><allow-access-from domain=\"*\" to-ports=\"*\" />\
        </cross-domain-policy>\0";
    assert_eq!(
        talk(&path, "<policy-file-request/>\0", policy.len()),
        policy
    );
    server.stop();
}

#[test]
fn paths_that_cannot_be_listened_on() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    let long = format!("unix:/{}", "x".repeat(120));
    for (path, code) in [
        ("unix:", 64),
        (long.as_str(), 64),
        ("unix:none/chat.sock", 69),
        ("unix:file", 69),
    ] {
        let done = run_in(folder.path(), &["serve", "--demo", "--listen", path], "");
        assert_eq!(done.code, code, "{path}: {}", done.stderr);
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("file")).unwrap(),
        "x",
        "a file that is no socket stays"
    );
}

/// Sends bytes, and reads this many of the answer.
fn talk(path: &Path, said: &str, length: usize) -> String {
    let mut socket = UnixStream::connect(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(said.as_bytes()).unwrap();
    let mut answer = vec![0; length];
    socket.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}
