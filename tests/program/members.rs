//! An operator's changes take effect for members that a running server remembers, too; and the members of an old site.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::tempdir;

use crate::outside::{PATIENCE, Server, import_members, run_in};
use crate::server::on_both;

on_both! {
    fn a_change_reaches_known_members(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        let server = Server::start(folder.path(), &[runtime]);
        let is_let_in = |password: &str| {
            let mut client = server.connect();
            let answer = client.ask(&format!("IDENTIFY 1 {password}"));
            client.send("QUIT");
            client.rest();
            answer.starts_with("<login aid=\"m1\"")
        };
        let change = |what: &str, input: &str| {
            let done = run_in(folder.path(), &["members", what, "1"], input);
            assert_eq!(done.code, 0, "{}", done.stderr);
        };
        assert!(is_let_in("x") && is_let_in("x"));
        change("passwd", "y\n");
        assert!(!is_let_in("x"));
        assert!(is_let_in("y") && is_let_in("y"));
        change("disable", "");
        assert!(!is_let_in("y"));
        change("enable", "");
        assert!(is_let_in("y"));
        change("remove", "");
        assert!(!is_let_in("y"));
    }

    fn last_logins_are_right_after_a_stop(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        let server = Server::start(folder.path(), &[runtime]);
        assert!(server.connect().ask("IDENTIFY 1 x").starts_with("<login "));
        server.stop();
        let list = run_in(folder.path(), &["members", "list", "--json"], "").stdout;
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        assert!(list[0]["last_login_at"].is_string(), "{list}");
        assert!(list[1]["last_login_at"].is_null(), "{list}");
    }

    /// Whenever it is killed: a member has the old hash or the new one, and can log in by either.
    fn a_new_hash_outlives_a_kill_or_the_old_one_does(runtime) {
        let folder = tempdir().unwrap();
        // md5("x"), as a PHP site has stored it.
        let rows = (1..=MEMBERS).map(|n| format!("{n},m{n},M,9dd4e461268c8034f5c8564e155c67a6,1\n"));
        let rows = rows.collect::<String>();
        let csv = format!("id,nick,name,password,active\n{rows}");
        fs::write(folder.path().join("members.csv"), csv).unwrap();
        let done = run_in(folder.path(), &["members", "import", "members.csv"], "");
        assert_eq!(done.code, 0, "{}", done.stderr);

        for turn in 0..MEMBERS {
            let mut server = Server::start(folder.path(), &[runtime]);
            let begun = Instant::now();
            for n in 1..=turn + 1 {
                let answer = server.connect().ask(&format!("IDENTIFY {n} x"));
                assert!(answer.starts_with(&format!("<login aid=\"m{n}\"")), "{answer}");
            }
            let path = folder.path().join("flashgate.db");
            let count = "SELECT count(*) FROM members WHERE password LIKE '$argon2id$%'";
            let new = |store: &Connection| store.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap();
            // Notes are written a second after the first of them.
            thread::sleep(Duration::from_millis(turn * 450));
            let end = Instant::now() + PATIENCE;
            while turn == MEMBERS - 1 && new(&Connection::open(&path).unwrap()) < MEMBERS as i64 {
                assert!(Instant::now() < end, "not all hashes are written");
                thread::sleep(Duration::from_millis(20));
            }
            server.running.signal(Signal::KILL);
            let _ = server.running.child.wait();
            // A slow machine may have had the time to write the first.
            let early = begun.elapsed() < Duration::from_millis(900);
            let store = Connection::open(path).unwrap();
            assert!(turn > 0 || !early || new(&store) == 0, "the first was killed too late");
            // In one transaction.
            let torn = "SELECT count(*) FROM members
                 WHERE password LIKE '$argon2id$%' AND last_login_at IS NULL";
            assert_eq!(store.query_row(torn, [], |row| row.get::<_, i64>(0)), Ok(0));
        }
        let server = Server::start(folder.path(), &[runtime]);
        assert!(!server.connect().ask("IDENTIFY 1 y").starts_with("<login "));
    }
}

/// Old hashes, and hashes that no password fits: in the order of numbers, without their text.
#[test]
fn a_check_names_members_that_can_never_log_in() {
    let folder = tempdir().unwrap();
    let members = |command: &[&str]| run_in(folder.path(), &[&["members"], command].concat(), "");
    let csv = "id,nick,name,password,active,md5(salt.password)\n\
         1,alice,Alice,HASH,1,\n\
         2,bob,Bob,$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/,1,\n\
         3,carol,Carol,e52d98c459819a11775936d8dfbb7929,0,s$\n\
         4,dave,Dave,$P$BsaltsaltzAw0K9g0KRh5nR0p0nAo2.,1,\n";
    let hash = "\"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA\"";
    fs::write(folder.path().join("m.csv"), csv.replace("HASH", hash)).unwrap();
    let done = members(&["import", "m.csv"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        members(&["check"]).stdout,
        "4 members\n       \
         1  argon2id\n       \
         1  MD5-crypt, and argon2id after the next login\n       \
         1  phpass, and argon2id after the next login\n       \
         1  md5(salt.password), and argon2id after the next login\n"
    );
    let store = Connection::open(folder.path().join("flashgate.db")).unwrap();
    let all = "UPDATE members SET password = 'hunter2' WHERE id = 1;
        UPDATE members SET password = replace(password, '$P$B', '$P$S') WHERE id = 4;
        UPDATE members SET password = substr(password, 1, 30) WHERE id = 2;
        UPDATE members SET name = CAST(x'41ff' AS TEXT) WHERE id = 3;";
    store.execute_batch(all).unwrap();
    let done = members(&["check"]);
    let counted = (65, "4 members\n       4  of no use\n");
    assert_eq!((done.code, done.stdout.as_str()), counted);
    let named = done.stderr.lines().skip(1);
    let starts = [
        "member 1 alice: the stored password is in no known format",
        "member 2 bob: the stored password begins like MD5-crypt but is none",
        "member 3 carol: the name in the store is not valid UTF-8",
        "member 4 dave: the stored password is phpass and costs too much to verify: there may be 2^20",
    ];
    assert_eq!(named.clone().count(), starts.len(), "{}", done.stderr);
    for (line, start) in named.zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(done.stderr.contains("4 members can never log in"));
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
}

const MEMBERS: u64 = 5;
