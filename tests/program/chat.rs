//! `flashgate chat` in pipes and in a terminal, with good and malicious servers.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use tempfile::tempdir;

use crate::outside::{PATIENCE, Running, Server, run_in};
use crate::signed::ticket;

#[test]
fn a_script_in_a_pipe() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let to = server.addresses[0].to_string();
    let mut bob = server.connect();
    bob.send("IDENTIFY bob secret2");
    while !bob.answer().starts_with("<identify ") {}

    // More than the server's burst, so that some wait: nothing is lost.
    let many: String = (0..60).map(|n| format!("line {n}\n")).collect();
    for (end, id) in [("/quit\n/fly\n", "alice"), ("", "1")] {
        let input =
            format!("secret1\n/msg bob  hi <b>&\n{many}//x\n/msg carol x\n/fly\n/list\n{end}");
        let done = run_in(folder.path(), &["chat", &to, "--id", id], &input);
        assert_eq!(
            (done.code, done.stderr.as_str()),
            (0, ""),
            "{}",
            done.stdout
        );
        assert_eq!(done.stdout.matches("no command /fly").count(), 1);
        let lines: Vec<&str> = done
            .stdout
            .lines()
            .filter(|l| !l.contains("/fly"))
            .collect();
        assert_eq!(lines[0], "* You are Alice (alice).");
        assert_eq!(lines[1], "* 2 online: Bob (bob), Alice (alice)");
        assert_eq!(timeless(lines[2]), "to bob: hi <b>&");
        assert_eq!(timeless(lines[62]), "to bob: line 59");
        assert_eq!(timeless(lines[63]), "to bob: /x");
        assert_eq!(
            lines[64],
            "! carol is not online; the message was not sent."
        );
        assert_eq!(lines[65], "* 2 online: Bob (bob), Alice (alice)");
        assert_eq!(lines.len(), 66, "{}", done.stdout);

        assert!(bob.answer().starts_with("<login "));
        assert!(bob.answer().contains(" msg=\"hi &lt;b&gt;&amp;\" "));
        for n in 0..60 {
            assert!(bob.answer().contains(&format!(" msg=\"line {n}\" ")));
        }
        assert!(bob.answer().contains(" msg=\"/x\" "));
        assert_eq!(bob.answer(), "<quit aid=\"alice\" />");
    }
}

#[test]
fn two_in_pipes() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let to = server.addresses[0].to_string();
    let mut alice = Running::start(folder.path(), &["chat", &to], &[]);
    let mut typed = alice.stdin.take().unwrap();
    typed.write_all(b"alice\nsecret1\n").unwrap();
    alice.stdout.wait_for("* 1 online: Alice (alice)\n");
    let input = "secret2\n/msg alice hi\nthere\n";
    let done = run_in(folder.path(), &["chat", &to, "--id=bob"], input);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    alice.stdout.wait_for("* Bob (bob) has left\n");
    typed
        .write_all(b"  \nwho?\n/msg bob x\n\xff\n/quit\n")
        .unwrap();
    assert_eq!(alice.wait(PATIENCE), 0);
    let shown = alice.stdout.all();
    let lines: Vec<&str> = shown.lines().skip(2).collect();
    assert_eq!(lines[0], "* Bob (bob) is here");
    assert_eq!(timeless(lines[1]), "bob: hi");
    assert_eq!(timeless(lines[2]), "bob: there");
    assert_eq!(lines[3], "* Bob (bob) has left");
    // What is told here may overtake what the server has to say.
    for told in [
        "! Say to whom: ",
        "! bob is not online",
        "! A line of the input is not valid",
    ] {
        assert_eq!(
            lines[4..].iter().filter(|l| l.starts_with(told)).count(),
            1,
            "{shown}"
        );
    }
    assert_eq!(lines.len(), 7, "{shown}");
    assert_eq!(alice.stderr.all(), "");
}

