//! The configuration file, the environment and the command line, and what a reload changes.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};
use tempfile::tempdir;

use crate::outside::{Client, PATIENCE, Running, Server, run_in, run_with};
use crate::server::on_both;

#[test]
fn options_go_before_the_environment_and_that_before_the_file() {
    let folder = tempdir().unwrap();
    let place = folder.path();
    let file = "max-clients = 3\nrate = 7\nguests = true\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n\
        burst = 9\nmysql-password = \"hunter2\"\n";
    fs::write(place.join("a.toml"), file).unwrap();
    let environment = [
        ("FLASHGATE_MAX_CLIENTS", "4"),
        ("FLASHGATE_RATE", "8"),
        ("FLASHGATE_GUESTS", "false"),
        ("FLASHGATE_LISTEN", "127.0.0.1:3  127.0.0.1:4"),
        ("FLASHGATE_BURST", ""),
        ("FLASHGATE_MYSQL_PASSWORD", "hunter3"),
        ("FLASHGATE_CONFIG", "a.toml"),
    ];
    let done = run_with(
        place,
        &["config", "show", "--max-clients=5", "--room", "#lobby"],
        &environment,
        "",
    );
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    for (line, source) in [
        ("max-clients = 5", "option"),
        ("room = [\"#lobby\"]", "option"),
        ("rate = 8", "environment, FLASHGATE_RATE"),
        ("guests = false", "environment, FLASHGATE_GUESTS"),
        (
            "listen = [\"127.0.0.1:3\", \"127.0.0.1:4\"]",
            "environment, FLASHGATE_LISTEN",
        ),
        ("burst = 9", "a.toml:5"),
        ("runtime = \"smol\"", "default"),
        ("max-command = 8192", "default"),
        ("site = \"\"", "default"),
        (
            "# mysql-password is not shown: it looks like a secret.",
            "a.toml:6",
        ),
    ] {
        let mut lines = done.stdout.lines();
        let found = lines
            .find(|shown| shown.starts_with(line))
            .unwrap_or_else(|| panic!("{line}: {}", done.stdout));
        assert_eq!(
            found[line.len()..].trim_start(),
            format!("# {source}"),
            "{found}"
        );
    }
    assert!(!done.stdout.contains("hunter"), "{}", done.stdout);
    // What it prints is a configuration file.
    fs::write(place.join("shown.toml"), &done.stdout).unwrap();
    let done = run_in(place, &["config", "check", "shown.toml"], "");
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, "shown.toml: good\n"),
        "{}",
        done.stderr
    );
}

#[test]
fn what_is_wrong_has_a_place() {
    let folder = tempdir().unwrap();
    let place = folder.path();
    for (file, expected) in [
        (
            "max-clients = 0",
            "a.toml:1: max-clients does not take \"0\": it must be a whole number",
        ),
        (
            "\nallow-origin = [\n\"null\",\n\"x\"]",
            "a.toml:4: allow-origin does not take \"x\": it must be",
        ),
        (
            "runtime = \"tokio\"",
            "a.toml:1: runtime does not take \"tokio\": it must be smol or std",
        ),
        (
            "log-level = \"loud\"",
            "a.toml:1: log-level does not take \"loud\": it must be off, error",
        ),
        (
            "max-client = 5",
            "a.toml:1:1: there is no key max-client; did you mean max-clients?",
        ),
        ("rate = 5\nrate", "a.toml:2:5: this is not TOML: "),
        ("listen = \"8080\"", "--listen comes from a.toml:1."),
        (
            "demo = true\nmembers = \"x.db\"",
            "--members comes from a.toml:2.",
        ),
        (
            "policy-file = \"none.xml\"",
            "--policy-file comes from a.toml:1.",
        ),
        (
            "demo = true\nlisten = \"0.0.0.0:0\"",
            "--demo comes from a.toml:1.",
        ),
    ] {
        fs::write(place.join("a.toml"), file).unwrap();
        let serve = run_in(place, &["serve", "--config=a.toml"], "");
        let check = run_in(place, &["config", "check", "a.toml"], "");
        for done in [serve, check] {
            assert_eq!(
                (done.code, done.stdout.as_str()),
                (78, ""),
                "{file}: {done:?}"
            );
            assert!(done.stderr.contains(expected), "{file}: {}", done.stderr);
        }
    }
    for (environment, expected) in [
        (
            ("FLASHGATE_RATE", "x"),
            "the environment variable FLASHGATE_RATE: rate does not take \"x\": it must",
        ),
        (
            ("FLASHGATE_DEMO", "x"),
            "the environment variable FLASHGATE_DEMO must be true or false",
        ),
        (
            ("FLASHGATE_CONFIG", "none.toml"),
            "the configuration file none.toml cannot be read: ",
        ),
    ] {
        let done = run_with(place, &["serve"], &[environment], "");
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (78, ""),
            "{environment:?}"
        );
        assert!(done.stderr.contains(expected), "{}", done.stderr);
    }
    // A broken file does not keep the help from anybody.
    let done = run_in(place, &["serve", "--config=none.toml", "--help"], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("--config"), "{}", done.stdout);
    assert_eq!(fs::read_dir(place).unwrap().count(), 1, "no store was made");
}

