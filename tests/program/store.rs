//! The `members` commands that look a store up, copy it and look it over.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::tempdir;

use crate::outside::{Done, PATIENCE, Server, import_members, run_in};
use crate::server::on_both;

fn members(folder: &Path, command: &[&str]) -> Done {
    run_in(folder, &[&["members"], command].concat(), "")
}

fn ok(folder: &Path, command: &[&str]) -> String {
    let done = members(folder, command);
    assert_eq!((done.code, &*done.stderr), (0, ""), "{command:?}");
    done.stdout
}

fn sql(folder: &Path, sql: &str) {
    let store = Connection::open(folder.join("flashgate.db")).unwrap();
    store.execute_batch(sql).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_list_of_some() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    import_members(folder, 5);
    sql(
        folder,
        "UPDATE members SET active = 0 WHERE id IN (2, 4);
         UPDATE members SET nick = 'Árvíz[1]', nick_key = 'árvíz[1]' WHERE id = 3;
         UPDATE members SET password = '$P$BsaltsaltzAw0K9g0KRh5nR0p0nAo2.' WHERE id = 4;
         UPDATE members SET password = 'hunter2' WHERE id = 5;
         UPDATE members SET last_login_at = unixepoch('2026-11-23 05:39:58') WHERE id = 1;
         UPDATE members SET last_login_at = unixepoch('2025-01-01') WHERE id = 2;",
    );
    for (options, expected) in [
        (&[][..], &[1, 2, 3, 4, 5][..]),
        (&["--active"], &[1, 3, 5]),
        (&["--inactive"], &[2, 4]),
        (&["--never"], &[3, 4, 5]),
        (&["--never", "--inactive"], &[4]),
        (&["--since", "2026-11-23"], &[1]),
        (&["--since", "2026-11-23 05:39:58"], &[1]),
        (&["--since", "2026-11-23T05:39:59Z"], &[]),
        (&["--since", "2025-01-01"], &[1, 2]),
        (&["--not-since=2025-01-01"], &[3, 4, 5]),
        (&["--not-since=2026-01-01", "--active"], &[3, 5]),
        (&["--nick", "M*"], &[1, 2, 4, 5]),
        (&["--nick", "m?"], &[1, 2, 4, 5]),
        (&["--nick", "?"], &[]),
        (&["--nick", "ÁRVÍZ[1]"], &[3]),
        (&["--nick", "Árvíz[*"], &[3]),
        (&["--nick", "m[1-2]"], &[]),
        (&["--nick", "' OR 1=1 --"], &[]),
        (&["--nick", "%"], &[]),
        (&["--hash", "argon2id"], &[1, 2, 3]),
        (&["--hash", "PHPASS"], &[4]),
        (&["--hash", "useless"], &[5]),
        (&["--hash", "MD5-crypt"], &[]),
    ] {
        let list = ok(folder, &[&["list", "--json"], options].concat());
        let list: Vec<Value> = serde_json::from_str(&list).unwrap();
        let ids: Vec<i64> = list.iter().map(|one| one["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, expected, "{options:?}");
        let table = ok(folder, &[&["list"], options].concat());
        assert_eq!(table.lines().count(), expected.len() + 1, "{options:?}");
    }
    for wrong in [
        &["list", "--active", "--inactive"][..],
        &["list", "--never", "--since", "2025-01-01"],
        &["list", "--since", "yesterday"],
        &["list", "--since", "2026-02-30"],
        &["list", "--hash", "rot13"],
    ] {
        assert_eq!(members(folder, wrong).code, 64, "{wrong:?}");
    }
}

#[test]
fn a_hash_is_shown_only_with_its_option() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    import_members(folder, 1);
    let shown = ok(folder, &["show", "m1"]);
    assert!(shown.contains("nick        m1\n") && shown.contains("password    argon2id\n"));
    assert!(shown.contains("last login  never\n"), "{shown}");
    let object = ok(folder, &["show", "1", "--json"]);
    let value: Value = serde_json::from_str(&object).unwrap();
    let names: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let known = [
        "active",
        "created_at",
        "hash_format",
        "id",
        "last_login_at",
        "name",
        "nick",
    ];
    assert_eq!(names, known);
    assert!(!shown.contains("$argon2id$") && !object.contains("$argon2id$"));
    assert!(ok(folder, &["show", "1", "--hash"]).contains("hash        $argon2id$v=19$m=8,"));
    let value: Value =
        serde_json::from_str(&ok(folder, &["show", "1", "--json", "--hash"])).unwrap();
    assert!(
        value["hash"]
            .as_str()
            .unwrap()
            .starts_with("$argon2id$v=19$m=8,")
    );
    assert_eq!(members(folder, &["show", "2"]).code, 1);
}

#[test]
fn a_rename_keeps_the_rules() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    import_members(folder, 2);
    for (to, tells) in [
        (&["m2"][..], "nick is taken by m2"),
        (&["M2"], "nick is taken by m2"),
        (&["a b"], "white space"),
        (&["77"], "all digits"),
        (&["#m1"], "begins with #, as names of rooms do"),
        (&["~m1"], "begins with ~, as guests' nicks do"),
        (
            &["m\u{430}x"],
            "mixes Latin letters with Cyrillic or Greek ones",
        ),
        (&[""], "is empty"),
        (&["ok", ""], "is empty"),
        (&["ok", "a\nb"], "control"),
    ] {
        let done = members(folder, &[&["rename", "1"], to].concat());
        assert!(done.code == 1 || done.code == 64, "{done:?}");
        assert!(done.stderr.contains(tells), "{to:?} {}", done.stderr);
    }
    let name = |who: &str| {
        let shown: Value = serde_json::from_str(&ok(folder, &["show", who, "--json"])).unwrap();
        format!(
            "{} {}",
            shown["nick"].as_str().unwrap(),
            shown["name"].as_str().unwrap()
        )
    };
    // A nick from before the rules keeps working, with another name too.
    sql(
        folder,
        "UPDATE members SET nick = 'm\u{430}2', nick_key = 'm\u{430}2' WHERE id = 2",
    );
    ok(folder, &["rename", "2", "m\u{430}2", "Name"]);
    assert_eq!(name("2"), "m\u{430}2 Name");
    ok(folder, &["rename", "2", "m2", "N2"]);
    let before = name("1");
    assert_eq!(
        ok(folder, &["rename", "m1", "M1"]),
        "member 1 m1 is now M1\n"
    );
    assert_eq!(name("1"), before.replacen('m', "M", 1));
    ok(folder, &["rename", "1", "alice", "Alice A."]);
    assert_eq!(name("ALICE"), "alice Alice A.");
    assert_eq!(
        members(folder, &["rename", "m1", "x"]).code,
        1,
        "nobody any more"
    );
    assert_eq!(members(folder, &["rename", "1"]).code, 64);
}