#[test]
fn logins_that_are_refused() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let to = server.addresses[0].to_string();
    let mut alice = server.connect();
    alice.send("IDENTIFY alice secret1");
    while !alice.answer().starts_with("<identify ") {}
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = taken.local_addr().unwrap().to_string();
    drop(taken);
    for (arguments, input, code, told) in [
        (
            &[to.as_str(), "--id=bob"][..],
            "wrong\nsecret2\n",
            1,
            "wrong number, nick or password",
        ),
        (
            &[&to, "--id=alice"],
            "secret1\n",
            1,
            "alice is online already",
        ),
        (&[&to, "--id=bob"], "", 1, "it is empty"),
        (&[&to, "--id=bob"], " x\n", 1, "white space"),
        (&[&to], "a b\nsecret2\n", 1, "no white space"),
        (&[&closed, "--id=bob"], "secret2\n", 69, "cannot connect"),
        (&["localhost"], "", 64, "no port"),
        (&["::1:80"], "", 64, "brackets"),
        (&[&to, "--id=a b"], "", 64, "no white space"),
        (&[], "", 64, "HOST:PORT"),
    ] {
        let arguments = [&["chat"], arguments].concat();
        let done = run_in(folder.path(), &arguments, input);
        let outcome = (done.code, done.stdout.as_str());
        assert_eq!(outcome, (code, ""), "{arguments:?} {}", done.stderr);
        assert!(done.stderr.contains(told), "{arguments:?} {}", done.stderr);
        assert!(!done.stderr.contains("secret"), "{}", done.stderr);
    }
    let full = Server::start(folder.path(), &["--demo", "--max-clients=1"]);
    let mut only = full.connect();
    assert_eq!(only.ask("PING x"), "<pong value=\"x\"/>");
    let done = run_in(folder.path(), &["chat", &full.addresses[0].to_string()], "");
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("the server is full"),
        "{}",
        done.stderr
    );
}

/// A login by a ticket, as an argument and in a pipe. The ticket has the member's number.
#[test]
fn by_a_ticket() {
    let folder = tempdir().unwrap();
    let secret = "0123456789abcdef0123456789abcdef";
    let file = folder.path().join("secret");
    fs::write(&file, secret).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::start(folder.path(), &["--demo", "--ticket-secret=secret"]);
    let to = server.addresses[0].to_string();
    let used = ticket(secret, 2, 60);
    let piped = ticket(secret, 2, 60);
    let list = "* 1 online: Bob (bob)\n";
    for (arguments, input) in [
        (&[to.as_str(), "--ticket", used.as_str()][..], String::new()),
        (&[&to, "--ticket=-"], format!("{piped}\n")),
        (
            &[&to, "--id=bob", "--ticket", &ticket(secret, 2, 60)],
            String::new(),
        ),
    ] {
        let done = run_in(folder.path(), &[&["chat"], arguments].concat(), &input);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        assert_eq!(done.stdout, format!("* You are Bob (bob).\n{list}"));
    }
    for (ticket, code, told) in [
        (used.as_str(), 1, "the ticket was refused"),
        (&ticket(secret, 2, -30), 1, "the ticket was refused"),
        ("secret2", 64, "this is not a ticket"),
        ("", 64, "this is not a ticket"),
    ] {
        let done = run_in(folder.path(), &["chat", &to, "--ticket", ticket], "");
        assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{done:?}");
        assert!(done.stderr.contains(told), "{}", done.stderr);
        let shown = !ticket.is_empty() && done.stderr.contains(ticket);
        assert!(!shown, "{}", done.stderr);
    }
}

/// A server may send lone NULs, which keep a silent connection alive.
#[test]
fn a_server_that_keeps_the_connection_open() {
    let folder = tempdir().unwrap();
    let bytes = b"\0\0<msg aid=\"b\" time=\"10:00:00\" msg=\"hi\" from=\"alice\" />\0\0";
    let done = talk_to(folder.path(), bytes);
    assert_eq!(done.stdout, "* You are A (alice).\n10:00:00 b: hi\n");
    assert!(
        done.stderr.contains("has ended the connection"),
        "{}",
        done.stderr
    );
}

