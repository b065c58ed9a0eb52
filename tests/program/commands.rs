//! Commands to their end: exit codes, prompts, members and imports.

use std::fs;
use std::path::Path;

use argon2::Params;
use flashgate::password::Hash;
use flashgate_core::Secret;
use tempfile::TempDir;

use crate::outside::{Done, Server, run_in};

#[test]
fn help_and_version() {
    let place = Place::new();
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["serve", "--help"],
        &["members", "--help"],
        &["members", "import", "-h"],
        &["ruffle-config", "--help"],
    ] {
        let done = place.run(arguments, "");
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(
            done.stdout.starts_with("Usage: flashgate"),
            "{}",
            done.stdout
        );
    }
    let help = place.run(&["serve", "--help"], "").stdout;
    for option in [
        "--listen",
        "--policy-listen",
        "--members",
        "--runtime",
        "--redirect",
        "--site",
        "--ruffle",
        "--max-site",
        "--policy-file",
        "--policy-domain",
        "--policy-ports",
        "--allow-origin",
        "--list-needs-login",
        "--presence",
        "--on-duplicate",
        "--max-clients",
        "--max-per-address",
        "--max-command",
        "--max-backlog",
        "--rate",
        "--burst",
        "--login-timeout",
        "--log-format",
        "--demo",
    ] {
        assert!(help.contains(option), "{option}");
    }
    let version = place.run(&["--version"], "");
    assert_eq!(version.code, 0);
    assert_eq!(
        version.stdout,
        format!("flashgate {}\n", env!("CARGO_PKG_VERSION"))
    );
    place.is_empty();
}

#[test]
fn a_command_line_that_makes_no_sense() {
    let place = Place::new();
    for arguments in [
        &[][..],
        &["fly"],
        &["serve", "--fly"],
        &["serve", "--listen", "8080"],
        &["serve", "--listen=127.0.0.1:99999"],
        &["serve", "--max-clients=0"],
        &["serve", "--rate=-1"],
        &["serve", "--runtime=tokio"],
        &["serve", "--redirect=http://x/\r\nX: y"],
        &["serve", "--demo", "--members=x.db"],
        &["serve", "--policy-file=x", "--policy-domain=*"],
        &["serve", "--policy-file=x", "--policy-ports=80"],
        // Before anything is looked at that is only wrong here.
        &["serve", "--policy-file=none.xml", "--listen=8080"],
        &["serve", "--demo", "--demo"],
        &["serve", "--rate=1", "--rate=2"],
        &["serve", "--redirect=//evil"],
        &["serve", "--trust-proxy=10.0.0.0/33"],
        &["serve", "--proxy-protocol=10.0.0.1=never"],
        &["serve", "--client-header=via"],
        &["serve", "--site=x", "--max-site=0"],
        &["serve", "--site=x", "--site=y"],
        &["members"],
        &["members", "add", "--id=1", "--nick=a"],
        &["members", "add", "--id=0", "--nick=a", "--name=A"],
        &["members", "add", "--id=1", "--nick=7", "--name=A"],
        &["members", "add", "--id=1", "--nick=a b", "--name=A"],
        &["members", "add", "--id=1", "--nick=a", "--name="],
        &["members", "passwd"],
        &["members", "remove", "a b"],
    ] {
        let done = place.run(arguments, "secret1\n");
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (64, ""),
            "{arguments:?} {done:?}"
        );
        assert!(done.stderr.starts_with("flashgate: "), "{}", done.stderr);
        assert!(done.stderr.contains("--help"), "{}", done.stderr);
    }
    place.is_empty();
}

#[test]
fn addresses_that_cannot_be_listened_on() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    // A listener that nobody accepts from is in use all the same; so is one of the server's own.
    let server = Server::start(place.path(), &["--demo"]);
    let own = server.addresses[0].to_string();
    for (options, code, tells) in [
        (&["--listen", own.as_str()][..], 69, "listens there"),
        (&["--policy-listen", taken.as_str()], 69, "listens there"),
        (
            &["--listen=192.0.2.1:8080"],
            69,
            "does not have that address",
        ),
        (&["--demo", "--listen=0.0.0.0:0"], 78, "loopback"),
        (&["--demo", "--listen=[::]:0"], 78, "loopback"),
        (&["--demo", "--policy-listen=0.0.0.0:0"], 78, "loopback"),
    ] {
        let mut arguments = vec!["serve"];
        arguments.extend(options);
        if !options.iter().any(|option| option.starts_with("--listen")) {
            arguments.push("--listen=127.0.0.1:0");
        }
        let done = place.run(&arguments, "");
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (code, ""),
            "{options:?} {done:?}"
        );
        assert!(done.stderr.contains(tells), "{}", done.stderr);
        let address = options[options.len() - 1];
        let address = address
            .split_once('=')
            .map_or(address, |(_, address)| address);
        assert!(done.stderr.contains(address), "{}", done.stderr);
    }
    // The port is in use for IPv4 only.
    let (_, port) = taken.rsplit_once(':').unwrap();
    let twice = format!("--listen=[::1]:{port}");
    let everywhere = format!("--policy-listen=[::]:{port}");
    for (options, tells) in [
        (
            [&twice, &twice],
            format!("cannot listen on [::1]:{port} twice"),
        ),
        (
            [&twice, &everywhere],
            format!("cannot listen on [::]:{port}: this server already listens on [::1]:{port}"),
        ),
    ] {
        let done = place.run(&["serve", "--ipv6-only", options[0], options[1]], "");
        assert_eq!(done.code, 69, "{done:?}");
        assert!(done.stderr.contains(&tells), "{}", done.stderr);
        assert!(!done.stderr.contains("another program"), "{}", done.stderr);
    }
    // A server that did not start has made no store.
    place.is_empty();
}