#[test]
fn the_default_file_is_good_with_and_without_its_comments() {
    let folder = tempdir().unwrap();
    let place = folder.path();
    let file = run_in(place, &["config", "default"], "").stdout;
    let is_key = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && *line != "#";
    let keys: Vec<&str> = file.lines().filter(is_key).map(|line| &line[1..]).collect();
    assert!(keys.len() > 50, "{file}");
    fs::write(place.join("commented.toml"), &file).unwrap();
    fs::write(place.join("plain.toml"), keys.join("\n")).unwrap();
    let mut shown = Vec::new();
    for name in ["commented.toml", "plain.toml"] {
        let done = run_in(place, &["config", "check", name], "");
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{name}");
        let show = run_in(place, &["config", "show", "--config", name], "").stdout;
        let value = |line: &str| {
            line.split("  #")
                .next()
                .unwrap_or_default()
                .trim_end()
                .to_owned()
        };
        shown.push(show.lines().map(value).collect::<Vec<_>>());
    }
    assert_eq!(
        shown[0], shown[1],
        "each default is one that the option takes"
    );
}

/// The commands for members find the store that the server's file names.
#[test]
fn commands_for_members_read_the_file() {
    let folder = tempdir().unwrap();
    let place = folder.path();
    fs::write(place.join("a.toml"), "members = \"a.db\"\n").unwrap();
    let add = ["members", "add", "--id=1", "--nick=alice", "--name=Alice"];
    let done = run_in(
        place,
        &[&add[..], &["--config=a.toml"]].concat(),
        "secret1\n",
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(place.join("a.db").exists() && !place.join("flashgate.db").exists());
    for (arguments, environment, finds) in [
        (
            &["members", "show", "alice", "--config", "a.toml"][..],
            &[][..],
            true,
        ),
        (
            &["members", "show", "alice"],
            &[("FLASHGATE_CONFIG", "a.toml")],
            true,
        ),
        (
            &["members", "show", "alice"],
            &[("FLASHGATE_MEMBERS", "a.db")],
            true,
        ),
        (
            &["members", "show", "alice", "--members=b.db"],
            &[("FLASHGATE_MEMBERS", "a.db")],
            false,
        ),
        (&["members", "show", "alice"], &[], false),
    ] {
        let done = run_with(place, arguments, environment, "");
        assert_eq!(done.code == 0, finds, "{arguments:?} {}", done.stderr);
    }
    fs::write(place.join("a.toml"), "member = \"a.db\"\n").unwrap();
    let done = run_in(place, &["members", "list", "--config=a.toml"], "");
    assert!(
        done.code == 78 && done.stderr.contains("a.toml:1:1: "),
        "{}",
        done.stderr
    );
}

/// Files that SQLite makes beside a store of another user are that user's, or the server could not open them.
#[test]
fn root_becomes_the_owner_of_the_store() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    const NOBODY: u32 = 65_534;
    let folder = tempdir().unwrap();
    let place = folder.path();
    chown(place, Some(NOBODY), Some(NOBODY)).unwrap();
    let add = ["members", "add", "--id=1", "--nick=alice", "--name=Alice"];
    let done = run_in(place, &add, "secret1\n");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let serves = Server::start(place, &[]);
    let done = run_in(place, &["members", "disable", "alice"], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    drop(serves);
    let owner = |name: &str| {
        fs::metadata(place.join(name))
            .map(|found| (found.uid(), found.gid()))
            .unwrap()
    };
    assert_eq!(owner("flashgate.db"), (NOBODY, NOBODY));

    // What only root may read, this user may not; the message says why.
    let private = tempdir().unwrap();
    let backup = private.path().join("copy.db");
    let done = run_in(place, &["members", "backup", backup.to_str().unwrap()], "");
    assert_ne!(done.code, 0);
    assert!(
        done.stderr
            .contains("runs as the user with number 65534, who owns "),
        "{}",
        done.stderr
    );
}

fn configure(place: &Path, lines: &str) {
    fs::write(place.join("a.toml"), lines).unwrap();
}

/// Sends SIGHUP and waits until the log has a line for the `nth` time.
fn reload(server: &Server, line: &str, nth: usize) {
    server.running.signal(Signal::HUP);
    server
        .running
        .stdout
        .wait_for_times(&format!("] {line}"), nth);
}

/// Asks again until the answer is this one: new settings take their turn behind what the server is doing.
fn comes_to_answer(client: &mut Client, ask: &str, expected: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = client.ask(ask);
        if answer.contains(expected) {
            return;
        }
        assert!(Instant::now() < end, "{ask}: {answer}");
        thread::sleep(Duration::from_millis(5));
    }
}