/// The client ends and does not reconnect, which would replace the newer login in turn.
#[test]
fn a_login_that_another_replaces() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo", "--on-duplicate=replace"]);
    let to = server.addresses[0].to_string();
    let mut alice = Running::start(folder.path(), &["chat", &to, "--id=1"], &[]);
    let typed = alice.stdin.as_mut().unwrap();
    typed.write_all(b"secret1\n").unwrap();
    alice.stdout.wait_for("* 1 online");
    let mut other = server.connect();
    other.send("IDENTIFY 1 secret1");
    assert_eq!(alice.wait(PATIENCE), 1);
    let shown = alice.stdout.all();
    assert!(shown.contains("! Somebody has logged in as you"), "{shown}");
    assert!(other.answer().starts_with("<identify "));
    assert_eq!(other.ask("PING still"), "<pong value=\"still\"/>");
}

/// Plain lines go to the member whom the user wrote to last, and never to a member who wrote to the user.
#[test]
fn no_other_member_chooses_the_recipient_of_lines() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo", "--list-needs-login"]);
    let to = server.addresses[0].to_string();
    let mut bob = server.connect();
    bob.send("IDENTIFY bob secret2");
    while !bob.answer().starts_with("<identify ") {}
    let mut carol = server.connect();
    carol.send("IDENTIFY carol secret3");
    while !carol.answer().starts_with("<identify ") {}
    let mut alice = Running::start(folder.path(), &["chat", &to, "--id=1"], &[]);
    let mut typed = alice.stdin.take().unwrap();
    typed.write_all(b"secret1\n").unwrap();
    alice.stdout.wait_for("* 3 online");

    carol.send("MSG alice hello");
    alice.stdout.wait_for("carol: hello\n");
    typed.write_all(b"for bob alone\n").unwrap();
    alice.stdout.wait_for("! Say to whom");
    typed.write_all(b"/msg bob one\n").unwrap();
    alice.stdout.wait_for("to bob: one\n");
    bob.send("QUIT");
    alice.stdout.wait_for("* Bob (bob) has left\n");
    carol.send("MSG alice are you there?");
    alice.stdout.wait_for("carol: are you there?\n");
    typed.write_all(b"for bob alone\n").unwrap();
    alice
        .stdout
        .wait_for("! bob is not online; the message was not sent.\n");
    typed.write_all(b"/quit\n").unwrap();
    assert_eq!(alice.wait(PATIENCE), 0);
    carol.send("PING end");
    loop {
        let answer = carol.answer();
        assert!(!answer.contains("for bob"), "{answer}");
        if answer == "<pong value=\"end\"/>" {
            break;
        }
    }
}

#[test]
fn a_server_that_ends() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let to = server.addresses[0].to_string();
    let mut alice = Running::start(folder.path(), &["chat", &to, "--id=1"], &[]);
    alice
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"secret1\n")
        .unwrap();
    alice.stdout.wait_for("* 1 online");
    server.stop();
    assert_eq!(alice.wait(PATIENCE), 1);
    let said = alice.stderr.all();
    assert_eq!(said, "flashgate: the server has ended the connection\n");
}