#[test]
fn what_is_exported_can_be_imported() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    import_members(folder, 3);
    // Every format as the store has it, renewed ones and salted ones too.
    let vectors = fs::read_to_string("tests/members/vectors.tsv").unwrap();
    let hashes = vectors
        .lines()
        .filter_map(|line| line.splitn(3, '\t').nth(2));
    let store = Connection::open(folder.join("flashgate.db")).unwrap();
    let argon2: String = store
        .query_row("SELECT password FROM members WHERE id = 1", [], |row| {
            row.get(0)
        })
        .unwrap();
    let tagged = ["$first8", "$first72", "$noblanks"].map(|tag| format!("{tag}{argon2}"));
    for (hash, id) in hashes.chain(tagged.iter().map(String::as_str)).zip(10..) {
        let add = "INSERT INTO members (id, nick, nick_key, name, password, active) VALUES (?1, ?2, ?2, ?3, ?4, ?5)";
        let name = format!("\"=1+1\", Ärger; 'x' -- {id}");
        store
            .execute(add, (id, format!("n,\"{id}"), name, hash, id % 2))
            .unwrap();
    }
    drop(store);
    let rows = "SELECT group_concat(id || nick || nick_key || name || password || active, '|') FROM members";
    let all = |file: &str| {
        let store = Connection::open(folder.join(file)).unwrap();
        store
            .query_row(rows, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    let done = members(folder, &["export", "all.csv", "--with-hashes"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!done.stderr.contains("refuse"), "{}", done.stderr);
    assert_eq!(mode(&folder.join("all.csv")), 0o600);
    let csv = fs::read_to_string(folder.join("all.csv")).unwrap();
    assert_eq!(ok(folder, &["export", "--with-hashes"]), csv);
    ok_but_created(&members(
        folder,
        &["import", "all.csv", "--members", "other.db"],
    ));
    assert_eq!(all("flashgate.db"), all("other.db"));
    // Only what was made is ever overwritten.
    let again = members(folder, &["export", "all.csv"]);
    assert!(
        again.code == 1 && again.stderr.contains("exists"),
        "{again:?}"
    );
    assert_eq!(fs::read_to_string(folder.join("all.csv")).unwrap(), csv);
}

fn ok_but_created(done: &Done) {
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn an_export_says_what_cannot_be_imported() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    import_members(folder, 3);
    let done = members(folder, &["export"]);
    assert!(
        done.stderr
            .contains("no passwords in it, so it cannot be imported"),
        "{}",
        done.stderr
    );
    assert!(
        done.stdout
            .starts_with("id,nick,name,active,created_at,last_login_at\n1,m1,")
    );
    assert!(!done.stdout.contains("argon2"), "{}", done.stdout);
    sql(
        folder,
        "UPDATE members SET password = 'hunter2' WHERE id = 1;
         UPDATE members SET nick = '77' WHERE id = 2;
         UPDATE members SET name = CAST(x'41ff' AS TEXT) WHERE id = 3",
    );
    let done = members(folder, &["export", "x.csv", "--with-hashes"]);
    assert!(
        done.stderr
            .contains("an import will refuse 3 rows:\nmember 1: the password"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("member 2: the nick is all digits"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .contains("member 3: the name in the store is not valid UTF-8"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
}

on_both! {
    fn a_backup_while_a_server_serves(runtime) {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        import_members(folder, 500);
        let server = Server::start(folder, &[runtime]);
        let mut backups = 0;
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let (stop, server, begun) = (&stop, &server, Instant::now());
            scope.spawn(move || {
                for n in (1..=500).cycle() {
                    // Not for ever, should this test fail before it says so.
                    if stop.load(Ordering::Relaxed) || begun.elapsed() > PATIENCE {
                        break;
                    }
                    server.connect().ask(&format!("IDENTIFY {n} x"));
                    // As others do who write: both columns in one change, or neither.
                    sql(folder, &format!("UPDATE members SET name = 'N{n}', created_at = {n} WHERE id <= 250"));
                }
            });
            for n in 0..8 {
                let file = format!("backup{n}.db");
                let said = ok(folder, &["backup", &file]);
                assert_eq!(said, format!("backed up 500 members into {file}\n"));
                assert_eq!(mode(&folder.join(&file)), 0o600);
                assert!(!folder.join(format!("{file}-wal")).exists());
                assert!(!folder.join(format!("{file}-journal")).exists());
                ok(folder, &["check", "--members", &file]);
                let copy = Connection::open(folder.join(&file)).unwrap();
                let distinct = "SELECT count(DISTINCT created_at), count(DISTINCT name) FROM members WHERE id <= 250";
                let distinct = copy.query_row(distinct, [], |row| Ok((row.get(0)?, row.get(1)?)));
                let (times, names): (i64, i64) = distinct.unwrap();
                // Before the first change, every name is another; the import may have taken seconds.
                assert!((times, names) == (1, 1) || names == 250, "{times} {names}");
                backups += 1;
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(backups, 8);
        // It is what a server can serve.
        let other = Server::start(folder, &[runtime, "--members=backup7.db"]);
        assert!(other.connect().ask("IDENTIFY 500 x").starts_with("<login aid=\"m500\""));
        other.stop();
        let before = fs::read(folder.join("backup0.db")).unwrap();
        let again = members(folder, &["backup", "backup0.db"]);
        assert!(again.code == 1 && again.stderr.contains("exists"), "{again:?}");
        assert_eq!(fs::read(folder.join("backup0.db")).unwrap(), before);
        assert_eq!(members(folder, &["backup", "flashgate.db"]).code, 1);
        assert_eq!(members(folder, &["backup", "no/such/folder"]).code, 1);
    }
}

#[test]
fn a_check_names_nicks_that_will_not_do() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    import_members(folder, 9);
    sql(
        folder,
        "UPDATE members SET nick = 'M1' WHERE id = 2;
         UPDATE members SET nick = '77', nick_key = '77' WHERE id = 3;
         UPDATE members SET nick = 'a b', nick_key = 'a b' WHERE id = 4;
         UPDATE members SET nick_key = 'other' WHERE id = 5;
         UPDATE members SET nick = 'm1\u{fe0f}' WHERE id = 6;
         UPDATE members SET nick = '\u{3164}' WHERE id = 7;
         UPDATE members SET name = 'N\u{202e}' WHERE id = 8;
         UPDATE members SET nick = '#m9', nick_key = '#m9' WHERE id = 9",
    );
    let done = members(folder, &["check"]);
    assert_eq!(
        (done.code, &*done.stdout),
        (65, "9 members\n       9  argon2id\n")
    );
    for line in [
        "7 nicks and 1 name will not do; choose another with flashgate members rename:",
        "member 2 M1: the nick is that of member 1, but for letter case",
        "member 3 77: the nick is all digits, which would be taken for a member's number",
        "member 4 a b: the nick contains white space",
        "member 5 m5: nick_key in the store is not that of the nick",
        "member 6 m1\\ufe0f: the nick contains a control character or an invisible one; nobody can log in by it",
        "member 7 \\u3164: the nick contains a control character or an invisible one",
        "member 9 #m9: the nick begins with #, as names of rooms do; nobody can log in by it",
        "member 8 m8: the name contains a control character or an invisible one",
    ] {
        assert!(done.stderr.contains(line), "{line}: {}", done.stderr);
    }
    let server = Server::start(folder, &[]);
    let (_, told) = server.stop();
    assert!(
        told.contains("members who cannot log in, because their nicks break a rule: 5"),
        "{told}"
    );
    for nick in ["m1\u{fe0f}", "\u{3164}", "\u{2800}m1", "m\u{fdd0}"] {
        let add = ["add", "--id", "9", "--nick", nick, "--name", "N"];
        for command in [&add[..], &["rename", "1", nick]] {
            let done = members(folder, command);
            assert_eq!(done.code, 64, "{done:?}");
            assert!(done.stderr.contains("an invisible one"), "{done:?}");
        }
    }
    for id in ["2", "3", "4", "5", "6", "7", "8", "9"] {
        ok(folder, &["rename", id, &format!("n{id}"), "Name"]);
    }
    ok(folder, &["check"]);
}

#[test]
fn a_check_finds_a_damaged_file() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    import_members(folder, 300);
    let path = folder.join("flashgate.db");
    let good = fs::read(&path).unwrap();
    let pages = good.len() / 4096;
    assert!(pages > 10);
    for page in 2..pages {
        let mut bad = good.clone();
        bad[page * 4096..][..64].fill(0xa5);
        fs::write(&path, &bad).unwrap();
        let done = members(folder, &["check"]);
        assert!(
            done.stderr.contains("is damaged; restore a backup"),
            "{page} {done:?}"
        );
        assert_eq!(done.code, 65, "{page}");
        assert!(members(folder, &["backup", "copy.db"]).code != 0, "{page}");
        assert!(!folder.join("copy.db").exists());
    }
}