on_both! {
    fn a_server_from_a_file(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        configure(place, "demo = true\nmax-clients = 1\nlist-needs-login = true\nroom = [\"#den\"]\n");
        let server = Server::start_with(
            place,
            &["--config=a.toml", runtime],
            &[("FLASHGATE_MAX_CLIENTS", "2"), ("FLASHGATE_MAX_CLIENT", "9")],
        );
        let mut first = server.connect();
        assert_eq!(first.ask("LIST"), "<error value=\"Not identified.\"/>");
        let mut second = server.connect();
        assert_eq!(second.ask("PING x"), "<pong value=\"x\"/>");
        let mut third = server.connect();
        assert_eq!(third.ask("PING x"), "<error value=\"Server is full.\"/>");
        let (_, diagnostics) = server.stop();
        let hint = "FLASHGATE_MAX_CLIENT names no option; did you mean FLASHGATE_MAX_CLIENTS?";
        assert!(diagnostics.contains(hint), "{diagnostics}");
    }

    /// In the middle of a chat: limits below what is in use, another rate, other rooms, guests who may not come any
    /// more. Nobody is disconnected.
    fn a_reload_changes_the_settings_in_place(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        for (id, nick) in [("1", "alice"), ("2", "bob")] {
            let add = ["members", "add", "--id", id, "--nick", nick, "--name", nick];
            assert_eq!(run_in(place, &add, "secret1\n").code, 0);
        }
        configure(place, "max-clients = 4\nguests = true\nroom = [\"#den\"]\nrate = 0\n");
        let server = Server::start(place, &["--config=a.toml", runtime]);
        let mut alice = server.connect();
        assert!(alice.ask("IDENTIFY 1 secret1").starts_with("<login "));
        assert!(alice.answer().starts_with("<identify "));
        assert!(alice.ask("JOIN #den").starts_with("<join "));
        assert!(alice.answer().starts_with("<room "));
        let mut guest = server.connect();
        assert!(guest.ask("GUEST zoe").starts_with("<login "));
        assert!(guest.answer().starts_with("<identify "));
        assert!(alice.answer().starts_with("<login aid=\"~zoe\""));
        let mut idle = server.connect();
        assert_eq!(idle.ask("PING x"), "<pong value=\"x\"/>");

        configure(
            place,
            "max-clients = 1\nguests = false\nroom = [\"#new\"]\nrate = 100\nmax-command = 20\n\
             policy-domain = [\"new.example\"]\nlisten = \"127.0.0.1:9\"\nruntime = \"std\"\nlog-level = \"debug\"\n",
        );
        reload(&server, "RELOADED settings \"guests, log-level, max-clients, max-command, policy-domain, rate, room\"\n", 1);
        // Both are given on the command line, so the file changes neither.
        assert!(!server.running.stdout.so_far().contains("RESTART NEEDED"));
        comes_to_answer(&mut idle, "GUEST x", "Guests are not let in.");
        assert_eq!(idle.ask(&format!("PING {}", "x".repeat(20))), "<error value=\"Message too long.\"/>");
        let rooms = alice.ask("ROOMS");
        assert!(rooms.contains("\"#den\"") && rooms.contains("\"#new\""), "members keep a room: {rooms}");
        assert_eq!(guest.ask("PING y"), "<pong value=\"y\"/>");
        let mut late = server.connect();
        assert_eq!(late.ask("PING x"), "<error value=\"Server is full.\"/>");
        assert!(server.get("/crossdomain.xml").contains("new.example"));
        assert!(server.get("/server-status").contains("Clients: 3/1\n"));

        configure(place, "max-clients = 5\n");
        reload(&server, "RELOADED settings ", 2);
        let end = Instant::now() + PATIENCE;
        while server.connect().ask("PING x") != "<pong value=\"x\"/>" {
            assert!(Instant::now() < end);
        }
        assert!(alice.ask("PART #den").starts_with("<part "));
        assert_eq!(alice.ask("ROOMS"), "<rooms></rooms>");
        reload(&server, "RELOADED nothing\n", 1);
        let (log, diagnostics) = server.stop();
        assert!(log.contains("STOPPED SIGTERM"), "{log}");
        assert!(diagnostics.is_empty() || !diagnostics.contains("panicked"), "{diagnostics}");
    }

    /// What takes a restart is named; the rest takes effect. A broken file changes nothing at all.
    fn what_a_reload_leaves(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let start = "demo = true\nlisten = \"127.0.0.1:0\"\nmax-command = 50\n";
        configure(place, start);
        let arguments = ["serve", "--config=a.toml", runtime];
        let server = Server::of(Running::start(place, &arguments, &[]), 1);
        let mut client = server.connect();
        let long = format!("PING {}", "x".repeat(30));
        let too_long = "<error value=\"Message too long.\"/>";
        assert!(client.ask(&long).starts_with("<pong "));

        for (file, why) in [
            ("max-command = 20\nmax-client = 5\n", "RELOAD FAILED \"a.toml:2:1: there is no key max-client; did you mean"),
            ("max-command = 20\nrate = -1\n", "RELOAD FAILED \"a.toml:2: rate does not take"),
            ("max-command = 20\nticket-url = \"/x\"\n", "RELOAD FAILED \"--ticket-url needs a secret"),
            ("max-command = 20\ndemo = true\nmembers = \"x.db\"\n", "RELOAD FAILED \"--demo keeps its own members"),
            ("max-command = ", "RELOAD FAILED \"a.toml:1:"),
        ] {
            configure(place, file);
            reload(&server, why, 1);
            assert!(client.ask(&long).starts_with("<pong "), "{file}");
        }
        fs::remove_file(place.join("a.toml")).unwrap();
        reload(&server, "RELOAD FAILED \"the configuration file a.toml cannot be read: ", 1);
        assert!(client.ask(&long).starts_with("<pong "));

        configure(place, "max-command = 20\nmembers = \"x.db\"\nlisten = \"0.0.0.0:9\"\nlog-format = \"json\"\n");
        reload(&server, "RESTART NEEDED \"demo, listen, log-format, members\"\n", 1);
        server.running.stdout.wait_for("] RELOADED settings \"max-command\"\n");
        comes_to_answer(&mut client, &long, too_long);
        // What belongs to the demo stays, as the demo does.
        let mut guest = server.connect();
        assert!(guest.ask("GUEST").starts_with("<login "));
        assert!(guest.answer().starts_with("<identify "));
        assert!(guest.ask("JOIN #lobby").starts_with("<join room=\"#lobby\" "));
        // It is said again, as long as it is so.
        reload(&server, "RESTART NEEDED \"demo, listen, log-format, members\"\n", 2);
        configure(place, start);
        reload(&server, "RELOADED settings \"max-command\"\n", 2);
        comes_to_answer(&mut client, &long, "<pong ");
        assert!(client.ask("IDENTIFY alice secret1").starts_with("<login "), "the members are those of the start");
        let log = server.stop().0;
        assert_eq!(log.matches("RESTART NEEDED").count(), 2, "{log}");
    }

    /// A recording keeps a reload, and decides the same when it is played.
    fn a_recording_keeps_a_reload(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        configure(place, "demo = true\n");
        let server = Server::start(place, &["--config=a.toml", "--record=chat.rec", runtime]);
        let mut client = server.connect();
        let long = format!("PING {}", "x".repeat(30));
        assert!(client.ask(&long).starts_with("<pong "));
        configure(place, "demo = true\nmax-command = 20\nmax-clients = 1\nroom = [\"#new\"]\n");
        reload(&server, "RELOADED settings \"max-clients, max-command, room\"\n", 1);
        comes_to_answer(&mut client, &long, "Message too long.");
        let mut late = server.connect();
        assert_eq!(late.ask("PING x"), "<error value=\"Server is full.\"/>");
        server.stop();
        let done = run_in(place, &["replay", "chat.rec"], "");
        assert_eq!(done.code, 0, "{done:?}");
        let lines = run_in(place, &["replay", "chat.rec", "--print"], "").stdout;
        for line in ["  configure\n", "  set max-command 20\n", "  set max-clients 1\n"] {
            assert!(lines.contains(line), "{line}: {lines}");
        }
    }

    /// The level of what a server prints is a setting like any other.
    fn the_log_level_changes(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        configure(place, "demo = true\nlog-level = \"info\"\n");
        let server = Server::start(place, &["--config=a.toml", runtime]);
        let raised = "raised the limit of open files";
        server.running.stderr.wait_for(raised);
        configure(place, "demo = true\n");
        // Each reload looks at the limit once more, and says so at that level. This one still does.
        reload(&server, "RELOADED settings \"log-level\"\n", 1);
        server.running.stderr.wait_for_times(raised, 2);
        reload(&server, "RELOADED nothing\n", 1);
        let (_, diagnostics) = server.stop();
        assert_eq!(diagnostics.matches(raised).count(), 2, "{diagnostics}");
    }
}
