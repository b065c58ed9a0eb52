//! `flashgate chat` in rooms and as a guest, with the real server.

use std::io::Write;
use std::path::Path;
use std::process::ChildStdin;

use tempfile::tempdir;

use crate::outside::{Client, PATIENCE, Running, Server, import_members, run_in};

/// A terminal client in a pipe that stays open.
struct Chat {
    running: Running,
    typed: ChildStdin,
}

impl Chat {
    fn start(folder: &Path, server: &Server, options: &[&str], first: &str) -> Self {
        let to = server.addresses[0].to_string();
        let arguments = [&["chat", &to], options].concat();
        let mut running = Running::start(folder, &arguments, &[]);
        let typed = running.stdin.take().unwrap();
        let mut chat = Self { running, typed };
        chat.types(first);
        chat.shows(" online: ");
        chat
    }

    fn types(&mut self, lines: &str) {
        self.typed.write_all(lines.as_bytes()).unwrap();
    }

    fn shows(&self, text: &str) {
        self.running.stdout.wait_for(text);
    }

    /// Types a line, and waits for what it leads to.
    fn asks(&mut self, line: &str, text: &str) {
        self.types(&format!("{line}\n"));
        self.shows(text);
    }

    fn leaves(mut self) -> String {
        self.types("/quit\n");
        assert_eq!(self.running.wait(PATIENCE), 0);
        assert_eq!(self.running.stderr.all(), "");
        self.running.stdout.all()
    }
}

/// A member who hears everything.
fn member(server: &Server, id: &str, password: &str) -> Client {
    let mut client = server.connect();
    client.send("HELLO");
    client.send(&format!("IDENTIFY {id} {password}"));
    until(&mut client, "<identify ");
    client
}

/// Skips answers up to the first that begins like this.
fn until(client: &mut Client, start: &str) -> String {
    loop {
        let answer = client.answer();
        if answer.starts_with(start) {
            return answer;
        }
    }
}

#[test]
fn a_room_from_its_creation_to_its_end() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let mut bob = member(&server, "bob", "secret2");
    let mut alice = Chat::start(folder.path(), &server, &["--id=alice"], "secret1\n");

    alice.asks("/rooms", "* 1 room\n* #lobby (0): ");
    let entered = "* You are in #Garden now\n* 1 in #Garden: Alice (alice) [owner]\n";
    alice.asks("/join #Garden", entered);
    bob.send("JOIN #garden");
    alice.shows("* Bob (bob) has joined #Garden\n");
    alice.asks("hi <b>", " to #Garden: hi <b>\n");
    let heard = until(&mut bob, "<msg ");
    assert!(
        heard.starts_with("<msg room=\"#Garden\" aid=\"alice\" "),
        "{heard}"
    );
    assert!(heard.ends_with(" msg=\"hi &lt;b&gt;\" />"), "{heard}");
    alice.asks("/me waves", " to #Garden: alice waves\n");
    assert!(until(&mut bob, "<action ").contains("room=\"#Garden\""));
    bob.send("MSG #GARDEN a\n! b");
    alice.shows(" #Garden bob: a⏎! b\n");
    bob.send("ME #garden nods");
    alice.shows(" #Garden bob nods\n");
    alice.asks("/topic", "* #Garden has no topic\n");
    let told = "* Alice (alice) has set the topic of #Garden: Tea & cake\n";
    alice.asks("/topic Tea & cake", told);
    alice.asks("/topic #garden", "* Topic of #Garden: Tea & cake\n");
    alice.asks("/who", "* 2 in #Garden: Alice (alice) [owner], Bob (bob)\n");
    alice.asks("/rooms", "* 2 rooms\n* #Garden (2): Tea & cake\n");
    alice.asks(
        "/topic -",
        "* Alice (alice) has removed the topic of #Garden\n",
    );
    bob.send("TOPIC #garden x");
    assert_eq!(
        until(&mut bob, "<error "),
        "<error value=\"Only the owner may do that.\"/>"
    );

    let kicked = "* Alice (alice) has removed Bob (bob) from #Garden: Enough now\n";
    alice.asks("/kick #garden bob Enough now", kicked);
    alice.asks("/kick #garden bob", "! User is already left.\n");
    bob.send("JOIN #garden");
    until(
        &mut bob,
        "<error value=\"You were kicked from that room.\"/>",
    );
    alice.asks("/join #garden", "! You are in #garden already.\n");
    alice.asks("/part", "* You have left #Garden\n");
    alice.types("for nobody\n");
    alice.shows("! Say to whom");

    // The other side of a kick.
    bob.send("JOIN #club");
    alice.asks(
        "/join #club",
        "* 2 in #club: Bob (bob) [owner], Alice (alice)\n",
    );
    bob.send("KICK #club alice Out!");
    alice.shows("! Bob (bob) has removed you from #club: Out!\n");
    alice.types("still for nobody\n");
    alice.running.stdout.wait_for_times("! Say to whom", 2);
    alice.asks(
        "/join #club",
        "! You were kicked from that room. (#club was not joined.)\n",
    );

    // Keyed and hidden; the owner leaves.
    alice.asks("/open #den key=k hidden", "* You are in #den now\n");
    alice.asks(
        "/open #den",
        "! Room exists already. (#den was not joined.)\n",
    );
    bob.send("JOIN #den");
    until(&mut bob, "<error value=\"No such room.\"/>");
    bob.send("JOIN #den k");
    alice.shows("* Bob (bob) has joined #den\n");
    alice.asks("/part #den", "* You have left #den\n");
    bob.send("MSG #den for nobody");
    bob.send("PART #den");
    let shown = alice.leaves();
    assert!(!shown.contains("for nobody"), "{shown}");
}