/// Nothing that a server sends can control a terminal, forge a line or fill the memory.
#[test]
fn an_evil_server() {
    let folder = tempdir().unwrap();
    let evil = [
        "<login aid=\"b&#10;* x\" name=\"\u{202e}B\u{9b}2J&#13;\" />\0",
        "<msg aid=\"b\" time=\"&#10;\" msg=\"a&#10;14:02:11 carol: b&#13;&#10;&lt;c&gt;\u{202e}\" from=\"alice\" />\0",
        "<quit aid=\"\u{7f}\" />\0<error value=\"&#10;* Carol (carol) is here\" />\0<later />\0",
        "<room name=\"#r&#10;\" topic=\"&#10;! x\" owner=\"b\" seats=\"0\" max=\"0\" n=\"0\"><nick aid=\"b\" name=\"\u{9b}B\" /></room>\0",
        "<msg room=\"#r\" aid=\"b\" time=\"1\" msg=\"&#10;! x\" />\0<topic room=\"#r\" aid=\"b\" topic=\"&#13;! x\" />\0",
        "<join room=\"#r&#10;\" aid=\"b\" name=\"B&#10;\" />\0<nickchanged aid=\"b&#10;\" to=\"c&#10;\" />\0",
        "<part room=\"#r\" aid=\"b\" by=\"c&#10;\" reason=\"&#10;! x\" />\0",
        "<rooms><room name=\"#r&#10;\" topic=\"&#10;! x\" here=\"&#10;\" seats=\"0\" taken=\"0\" max=\"0\" /></rooms>\0",
    ];
    let done = talk_to(folder.path(), evil.concat().as_bytes());
    let expected = "* You are A (alice).\n\
        * \u{fffd}B\u{fffd}2J\u{fffd} (b\u{fffd}* x) is here\n\
        \u{fffd} b: a⏎14:02:11 carol: b⏎<c>\u{fffd}\n\
        * \u{fffd} has left\n\
        ! ⏎* Carol (carol) is here\n\
        * You are in #r\u{fffd} now\n\
        * Topic of #r\u{fffd}: ⏎! x\n\
        * 1 in #r\u{fffd}: \u{fffd}B (b) [owner]\n\
        1 #r b: ⏎! x\n\
        * b has set the topic of #r: ⏎! x\n\
        * B\u{fffd} (b) has joined #r\u{fffd}\n\
        * b\u{fffd} is called c\u{fffd} now\n\
        * c\u{fffd} has removed b from #r: ⏎! x\n\
        * 1 room\n\
        * #r\u{fffd} (\u{fffd}): ⏎! x\n";
    assert_eq!(done.stdout, expected);
    assert_eq!(
        (done.code, done.stderr.contains("has ended the connection")),
        (1, true)
    );

    let endless = vec![b'x'; 5 << 20];
    for (bytes, told) in [
        (
            &b"<msg aid=\"b\" msg=\"\x1b[2J\" />\0"[..],
            "no flashgate chat",
        ),
        (
            b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>\0",
            "no flashgate chat",
        ),
        (b"<login aid=\"b\" />\0", "without name"),
        (b"<login aid=\"b\"", "in the middle of an answer"),
        (&endless, "no flashgate chat"),
    ] {
        let done = talk_to(folder.path(), bytes);
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (1, "* You are A (alice).\n")
        );
        assert!(done.stderr.contains(told), "{}", done.stderr);
        assert!(!done.stderr.contains('\x1b'));
    }

    // A password is for a chat alone.
    let (to, heard) = answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]);
    let done = run_in(
        folder.path(),
        &["chat", &to.to_string(), "--id=a"],
        "secret1\n",
    );
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("no flashgate chat"), "{}", done.stderr);
    assert_eq!(heard.join().unwrap(), "PING flashgate\0");
}

/// Logs in at a server that then sends this and ends the connection.
fn talk_to(folder: &Path, bytes: &[u8]) -> crate::outside::Done {
    let identified = b"<login aid=\"alice\" name=\"A\" />\0<identify aid=\"alice\" name=\"A\" />\0";
    let pong = b"<pong value=\"flashgate\"/>\0";
    // A server of 2007, which knows no HELLO.
    let unknown = b"<error value=\"Unknown command.\"/>\0";
    let (to, heard) = answering(&[pong, unknown, identified, bytes]);
    let mut chat = Running::start(folder, &["chat", &to.to_string(), "--id=alice"], &[]);
    // The input does not end, so the end is the server's.
    chat.stdin
        .as_mut()
        .unwrap()
        .write_all(b"secret1\n")
        .unwrap();
    let code = chat.wait(PATIENCE);
    let commands = "PING flashgate\0HELLO\0IDENTIFY alice secret1\0LIST\0";
    assert_eq!(heard.join().unwrap(), commands);
    crate::outside::Done {
        code,
        stdout: chat.stdout.all(),
        stderr: chat.stderr.all(),
    }
}

/// A server for one client, with an answer for each of its commands. Returns what the client sent.
fn answering(answers: &[&[u8]]) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.to_vec()).collect();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = String::new();
        for answer in answers {
            loop {
                let mut byte = [0];
                socket.read_exact(&mut byte).unwrap();
                heard.push(byte[0].into());
                if byte == [0] {
                    break;
                }
            }
            // The client may have left already.
            let _ = socket.write_all(&answer);
        }
        heard
    });
    (to, server)
}

/// A message as it is shown, without its time, which must be there.
fn timeless(line: &str) -> &str {
    let (time, rest) = line.split_at_checked(9).expect(line);
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    assert_eq!(
        time.chars().map(shape).collect::<String>(),
        "00:00:00 ",
        "{line}"
    );
    rest
}
