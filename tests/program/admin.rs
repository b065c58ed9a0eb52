//! Administration: `flashgate admin`, and the interface that it uses.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use tempfile::tempdir;

use crate::outside::{Client, Done, PATIENCE, Running, Server, run_in};
use crate::server::on_both;

/// Sends a request to the socket in a folder; its status, and its body.
fn ask(folder: &Path, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(folder.join("admin.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Runs `flashgate admin` for the server in a folder.
fn admin(folder: &Path, arguments: &[&str]) -> Done {
    let all = [&["admin", "--admin=unix:admin.sock"], arguments].concat();
    run_in(folder, &all, "")
}

/// Starts a server with a socket for administration.
fn start(folder: &Path, more: &[&str]) -> Server {
    let options = ["--listen=127.0.0.1:0", "--admin=unix:admin.sock"];
    let arguments = [&["serve"], &options[..], more].concat();
    let server = Server::of(Running::start(folder, &arguments, &[]), 1);
    server.running.stdout.wait_for("STARTED");
    server
}

fn member(folder: &Path, id: &str, nick: &str) {
    let arguments = ["members", "add", "--id", id, "--nick", nick, "--name", nick];
    let done = run_in(folder, &arguments, "password of a member\n");
    assert_eq!(done.code, 0, "{}", done.stderr);
}

fn log_in(server: &Server, nick: &str) -> Client {
    let mut client = server.connect();
    client.send("HELLO");
    assert!(client.answer().starts_with("<hello "));
    client.send(&format!("IDENTIFY {nick} password of a member"));
    assert_eq!(
        client.answer(),
        format!("<login aid=\"{nick}\" name=\"{nick}\" />")
    );
    assert!(client.answer().starts_with("<identify "));
    client
}

on_both! {
    fn a_running_server_is_administered(runtime) {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        member(folder, "7", "dave");
        fs::write(folder.join("reserved"), "Site\n").unwrap();
        let server = start(folder, &[runtime, "--reserved-nicks=reserved", "--presence=off"]);
        let mut dave = log_in(&server, "dave");
        dave.send("JOIN #den");
        assert!(dave.answer().starts_with("<join "));
        assert!(dave.answer().starts_with("<room "));

        let who = admin(folder, &["who"]);
        assert!(who.stdout.contains("dave") && who.stdout.contains("#den") && who.stdout.contains("1 online"), "{}", who.stdout);
        let json = admin(folder, &["who", "--json"]);
        let rows: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!((rows[0]["id"].as_i64(), rows[0]["address"].as_str()), (Some(7), Some("127.0.0.1")));
        assert!(admin(folder, &["rooms"]).stdout.contains("#den"));
        assert!(admin(folder, &["status"]).stdout.contains("running"));

        assert_eq!(admin(folder, &["announce", "Tea & cake"]).code, 0);
        assert!(dave.answer().contains(" msg=\"Tea &amp; cake\""));
        assert_eq!(admin(folder, &["announce", "--room", "#den", "Only here"]).code, 0);
        assert!(dave.answer().contains("Only here"));
        assert_eq!(admin(folder, &["send", "dave", "Hello", "--as", "Site"]).code, 0);
        assert!(dave.answer().starts_with("<msg aid=\"Site\""));
        let refused = admin(folder, &["send", "dave", "Hello", "--as", "erin"]);
        assert!(refused.code == 1 && refused.stderr.contains("is not reserved"), "{}", refused.stderr);

        assert_eq!(admin(folder, &["kick", "dave", "--reason", "Too loud"]).stdout, "kicked dave\n");
        assert_eq!(dave.rest(), "<kicked reason=\"Too loud\"/>\0");
        let gone = admin(folder, &["kick", "dave"]);
        assert!(gone.code == 1 && gone.stderr.contains("Nobody with the nick"), "{}", gone.stderr);

        let (log, _) = server.stop();
        assert!(!folder.join("admin.sock").exists());
        let user = String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let line = format!("ADMIN \"POST /v1/clients/dave/kick\" 200 by \"{}\" \"Too loud\" unix\n", user.trim());
        assert!(log.contains(&line), "{log}");
        assert!(!log.contains("Tea") && !log.contains("Hello"), "texts are not logged: {log}");
    }

    fn a_site_keeps_its_members(runtime) {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        let secret = folder.join("secret");
        fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let server = start(folder, &[runtime, "--ticket-secret=secret"]);
        let new = r#"{"id":7,"nick":"dave","name":"Dave","password":"password of a member"}"#;
        let (status, added) = ask(folder, "POST", "/v1/members", new);
        assert_eq!((status, added["active"].as_bool()), (201, Some(true)));
        assert_eq!(ask(folder, "POST", "/v1/members", new).0, 409);
        let (status, ticket) = ask(folder, "POST", "/v1/tickets", r#"{"id":7}"#);
        assert_eq!(status, 201);
        // A ticket of the second in which the server has started might have been used before.
        let deadline = Instant::now() + PATIENCE;
        let mut ticket = ticket;
        loop {
            let mut client = server.connect();
            client.send(&format!("IDENTIFY 7 {}", ticket["ticket"].as_str().unwrap()));
            match client.answer().as_str() {
                "<login aid=\"dave\" name=\"Dave\" />" => break,
                answer => assert!(answer.contains("try again") && Instant::now() < deadline, "{answer}"),
            }
            ticket = ask(folder, "POST", "/v1/tickets", r#"{"id":7}"#).1;
        }
        let (status, changed) = ask(folder, "PATCH", "/v1/members/7", r#"{"nick":"david","active":false}"#);
        assert_eq!((status, changed["nick"].as_str(), changed["active"].as_bool()), (200, Some("david"), Some(false)));
        for (method, path, body, expected) in [
            ("PATCH", "/v1/members/8", "{}", 404),
            ("PATCH", "/v1/members/x", "{}", 422),
            ("PATCH", "/v1/members/7", r#"{"nick":"12"}"#, 422),
            ("PATCH", "/v1/members/7", r#"{"role":"admin"}"#, 422),
            ("POST", "/v1/members", r#"{"id":9,"nick":"x y","password":"p"}"#, 422),
            ("POST", "/v1/members", r#"{"id":"9","nick":"erin","password":"p"}"#, 422),
            ("POST", "/v1/members", r#"{"id":9,"nick":"erin"}"#, 422),
            ("POST", "/v1/members", "[1]", 400),
            ("POST", "/v1/tickets", r#"{"id":9}"#, 404),
            ("DELETE", "/v1/members/7", "", 200),
            ("DELETE", "/v1/members/7", "", 404),
        ] {
            assert_eq!(ask(folder, method, path, body).0, expected, "{method} {path} {body}");
        }
        let (log, _) = server.stop();
        assert!(!log.contains("password of"), "{log}");
    }

    fn tokens_open_an_address(runtime) {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        let token = "0123456789abcdef0123456789abcdef";
        let file = folder.join("tokens");
        fs::write(&file, format!("site {token}\n")).unwrap();
        let options = ["serve", "--demo", runtime, "--listen=127.0.0.1:0", "--admin=127.0.0.1:0"];
        let refused = run_in(folder, &options, "");
        assert!(refused.code == 64 && refused.stderr.contains("add --admin-token FILE"), "{}", refused.stderr);
        let options = [&options[..], &["--admin-token=tokens"]].concat();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = run_in(folder, &options, "");
        assert!(refused.code == 78 && refused.stderr.contains("chmod o="), "{}", refused.stderr);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let server = Server::of(Running::start(folder, &options, &[]), 2);
        let at = server.addresses[1];
        let status = |authorization: &str| {
            let mut client = Client::connect(at);
            client.write(format!("GET /v1/status HTTP/1.0\r\n{authorization}\r\n").as_bytes());
            let answer = client.rest();
            answer[9..12].parse::<u16>().unwrap()
        };
        assert_eq!(status(""), 401);
        assert_eq!(status(&format!("Authorization: Bearer {}\r\n", token.replace('f', "e"))), 401);
        assert_eq!(status(&format!("Authorization: Basic {token}\r\n")), 401);
        assert_eq!(status(&format!("Authorization: Bearer {token}\r\n")), 200);
        assert_eq!(status(&format!("Authorization: Bearer {token}\r\nOrigin: http://x\r\n")), 403);
        let at = format!("--admin={at}");
        let done = run_in(folder, &["admin", &at, "--admin-token=tokens", "reload"], "");
        assert_eq!(done.code, 0, "{}", done.stderr);
        let refused = run_in(folder, &["admin", &at, "status"], "");
        assert!(refused.stderr.contains("A token is needed"), "{}", refused.stderr);
        let (log, _) = server.stop();
        assert!(log.contains("REFUSED admin token") && log.contains("by \"site\" 127.0.0.1:"), "{log}");
        assert!(!log.contains(token), "{log}");
    }

    fn a_drain_lets_all_leave_and_ends_the_server(runtime) {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        member(folder, "7", "dave");
        let mut server = start(folder, &[runtime]);
        let mut dave = log_in(&server, "dave");
        let done = admin(folder, &["drain", "600", "--text", "Back at noon"]);
        assert!(done.code == 0 && done.stdout.contains("when 1 have left"), "{}", done.stdout);
        assert!(dave.answer().contains(" msg=\"Back at noon\""));
        assert!(server.get("/healthz").starts_with("HTTP/1.1 503"));
        let mut late = server.connect();
        late.send("LIST");
        assert_eq!(late.rest(), "<error value=\"Please try again later.\"/>\0");
        assert!(admin(folder, &["status"]).stdout.contains("draining"));
        dave.send("QUIT");
        assert_eq!(server.running.wait(PATIENCE), 0);
        let log = server.running.stdout.all();
        assert!(log.contains("DRAINED (0 left)\n") && log.contains("STOPPED drained"), "{log}");
    }

    fn what_happens_is_streamed(runtime) {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        member(folder, "7", "dave");
        let server = start(folder, &[runtime]);
        let mut stream = UnixStream::connect(folder.join("admin.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /v1/events HTTP/1.0\r\n\r\n").unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        assert_eq!(lines.next().as_deref(), Some("HTTP/1.1 200 OK"));
        assert!(lines.by_ref().any(|line| line.is_empty()));
        let mut dave = log_in(&server, "dave");
        dave.send("MSG dave A secret text");
        assert!(dave.answer().contains("A secret text"));
        dave.send("QUIT");
        let mut seen = Vec::new();
        while seen.last().is_none_or(|event| event != "closed") {
            let line = lines.next().unwrap();
            assert!(!line.contains("secret"), "{line}");
            let event: Value = serde_json::from_str(&line).unwrap();
            seen.push(event["event"].as_str().unwrap().to_owned());
        }
        assert_eq!(seen, ["login", "quit", "closed"]);
        server.stop();
    }

    /// Each request is a step of its own: the chat gets its turn between them.
    fn a_flood_of_requests_leaves_the_chat_alone(runtime) {
        let folder = tempdir().unwrap();
        let folder = folder.path().to_owned();
        member(&folder, "7", "dave");
        let server = start(&folder, &[runtime, "--rate=0"]);
        let mut dave = log_in(&server, "dave");
        let flood = |folder: PathBuf| {
            thread::spawn(move || {
                let ask = |_| ask(&folder, "GET", "/v1/clients", "").0;
                (0..200).map(ask).filter(|status| *status == 200).count()
            })
        };
        let floods: Vec<_> = (0..4).map(|_| flood(folder.clone())).collect();
        for number in 0..500 {
            assert_eq!(dave.ask(&format!("PING {number}")), format!("<pong value=\"{number}\"/>"));
        }
        for flood in floods {
            assert_eq!(flood.join().unwrap(), 200);
        }
        // More connections than there may be are closed, and those that are open are answered.
        let mut held: Vec<_> = (0..40)
            .map(|_| UnixStream::connect(folder.join("admin.sock")).unwrap())
            .collect();
        server.running.stdout.wait_for("CLOSED admin limit");
        let first = &mut held[0];
        first.set_read_timeout(Some(PATIENCE)).unwrap();
        first.write_all(b"GET /v1/status HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        first.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert_eq!(dave.ask("PING x"), "<pong value=\"x\"/>");
        drop(held);
        server.stop();
    }
}

#[test]
fn a_reload_says_what_has_changed() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("flashgate.toml");
    let text = |rate: &str, listen: &str| {
        format!(
            "listen = [\"{listen}\"]\nadmin = \"unix:admin.sock\"\ndemo = true\nrate = {rate}\n"
        )
    };
    fs::write(&file, text("5", "127.0.0.1:0")).unwrap();
    let arguments = ["serve", "--config=flashgate.toml"];
    let server = Server::of(Running::start(folder, &arguments, &[]), 1);
    server.running.stdout.wait_for("STARTED");
    fs::write(&file, text("6", "127.0.0.1:1")).unwrap();
    // The command finds the server by its configuration.
    let done = run_in(folder, &["admin", "--config=flashgate.toml", "reload"], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stdout.contains("hold for: rate")
            && done.stdout.contains("restart is needed for: listen"),
        "{}",
        done.stdout
    );
    fs::write(&file, "rat = 5\n").unwrap();
    let refused = admin(folder, &["reload"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("rat"),
        "{}",
        refused.stderr
    );
    server.stop();
}

#[test]
fn without_a_server_the_command_says_what_to_do() {
    let folder = tempdir().unwrap();
    let done = admin(folder.path(), &["status"]);
    assert!(
        done.code == 69 && done.stderr.contains("does the server run, with --admin?"),
        "{}",
        done.stderr
    );
    let done = run_in(
        folder.path(),
        &["admin", "--config=/dev/null", "status"],
        "",
    );
    assert!(
        done.code == 78 && done.stderr.contains("--admin unix:PATH"),
        "{}",
        done.stderr
    );
}