/// A nick changes, the talk goes on, and so does the room.
#[test]
fn a_change_of_nick() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let mut bob = member(&server, "bob", "secret2");
    let mut alice = Chat::start(folder.path(), &server, &["--id=alice"], "secret1\n");
    bob.send("JOIN #tea");
    alice.asks("/join #tea", "* You are in #tea now\n");
    alice.asks("/msg bob psst", " to bob: psst\n");
    bob.send("NICK robert");
    alice.shows("* Bob (bob) is called robert now\n");
    alice.asks("still there?", " to robert: still there?\n");
    alice.asks("/nick robert", "! Nick is taken.\n");
    alice.asks("/nick ally", "* You are called ally now\n");
    alice.asks("/msg #tea all", " to #tea: all\n");
    let owner = "* 2 in #tea: Bob (robert) [owner], Alice (ally)\n";
    alice.asks("/who", owner);
    bob.send("PART #tea");
    alice.shows("* Bob (robert) has left #tea\n* You own #tea now\n");
    alice.leaves();
}

/// Commands that follow at once, before any answer.
#[test]
fn rooms_in_a_pipe() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    let mut bob = member(&server, "bob", "secret2");
    bob.send("OPEN #den key=k");
    until(&mut bob, "<room ");
    let to = server.addresses[0].to_string();
    let input = "secret1\n/msg bob hi\n/join #den wrong\nfor the den\n/join #Tea\nhello\n/part\n";
    let done = run_in(folder.path(), &["chat", &to, "--id=alice"], input);
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (0, ""),
        "{}",
        done.stdout
    );
    let (errors, lines): (Vec<&str>, Vec<&str>) =
        done.stdout.lines().partition(|line| line.starts_with('!'));
    assert!(lines[2].ends_with(" to bob: hi"));
    assert_eq!(lines[3], "* You are in #Tea now");
    assert_eq!(lines[4], "* 1 in #Tea: Alice (alice) [owner]");
    assert!(lines[5].ends_with(" to #Tea: hello"));
    assert_eq!(lines[6..], ["* You have left #Tea"]);
    // The text for the room may be typed before the server has refused the room.
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors.contains(&"! Wrong key. (#den was not joined.)"));
    let nowhere = |line: &&str| {
        line.starts_with("! Say to whom") || line.ends_with(" (The message to #den was not sent.)")
    };
    assert_eq!(
        errors.iter().copied().filter(nowhere).count(),
        1,
        "{errors:?}"
    );
    bob.send("PING end");
    loop {
        let answer = bob.answer();
        assert!(!answer.contains("for the den"), "{answer}");
        if answer == "<pong value=\"end\"/>" {
            break;
        }
    }
}

/// A login that takes the place of an earlier one keeps the rooms.
#[test]
fn rooms_stay_with_a_new_login() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo", "--on-duplicate=replace"]);
    let mut alice = member(&server, "alice", "secret1");
    alice.send("JOIN #tea");
    until(&mut alice, "<room ");
    let mut chat = Chat::start(folder.path(), &server, &["--id=alice"], "secret1\n");
    chat.shows("* You are in #tea now\n");
    chat.asks("/msg #tea hi", " to #tea: hi\n");
    chat.leaves();
}

#[test]
fn guests() {
    let folder = tempdir().unwrap();
    import_members(folder.path(), 1);
    let closed = Server::start(folder.path(), &["--members=members.db"]);
    let to = closed.addresses[0].to_string();
    let done = run_in(folder.path(), &["chat", &to, "--guest"], "");
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(
        done.stderr.contains("this server lets no guests in"),
        "{}",
        done.stderr
    );

    let server = Server::start(folder.path(), &["--demo", "--guests"]);
    let to = server.addresses[0].to_string();
    let mut mona = Chat::start(folder.path(), &server, &["--guest", "--id=mona"], "");
    mona.shows("* You are ~mona.\n");
    for (options, told) in [
        (
            &["--guest", "--id=mona"][..],
            "the nick mona is taken; name another with --id",
        ),
        (
            &["--guest", "--id=12"],
            "the nick 12 is not allowed; name another with --id",
        ),
        (&["--guest", "--ticket=x"], "a guest has no ticket"),
    ] {
        let done = run_in(folder.path(), &[&["chat", &to], options].concat(), "");
        assert_eq!(done.stdout, "", "{options:?}");
        assert!(done.stderr.contains(told), "{options:?} {}", done.stderr);
    }
    mona.asks("/join #tea", "* You are in #tea now\n");
    let input = "/join #tea\nhi\n/msg ~mona psst\n";
    let done = run_in(folder.path(), &["chat", &to, "--guest"], input);
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (0, ""),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.starts_with("* You are ~guest1.\n"),
        "{}",
        done.stdout
    );
    mona.shows(" #tea ~guest1: hi\n");
    mona.shows(" ~guest1: psst\n");
    mona.leaves();
}