#[test]
fn files_that_cannot_be_served() {
    let place = Place::new();
    fs::write(place.path().join("policy.xml"), "<cross-domain-policy>").unwrap();
    for (file, tells) in [
        ("policy.xml", "not well-formed"),
        ("none.xml", "cannot be read"),
    ] {
        let done = place.run(&["serve", "--demo", "--policy-file", file], "");
        assert_eq!(done.code, 78, "{done:?}");
        assert!(
            done.stderr.contains(file) && done.stderr.contains(tells),
            "{}",
            done.stderr
        );
    }
    fs::write(
        place.path().join("text.db"),
        "not a database, but long enough".repeat(99),
    )
    .unwrap();
    for (file, tells) in [
        ("text.db", "not an SQLite database"),
        ("no/such.db", "folder exists"),
        (".", "cannot be opened"),
    ] {
        let done = place.run(&["serve", "--listen=127.0.0.1:0", "--members", file], "");
        assert_eq!(done.code, 78, "{done:?}");
        assert!(
            done.stderr.contains(file) && done.stderr.contains(tells),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn members_are_listed() {
    let place = Place::new();
    let add = "members add --id=7 --nick=Árvíz --name Á&\"Í\"";
    let added = place.run(&add.split(' ').collect::<Vec<_>>(), "secret1\n");
    assert_eq!(
        (added.code, added.stdout.as_str()),
        (0, "added member 7 Árvíz\n")
    );
    let created = "created the member store flashgate.db";
    assert!(added.stderr.contains(created), "{}", added.stderr);
    let add = "members add --id 8 --nick bob --name Bob --inactive";
    let added = place.run(&add.split(' ').collect::<Vec<_>>(), "secret2\r\n");
    assert_eq!((added.code, added.stderr.as_str()), (0, ""));

    let table = place.ok(&["members", "list"]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = table.lines().map(words).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0][..4], ["id", "nick", "name", "active"]);
    assert_eq!(rows[1][..4], ["7", "Árvíz", "Á&\"Í\"", "yes"]);
    assert_eq!(rows[2][..4], ["8", "bob", "Bob", "no"]);
    assert_eq!(rows[1].last().unwrap(), "never");
    let json = place.ok(&["members", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(list[0]["id"], 7);
    assert_eq!(list[0]["nick"], "Árvíz");
    assert_eq!(list[0]["name"], "Á&\"Í\"");
    assert_eq!(list[0]["active"], true);
    assert_eq!(list[0]["last_login_at"], serde_json::Value::Null);
    assert!(list[0]["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(list[1]["active"], false);
    for text in [&table, &json] {
        assert!(
            !text.contains("argon2") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn members_are_changed() {
    let place = Place::new();
    place.add(7, "Árvíz", "secret1");
    place.add(8, "bob", "secret2");
    let active = |at: usize| {
        let list = place.ok(&["members", "list", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        list[at]["active"].as_bool().unwrap()
    };
    assert!(place.ok(&["members", "disable", "7"]).contains("7 Árvíz"));
    assert!(place.ok(&["members", "disable", "BOB"]).contains("8 bob"));
    assert!(
        place
            .ok(&["members", "enable", "--", "8"])
            .contains("8 bob")
    );
    assert_eq!((active(0), active(1)), (false, true));
    let changed = place.run(&["members", "passwd", "árvíz"], "another\n");
    assert_eq!(changed.code, 0, "{changed:?}");
    place.ok(&["members", "remove", "8"]);
    for command in ["passwd", "enable", "disable", "remove"] {
        let gone = place.run(&["members", command, "bob"], "x\n");
        assert_eq!(gone.code, 1);
        assert!(gone.stderr.contains("no member bob"), "{}", gone.stderr);
    }
    assert_eq!(place.ok(&["members", "list"]).lines().count(), 2);
}

#[test]
fn members_that_cannot_be_added() {
    let place = Place::new();
    place.add(1, "Árvíz", "secret1");
    for (id, nick, tells) in [
        ("1", "other", "number is taken"),
        ("2", "ÁRVÍZ", "nick is taken"),
    ] {
        let arguments = ["members", "add", "--id", id, "--nick", nick, "--name", "N"];
        let done = place.run(&arguments, "secret1\n");
        assert_eq!(done.code, 1);
        assert!(
            done.stderr.contains(tells) && done.stderr.contains("Árvíz"),
            "{}",
            done.stderr
        );
    }
    let long = "x".repeat(1025);
    for (password, tells) in [
        ("", "empty"),
        ("\n", "empty"),
        (" secret1\n", "white space"),
        ("secret1 \n", "white space"),
        ("sec\0ret1\n", "ends a command"),
        (long.as_str(), "longer"),
    ] {
        let arguments = ["members", "add", "--id=2", "--nick=bob", "--name=Bob"];
        let done = place.run(&arguments, password);
        assert_eq!(done.code, 1, "{password:?} {done:?}");
        assert!(done.stderr.contains(tells), "{}", done.stderr);
        assert!(!done.stderr.contains("secret1"));
    }
    assert_eq!(place.ok(&["members", "list"]).lines().count(), 2);
}

#[test]
fn a_file_with_faults_is_refused() {
    let place = Place::new();
    place.csv("id,nick,name,password,active\n\n1,alice,Alice,HASH,1\n2,a b,Bob,hunter2,1\n1,ALICE,,HASH,maybe\n");
    let done = place.run(&["members", "import", "m.csv"], "");
    assert_eq!((done.code, done.stdout.as_str()), (65, ""), "{done:?}");
    let places = done
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("m.csv: "));
    let places: Vec<&str> = places
        .map(|fault| fault.split_once(": ").unwrap().0)
        .collect();
    let expected = [
        "line 4, column 2 (nick)",
        "line 4, column 4 (password)",
        "line 5, column 1 (id)",
        "line 5, column 2 (nick)",
        "line 5, column 3 (name)",
        "line 5, column 5 (active)",
    ];
    assert_eq!(places, expected);
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    let store = place.path().join("flashgate.db");
    assert!(!store.exists(), "a store was made for nobody");

    let rows = (1..=150)
        .map(|row| format!("x,n{row},A,HASH,1\n"))
        .collect::<String>();
    place.csv(&format!("id,nick,name,password,active\n{rows}"));
    let done = place.run(&["members", "import", "m.csv"], "");
    assert_eq!(done.code, 65);
    assert!(done.stderr.contains("150 faults"), "{}", done.stderr);
    assert!(done.stderr.contains("and 50 more"), "{}", done.stderr);

    let done = place.run(&["members", "import", "none.csv"], "");
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("cannot read none.csv"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_file_without_faults_is_imported() {
    let place = Place::new();
    place.csv("\u{feff}nick,id,active,password,name\r\nalice,1,1,HASH,Alice\r\nbob,2,0,HASH,\"Bob, B.\"\r\n");
    let done = place.run(&["members", "import", "m.csv"], "");
    let imported = (0, "imported 2 members\n");
    assert_eq!((done.code, done.stdout.as_str()), imported, "{done:?}");
    assert_eq!(place.ok(&["members", "list"]).lines().count(), 3);

    // Once more: everyone is there already, and nothing changes.
    let again = place.run(&["members", "import", "m.csv"], "");
    assert_eq!(again.code, 65);
    let fault = "line 2, column 2 (id): 1 is in the store already";
    assert!(again.stderr.contains(fault), "{}", again.stderr);
    assert_eq!(place.ok(&["members", "list"]).lines().count(), 3);

    let server = Server::start(place.path(), &[]);
    let mut client = server.connect();
    assert_eq!(
        client.ask("IDENTIFY 1 hunter2"),
        "<login aid=\"alice\" name=\"Alice\" />"
    );
}

/// A folder of its own to work in.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Done {
        run_in(self.path(), arguments, input)
    }

    /// Runs a command that must go well, and gives what it prints.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments, "");
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{arguments:?}");
        done.stdout
    }

    fn add(&self, id: i64, nick: &str, password: &str) {
        let id = id.to_string();
        let arguments = [
            "members", "add", "--id", &id, "--nick", nick, "--name", nick,
        ];
        let done = self.run(&arguments, &format!("{password}\n"));
        assert_eq!(done.code, 0, "{done:?}");
    }

    /// Writes `m.csv`, with the hash of `hunter2` where it says HASH.
    fn csv(&self, text: &str) {
        let least = Params::new(8, 1, 1, None).unwrap();
        let hash = Hash::with(&Secret::new("hunter2"), least).unwrap();
        let text = text.replace("HASH", &format!("\"{}\"", hash.as_str()));
        fs::write(self.path().join("m.csv"), text).unwrap();
    }

    fn is_empty(&self) {
        assert_eq!(
            fs::read_dir(self.path()).unwrap().count(),
            0,
            "a file was left behind"
        );
    }
}
