//! Members of an old site, from dumps that MariaDB has made (`tests/members/dumps`) and from files
//! that only look like dumps.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::{TempDir, tempdir};

use crate::outside::{Done, run_in};

pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempdir().unwrap())
    }

    pub(crate) fn import(&self, arguments: &[&str]) -> Done {
        run_in(
            self.0.path(),
            &[&["members", "import"], arguments].concat(),
            "",
        )
    }

    /// Imports what comes on standard input.
    pub(crate) fn piped(&self, arguments: &[&str], input: &str) -> Done {
        let arguments = [&["members", "import"], arguments].concat();
        run_in(self.0.path(), &arguments, input)
    }

    /// Imports a text as `m.sql`.
    pub(crate) fn dump(&self, dump: &str, arguments: &[&str]) -> Done {
        fs::write(self.path("m.sql"), dump).unwrap();
        self.import(&[&["m.sql"], arguments].concat())
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Number, nick, name and whether active, of each member.
    pub(crate) fn listed(&self) -> Vec<String> {
        let list = run_in(self.0.path(), &["members", "list", "--json"], "");
        assert_eq!(list.code, 0, "{}", list.stderr);
        let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
        let members = list.as_array().unwrap().iter();
        let line = |m: &serde_json::Value| {
            format!("{} {} {} {}", m["id"], m["nick"], m["name"], m["active"])
        };
        members.map(line).collect()
    }

    /// Nothing was changed, and nothing made.
    pub(crate) fn has_no_store(&self) {
        assert!(!self.path("flashgate.db").exists(), "a store was made");
    }
}

pub(crate) fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/members/dumps").join(name);
    path.to_str().unwrap().to_owned()
}

const USERS: [&str; 5] = [
    r#"2 "alice" "Alice O'Hara" true"#,
    r#"3 "Bob,(2);" "Bob \\ \"B\"" true"#,
    r#"5 "Árvíz" "Tükörfúrógép" false"#,
    r#"8 "tab" "Two lines and more" true"#,
    r#"9 "nameless" "nameless" true"#,
];

#[test]
fn dumps_of_mariadb() {
    let table = ["--table", "phpbb_users"];
    for (file, more) in [
        ("site.sql.gz", &table[..]),
        ("latin1.sql", &[]),
        ("hex.sql", &["--charset=latin1"]),
    ] {
        let place = Place::new();
        let file = fixture(file);
        let arguments = [&[&*file, "--map=name=real name"], more].concat();
        let done = place.import(&[&arguments[..], &["--dry-run"]].concat());
        assert_eq!(done.code, 0, "{done:?}");
        assert!(
            done.stdout
                .ends_with("would import 5 members; nothing was changed\n")
        );
        place.has_no_store();

        let done = place.import(&arguments);
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(
            done.stderr,
            "flashgate: created the member store flashgate.db\n"
        );
        for said in [
            r#"id 8: the name "Two\nlines\tand\u0000 more " becomes "Two lines and more""#,
            r#"id 9: the name "" becomes "nameless""#,
            "5 rows: 5 good, 0 refused\n       1  bcrypt, and argon2id after the next login\n       3  md5(password)",
            "       4  active\n       1  not active\n       2  with a name that had to be cleaned\n",
            "imported 5 members\n",
        ] {
            assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
        }
        assert_eq!(place.listed(), USERS, "{file}");
    }
}

#[test]
fn the_tables_of_a_dump_are_listed() {
    let place = Place::new();
    let file = fixture("site.sql.gz");
    let done = place.import(&[&file]);
    assert_eq!(done.code, 65, "{done:?}");
    let told = "name the one of the members with --table: site.phpbb_posts, site.phpbb_users, \
        site.phpbb_empty (without rows)";
    assert!(done.stderr.contains(told), "{}", done.stderr);
    let done = place.import(&[&file, "--table=users"]);
    assert!(
        done.stderr
            .contains("there is no table users; there are site.phpbb_posts")
    );
    // A table by its whole name, in which nothing is to be had.
    let done = place.import(&[&file, "--table=site.phpbb_posts"]);
    assert!(
        done.stderr.contains("no column is called nick or the like"),
        "{}",
        done.stderr
    );
    let done = place.import(&[&file, "--table=phpbb_empty"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:?}");
    assert!(
        done.stdout
            .ends_with("holds no members: nothing to import\n"),
        "{done:?}"
    );
    place.has_no_store();

    let done = place.dump("id,nick,name,password,active\n", &["--table=t"]);
    assert!(done.stderr.contains("it is no dump"), "{}", done.stderr);

    let row = "VALUES (1,'a','9dd4e461268c8034f5c8564e155c67a6');";
    let two = format!("INSERT INTO members (id,nick,pass) {row}INSERT INTO t (id,nick,pass) {row}");
    assert_eq!(place.dump(&two, &[]).code, 0);
    let twice = format!("USE a;{two}USE b;{two}");
    let done = place.dump(&twice, &["--table=t", "--dry-run"]);
    assert!(
        done.stderr.contains("say which with --table: a.t, b.t"),
        "{}",
        done.stderr
    );
}

pub(crate) const MIXED: &str = "CREATE TABLE u (uid int, username text, pass text, status text);
INSERT INTO u VALUES (1,'alice','9dd4e461268c8034f5c8564e155c67a6','ok'),
(2,'a b','9dd4e461268c8034f5c8564e155c67a6','ok'),
(3,'ALICE','hunter2',NULL),
(4,'bob','$P$BsaltsaltzAw0K9g0KRh5nR0p0nAo2.','banned'),
(NULL,'carol',NULL,'ok'),
(4,'dave','9dd4e461268c8034f5c8564e155c67a6','ok');
";

#[test]
fn rows_that_are_refused() {
    let refused = [
        "line 3, id 2, column 2 (nick): \"a b\" contains white space, which a nick cannot have; \
         --spaces _ puts another character in its place",
        "line 4, id 3, column 2 (nick): ALICE is the nick of line 2 already (letter case does not count)",
        "line 4, id 3, column 3 (password): is in no known format (its text is not shown here)",
        "line 6, id NULL, column 1 (id): is NULL",
        "line 6, id NULL, column 3 (password): is NULL",
        "line 7, id 4, column 1 (id): 4 is the number of line 5 already",
    ];
    let place = Place::new();
    // All, or nothing.
    let done = place.dump(MIXED, &[]);
    assert_eq!((done.code, done.stdout.as_str()), (65, ""), "{done:?}");
    let told = refused.map(|fault| format!("\nm.sql: {fault}")).concat();
    let whole = format!("flashgate: m.sql has 6 faults, nothing was imported:{told}\n");
    assert_eq!(done.stderr, whole);
    place.has_no_store();

    let told = refused.map(|fault| format!("refused: {fault}\n")).concat();
    let done = place.dump(MIXED, &["--dry-run"]);
    assert_eq!(done.code, 65, "{done:?}");
    assert!(done.stdout.starts_with(&told), "{}", done.stdout);
    assert!(done.stdout.contains("6 rows: 2 good, 4 refused\n"));
    assert!(
        done.stderr
            .contains("6 faults: nothing would be imported, or the other 2 rows")
    );
    place.has_no_store();

    let only = ["--skip-refused", "--active-if", "status=ok"];
    let done = place.dump(MIXED, &[&only[..], &["--dry-run"]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    place.has_no_store();
    let done = place.dump(MIXED, &only);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.starts_with(&told), "{}", done.stdout);
    assert!(
        done.stdout
            .contains("       1  active\n       1  not active\n")
    );
    assert!(
        done.stdout.ends_with("imported 2 members\n"),
        "{}",
        done.stdout
    );
    assert!(!done.stdout.contains("hunter2"));
    assert_eq!(
        place.listed(),
        [r#"1 "alice" "alice" true"#, r#"4 "bob" "bob" false"#]
    );

    // Now they are there, and a try says so and changes nothing.
    let before = fs::read(place.path("flashgate.db")).unwrap();
    let done = place.dump(MIXED, &["--dry-run", "--skip-refused"]);
    assert!(
        done.stdout
            .contains("line 2, id 1, column 1 (id): 1 is in the store already, as alice")
    );
    assert_eq!(done.code, 65, "{done:?}");
    assert!(
        done.stderr.contains("all of its 6 rows were refused"),
        "{done:?}"
    );
    assert_eq!(fs::read(place.path("flashgate.db")).unwrap(), before);
}

#[test]
fn nothing_to_import_is_a_failure() {
    let place = Place::new();
    let csv = "id,nick,name,password,active\n7,a b,A,hunter2,1\n8,,B,,x\n9,#c,C,hunter2,1\n";
    fs::write(place.path("m.csv"), csv).unwrap();
    let reasons = [
        "line 2, column 2 (nick): \"a b\" contains white space",
        "line 3, column 4 (password): is empty",
        "line 3, column 5 (active): is neither 1 nor 0",
        "line 4, column 2 (nick): \"#c\" begins with #, as names of rooms do",
    ];
    // Without a store the reasons come with the failure; otherwise they were printed row by row. Each comes once.
    for store in [false, true] {
        if store {
            fs::write(place.path("flashgate.db"), "").unwrap();
        }
        for options in [
            &["--skip-refused"][..],
            &["--skip-refused", "--dry-run"],
            &["--dry-run"],
            &[],
        ] {
            let done = place.import(&[&["m.csv"], options].concat());
            assert_eq!(done.code, 65, "{options:?} {done:?}");
            let all = format!("{}{}", done.stdout, done.stderr);
            for reason in reasons {
                assert_eq!(
                    all.matches(reason).count(),
                    1,
                    "{options:?} {reason}: {all}"
                );
            }
            assert!(
                !all.contains("hunter2") && !all.contains("other 0 rows"),
                "{all}"
            );
        }
    }
    let one = "id,nick,name,password,active\n7,alice,A,9dd4e461268c8034f5c8564e155c67a6,x\n";
    let done = place.piped(&["-", "--map=active=", "--dry-run"], one);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:?}");
    assert!(
        done.stdout
            .ends_with("would import 1 member; nothing was changed\n")
    );
    let done = place.piped(&["-", "--active-if=active=0,3"], one);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stderr.contains("no row has active=0,3"), "{done:?}");
}

#[test]
fn a_table_takes_the_same_options() {
    let place = Place::new();
    let csv = "uid;x,login,pw,shown,status,mail\n\
        1,alice,9dd4e461268c8034f5c8564e155c67a6,Alice,ok,a@example.com\n\
        2,b b,9dd4e461268c8034f5c8564e155c67a6,Bob,no,\n\
        3,\u{e1},9dd4e461268c8034f5c8564e155c67a6,C,no,\n";
    let latin1: Vec<u8> = csv.chars().map(|c| c as u8).collect();
    let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
    zipped.write_all(&latin1).unwrap();
    fs::write(place.path("m.csv.gz"), zipped.finish().unwrap()).unwrap();
    let done = place.import(&[
        "m.csv.gz",
        "--map=id=uid;x,nick=LOGIN,password=pw,name=shown",
        "--active-if=status=ok",
        "--charset=latin1",
        "--skip-refused",
    ]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.stdout
            .starts_with("refused: line 3, column 2 (nick): \"b b\""),
        "{done:?}"
    );
    assert_eq!(
        place.listed(),
        [r#"1 "alice" "Alice" true"#, r#"3 "á" "C" false"#]
    );
}

#[test]
fn salts_are_asked_for() {
    let place = Place::new();
    let dump = "INSERT INTO user (userid, username, password, salt) VALUES \
        (1, 'a', '9dd4e461268c8034f5c8564e155c67a6', 's$1');";
    let done = place.dump(dump, &["--dry-run"]);
    assert_eq!(done.code, 65, "{done:?}");
    assert!(
        done.stderr.contains("there is a column \"salt\""),
        "{}",
        done.stderr
    );
    let formats = [
        ("salt=", "1  md5(password)"),
        ("md5(salt.password)=salt", "1  md5(salt.password)"),
        ("md5(md5(password).salt)=salt", "1  md5(md5(password).salt)"),
    ];
    for (map, said) in formats {
        let done = place.dump(dump, &["--dry-run", "--map", map]);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(done.stdout.contains(said), "{}", done.stdout);
    }
    let done = place.dump(dump, &["--map=salt=salt"]);
    assert_eq!(done.code, 64, "{done:?}");
    assert!(
        done.stderr.contains("md5(salt.password)=salt or"),
        "{}",
        done.stderr
    );
}

#[test]
fn files_that_are_cut() {
    let place = Place::new();
    let zipped = fs::read(fixture("site.sql.gz")).unwrap();
    fs::write(place.path("cut.gz"), &zipped[..zipped.len() / 2]).unwrap();
    let done = place.import(&["cut.gz", "--table=phpbb_users"]);
    assert_eq!(done.code, 65, "{done:?}");
    assert!(done.stderr.contains("the dump is cut"), "{}", done.stderr);
    // Anywhere.
    let cuts = MIXED.len() - 2;
    for cut in [cuts, cuts - 30, cuts / 2, 130] {
        let done = place.dump(&MIXED[..cut], &["--skip-refused"]);
        assert_eq!(done.code, 65, "{done:?}");
        assert!(done.stderr.contains("the dump is cut"), "{}", done.stderr);
    }
    place.has_no_store();
}

/// 600 MB in a file of 600 KB: it takes no more memory than any other, whatever is in it.
#[test]
fn a_bomb_takes_no_memory() {
    const BLOCK: usize = 6_000_000;
    let place = Place::new();
    let head = "id,nick,name,password,active\n";
    let insert = "INSERT INTO members (id,nick,password) VALUES (1,'";
    let long = "y".repeat(50_000);
    let rows = format!("x,{long},,,\n").repeat(BLOCK / 50_000);
    let sql_rows = format!("(1,'{long}',''),").repeat(BLOCK / 50_000);
    let (row, line) = ("a".repeat(BLOCK), "\n".repeat(BLOCK));
    for (name, start, block, said) in [
        (
            "row.csv.gz",
            format!("{head}1,a,\""),
            &row,
            "line 2: this row has more than 1024 KiB",
        ),
        (
            "head.csv.gz",
            "id".to_owned(),
            &row,
            "line 1: this row has more than 1024 KiB",
        ),
        (
            "lines.csv.gz",
            head.to_owned(),
            &line,
            "this row has more than 1024 KiB",
        ),
        ("rows.csv.gz", head.to_owned(), &rows, "… and "),
        (
            "value.sql.gz",
            insert.to_owned(),
            &row,
            "in the middle of a string",
        ),
        (
            "rows.sql.gz",
            insert.replace("(1,'", ""),
            &sql_rows,
            "… and ",
        ),
    ] {
        // One part after the other is a whole file, too.
        // Of what is read to its end, just more than may be: a debug build takes its time.
        let blocks = if said.contains("1024 KiB") { 100 } else { 3 };
        let (start, block) = (gzip(start.as_bytes()), gzip(block.as_bytes()));
        fs::write(
            place.path(name),
            [start, block.repeat(blocks), gzip(b"(2,'','');")].concat(),
        )
        .unwrap();
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -d 14000 && exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_flashgate"),
        ]);
        let command = command
            .args(["members", "import", name])
            .current_dir(place.0.path());
        let done = command.output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(65), "{name}: {told}");
        assert!(told.contains(said), "{name}: {told}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
