//! Members from the database of a site while it runs, beside what a dump of it gives.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

use crate::database::{PASSWORD, Site, VARIABLE};
use crate::outside::{Done, Running, run_in};

/// A site, and a folder for a store.
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new(sql: &str) -> Self {
        Self::at(Site::new(), sql)
    }

    pub(crate) fn at(site: Site, sql: &str) -> Self {
        site.sql(sql);
        let folder = tempdir().unwrap();
        Self { site, folder }
    }

    /// Imports as an administrator.
    pub(crate) fn import(&self, arguments: &[&str]) -> Done {
        let (name, password) = Site::environment();
        self.import_from(&self.site.address(), &[(name, &password)], arguments)
    }

    fn import_from(&self, address: &str, said: &[(&str, &str)], arguments: &[&str]) -> Done {
        let mut running = self.start(address, said, arguments);
        let code = running.wait(LONG);
        let (stdout, stderr) = (running.stdout.all(), running.stderr.all());
        assert!(!format!("{stdout}{stderr}").contains(PASSWORD));
        Done {
            code,
            stdout,
            stderr,
        }
    }

    pub(crate) fn start(
        &self,
        address: &str,
        said: &[(&str, &str)],
        arguments: &[&str],
    ) -> Running {
        let arguments = [&["members", "import", address], arguments].concat();
        Running::start(self.folder.path(), &arguments, said)
    }

    fn refuses(&self, arguments: &[&str], code: i32, why: &str) -> String {
        let done = self.import(arguments);
        assert_eq!(done.code, code, "{arguments:?}: {done:?}");
        assert!(done.stderr.contains(why), "{arguments:?}: {done:?}");
        self.has_no_store();
        done.stderr
    }

    /// Every member, passwords included.
    pub(crate) fn exported(&self) -> String {
        exported(self.folder.path())
    }

    pub(crate) fn has_no_store(&self) {
        let store = self.folder.path().join("flashgate.db");
        assert!(!store.exists(), "a store was made");
    }

    /// Imports a table here and a dump of it elsewhere, which must come to the same. What was said.
    fn is_like_its_dump(&self, table: &str, arguments: &[&str]) -> String {
        let table = format!("--table={table}");
        let arguments = [&[&*table, "--skip-refused"], arguments].concat();
        let other = tempdir().unwrap();
        self.site.dump(&other.path().join("d.sql"), &[]);
        let of_dump = [&["members", "import", "d.sql"], &arguments[..]].concat();
        let of_dump = run_in(other.path(), &of_dump, "");
        let store = self.folder.path().join("flashgate.db");
        let _ = fs::remove_file(store);
        let live = self.import(&arguments);
        assert_eq!(live.code, 0, "{live:?}\n{of_dump:?}");
        assert_eq!(report(&live.stdout), report(&of_dump.stdout));
        assert_eq!(self.exported(), exported(other.path()));
        live.stdout
    }
}

fn exported(folder: &Path) -> String {
    let done = run_in(folder, &["members", "export", "--with-hashes"], "");
    assert_eq!(done.code, 0, "{done:?}");
    done.stdout
}

/// What is said, but for where it is from and for the numbers of lines, of which a database has none.
fn report(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| !line.starts_with("table "));
    let without_place = |line: &str| {
        let words = line.split(' ');
        let words = words.scan("", |before, word| {
            let is_place = matches!(*before, "line" | "row");
            *before = word;
            Some(if is_place { "N" } else { word })
        });
        let words: Vec<_> = words.collect();
        words.join(" ").replace("row N", "line N")
    };
    lines.map(without_place).collect()
}

/// MD5 of `x`.
pub(crate) const MD5: &str = "9dd4e461268c8034f5c8564e155c67a6";

/// More than any of it takes.
pub(crate) const LONG: Duration = Duration::from_secs(120);

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn the_same_as_from_a_dump() {
    let place = Place::new(&format!(
        "CREATE TABLE latin (uid INT PRIMARY KEY, username VARCHAR(40), realname TEXT, pass VARCHAR(80),
            active BIT(1)) CHARACTER SET latin1;
         INSERT INTO latin VALUES (2, 'Árvíz', 'Tükörfúrógép', '{MD5}', b'1'), (3, 'bob', NULL, '{MD5}', b'0'),
            (5, 'tab', 'Two\\nlines\\tand € more ', '{MD5}', b'1'), (7, 'none', '\\\\', NULL, b'1'),
            (8, 'BOB', 'again', '{MD5}', NULL);
         CREATE TABLE texts (id VARCHAR(20), login CHAR(40), name VARCHAR(100), pwd CHAR(40),
            enabled ENUM('no', 'yes'), last DATETIME) CHARACTER SET utf8mb3;
         INSERT INTO texts VALUES ('007', 'bond', 'J ''007'' \"B\"', '{MD5}', 'yes', '2007-01-02 03:04:05'),
            (' 12 ', 'spaces', '漢字', '{MD5}', 'no', NULL), ('7x', 'x', 'x', '{MD5}', 'yes', NULL),
            ('13', 'dave', '', 'hunter2', 'yes', NULL);
         CREATE TABLE salted (userid BIGINT UNSIGNED ZEROFILL, username TEXT, password BLOB, salt VARBINARY(9),
            `rank` FLOAT, state INT, joined DATE) CHARACTER SET utf8mb4;
         INSERT INTO salted VALUES (1, 'alice 😀', '{MD5}', 's$1', 0.1, 3, '2007-01-02'),
            (2, 'alice', '{MD5}', 's$1', 0.1, 3, '2007-01-02'), (3, 'bob', '{MD5}', '', 1, -1, NULL),
            (4, 'carol', '{MD5}', NULL, 1, NULL, NULL), (5, 'dave', '{MD5}', X'ff', 1, 3, NULL);
         CREATE TABLE `my \\`users` (`no.` INT, `the \\`nick'` TEXT, `a \"name\"` TEXT, `hash; --` TEXT);
         DROP TABLE IF EXISTS nothing;
         CREATE TABLE empty LIKE latin"
    ).replace("\\`", "``"));
    let said = place.is_like_its_dump("latin", &["--map=name=realname"]);
    let address = place.site.address();
    for line in [
        "row 5, id 8, column 2 (nick): BOB is the nick of row 2 already",
        "row 5, id 8, column 5 (active): is NULL",
        "row 4, id 7, column 4 (password): is NULL",
        "row 3, id 5: the name \"Two\\nlines\\tand € more \" becomes \"Two lines and € more\"",
        &format!("\ntable latin of {address}, in utf8:\n  id        uid\n  nick      username\n"),
        "5 rows: 3 good, 2 refused\n       3  md5(password), and argon2id after the next login\n",
        "       2  active\n       1  not active\n       2  with a name that had to be cleaned\nimported 3",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let said = place.is_like_its_dump("texts", &[]);
    assert!(said.contains("4 rows: 2 good, 2 refused"), "{said}");
    assert!(place.exported().contains("7,bond,\"J '007' \"\"B\"\"\","));
    let salts = "--map=md5(salt.password)=salt";
    place.is_like_its_dump("salted", &[salts]);
    place.is_like_its_dump("salted", &[salts, "--active-if=state=3"]);
    place.is_like_its_dump("salted", &[salts, "--active-if=joined=2007-01-02"]);
    let said = place.is_like_its_dump("salted", &[salts, "--active-if=rank=0.1"]);
    assert!(said.contains("5 rows: 3 good"), "{said}");
    assert!(said.contains("       1  active\n       2  not"), "{said}");

    place.site.sql(&format!(
        "INSERT INTO `my ``users` VALUES (1, 'alice', 'Alice', '{MD5}'), (2, 'bob', 'Bob', '{MD5}')"
    ));
    let map = "--map=id=no.,nick=the `nick',name=a \"name\",password=hash; --";
    let said = place.is_like_its_dump("my `users", &[map]);
    assert!(said.contains("table my `users of mysql://"), "{said}");
    assert!(said.ends_with("imported 2 members\n"), "{said}");

    fs::remove_file(place.folder.path().join("flashgate.db")).unwrap();
    let done = place.import(&["--table=empty"]);
    let said = "holds no members: nothing to import\n";
    assert!(done.code == 0 && done.stdout.ends_with(said), "{done:?}");
    place.has_no_store();
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn texts_that_are_encoded_twice() {
    let place = Place::new(&format!(
        "CREATE TABLE users (id INT, nick TEXT, name TEXT, pass TEXT);
         INSERT INTO users VALUES (1, CONVERT(BINARY 'Zoé' USING latin1),
            CONVERT(BINARY 'Tükör €' USING latin1), '{MD5}'), (2, 'é', 'É', '{MD5}'),
            (3, CONVERT(BINARY 'Árvíz' USING latin1), 'Á', '{MD5}')"
    ));
    place.is_like_its_dump("users", &[]);
    let exported = place.exported();
    assert!(exported.contains("\n1,ZoÃ©,TÃ¼kÃ¶r â‚¬,"), "{exported}");
    place.is_like_its_dump("users", &["--charset=double-utf8"]);
    let exported = place.exported();
    assert!(exported.contains("\n1,Zoé,Tükör €,"), "{exported}");
    assert!(exported.contains("\n2,é,É,"), "{exported}");
    assert!(exported.contains("\n3,Árvíz,Á,"), "{exported}");
    let done = place.import(&["--charset=latin1"]);
    assert_eq!(done.code, 64, "{done:?}");
    assert!(
        done.stderr.contains("a database states the encoding"),
        "{done:?}"
    );
}

/// Two tables of a forum.
fn forum() -> String {
    format!(
        "CREATE TABLE users (id INT, login TEXT, pass TEXT, grp INT);
         CREATE TABLE groups_ (id INT, may_chat INT);
         INSERT INTO users VALUES (1, 'alice', '{MD5}', 1), (2, 'bob', '{MD5}', 2), (3, 'b b', '{MD5}', 2);
         INSERT INTO groups_ VALUES (1, 1), (2, 0);"
    )
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn a_query_stands_for_a_table() {
    let place = Place::new(&forum());
    let query = "--query=SELECT u.id, login AS nick, pass, may_chat AS active FROM users u \
        JOIN groups_ g ON grp = g.id WHERE login LIKE '%b%' OR u.id = 1 ORDER BY u.id -- so";
    place.refuses(
        &[query],
        65,
        "row 3, id 3, column 2 (nick): \"b b\" contains white space",
    );
    let done = place.import(&[query, "--skip-refused"]);
    assert_eq!(done.code, 0, "{done:?}");
    let head = format!(
        "the query to {}, in utf8:\n  id        id\n",
        place.site.address()
    );
    assert!(done.stdout.contains(&head), "{}", done.stdout);
    assert!(done.stdout.ends_with("imported 2 members\n"), "{done:?}");
    let (one, two) = (
        format!("1,alice,alice,{MD5},1"),
        format!("2,bob,bob,{MD5},0"),
    );
    let exported = place.exported().to_lowercase().replace("$md5$", "");
    assert!(
        exported.contains(&one) && exported.contains(&two),
        "{exported}"
    );
    // Now they are there.
    let done = place.import(&[query]);
    assert_eq!(done.code, 65, "{done:?}");
    assert!(
        done.stderr
            .contains("row 1, id 1, column 1 (id): 1 is in the store"),
        "{done:?}"
    );

    let done = place.import(&["--query=SELECT id, login, pass FROM users WHERE id > 3; "]);
    let said = format!(
        "{} holds no members: nothing to import\n",
        place.site.address()
    );
    assert_eq!((done.code, done.stdout), (0, said));
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn a_query_may_take_its_time() {
    let place = Place::new(&forum());
    // Longer than a login may wait.
    let query = "--query=SELECT id, login, pass FROM users WHERE id = 1 AND sleep(4) = 0";
    let began = Instant::now();
    let done = place.import(&[query, "--dry-run"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(began.elapsed() > Duration::from_secs(4), "{done:?}");
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn rights_that_an_import_needs() {
    let place = Place::new(&forum());
    let database = &place.site.database;
    // The database refuses wrong passwords.
    let address = place.site.address();
    for said in [&[][..], &[(VARIABLE, "wrong")]] {
        let done = place.import_from(&address, said, &["--table=users"]);
        assert_eq!(done.code, 78, "{done:?}");
        let why = "nothing was imported: the database mysql://";
        assert!(
            done.stderr.contains(why) && done.stderr.contains("Access denied"),
            "{done:?}"
        );
    }
    let user = place.site.user(&[]);
    let address = place.site.address_of(&user);
    let right = [(VARIABLE, PASSWORD)];
    let try_it = |arguments: &[&str]| place.import_from(&address, &right, arguments);
    let grant = |what: &str| {
        place
            .site
            .sql(&format!("GRANT {what} TO '{user}'@'localhost'"));
    };
    let done = try_it(&["--table=users"]);
    assert!(
        done.code == 78 && done.stderr.contains("refuses the login"),
        "{done:?}"
    );
    grant(&format!("SELECT ON {database}.groups_"));
    let done = try_it(&["--table=users"]);
    let why = "there is no table users; there are groups_";
    assert!(done.code == 78 && done.stderr.contains(why), "{done:?}");
    let done = try_it(&["--query=SELECT id, login, pass FROM users"]);
    assert!(
        done.code == 78 && done.stderr.contains("SELECT command denied"),
        "{done:?}"
    );
    let done = try_it(&[]);
    let why = "no column is called nick or the like";
    assert!(done.code == 78 && done.stderr.contains(why), "{done:?}");
    grant(&format!("INSERT ON {database}.users"));
    let done = try_it(&["--table=users"]);
    assert!(
        done.code == 78 && done.stderr.contains("denied"),
        "{done:?}"
    );
    place.has_no_store();
    // No more is needed than to read what is imported.
    grant(&format!("SELECT (id, login, pass) ON {database}.users"));
    place.site.sql(&format!(
        "REVOKE INSERT ON {database}.users FROM '{user}'@'localhost'"
    ));
    let done = try_it(&["--table=users", "--active-if=grp=1"]);
    let why = "there is no column \"grp\" for --active-if; there are \"id, login, pass\"";
    assert!(done.code == 78 && done.stderr.contains(why), "{done:?}");
    let done = try_it(&["--table=users", "--skip-refused"]);
    assert!(done.stdout.ends_with("imported 2 members\n"), "{done:?}");
    // From a file, as well.
    let file = place.folder.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let arguments = ["--table=users", "--mysql-password=password", "--dry-run"];
    let done = place.import_from(&address, &[], &arguments);
    assert!(
        done.code == 65 && done.stderr.contains("5 faults"),
        "{done:?}"
    );
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn tables_and_columns_that_do_not_exist() {
    let place = Place::new(&forum());
    let said = place.refuses(
        &[],
        78,
        "name the one of the members with --table: groups_, users",
    );
    assert!(
        said.starts_with("flashgate: nothing was imported: the database mysql://"),
        "{said}"
    );
    place.refuses(
        &["--table=user"],
        78,
        "there is no table user; there are groups_, users",
    );
    let map = ["--table=users", "--map=nick=nix"];
    place.refuses(&map, 78, "there is no column \"nix\" for nick");
    let active_if = ["--table=users", "--active-if=nix=1"];
    place.refuses(&active_if, 78, "there is no column \"nix\" for --active-if");
    place.refuses(
        &["--query=SELECT nix FROM users"],
        78,
        "Unknown column 'nix'",
    );
    place.refuses(
        &["--query=SELECT id, login, pass FROM nix"],
        78,
        "doesn't exist",
    );
    place.refuses(&["--query=nix"], 78, "You have an error in your SQL syntax");
    let both = ["--query=SELECT 1", "--table=users"];
    place.refuses(&both, 64, "leave out --table or --query");

    let (name, password) = Site::environment();
    let said = [(name, &*password)];
    let gone = place
        .site
        .address()
        .replace(&place.site.database, "no_such_database");
    let done = place.import_from(&gone, &said, &[]);
    assert!(
        done.code == 78 && done.stderr.contains("Unknown database"),
        "{done:?}"
    );
    let gone = place.site.address() + "x";
    let done = place.import_from(&gone, &said, &[]);
    assert!(
        done.code == 69 && done.stderr.contains("cannot be reached"),
        "{done:?}"
    );
    let gone = "mysql://forum@127.0.0.1:1/forum";
    let done = place.import_from(gone, &said, &[]);
    assert!(
        done.code == 69 && done.stderr.contains("cannot be reached"),
        "{done:?}"
    );
    // By a port, it is there.
    let by_port = place.site.port_address();
    let arguments = ["--table=users", "--skip-refused"];
    let done = place.import_from(&by_port, &said, &arguments);
    assert!(
        done.stdout
            .contains(&format!("table users of {by_port}, in utf8:")),
        "{done:?}"
    );
    assert!(done.stdout.ends_with("imported 2 members\n"), "{done:?}");
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn nothing_is_written_there() {
    let place = Place::new(&forum());
    place.site.sql(
        "CREATE TABLE log (a INT);
         CREATE FUNCTION write_it() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO log VALUES (1); RETURN 1; END",
    );
    let evil = "users`; DROP TABLE users; -- ";
    let written = place.folder.path().join("written");
    let written = written.display();
    for (arguments, code) in [
        (vec![format!("--table={evil}")], 78),
        (vec![format!("--table=users` WHERE 1=0 -- ")], 78),
        (vec!["--table=users".to_owned(), format!("--map=nick={evil}")], 78),
        (vec!["--table=users".to_owned(), format!("--active-if={evil}=1")], 78),
        // A value of a row, and no SQL.
        (vec!["--table=users".to_owned(), "--active-if=login=' OR 1=1; DROP TABLE users; -- '".to_owned()], 65),
        (vec![format!("--table=users"), format!("--charset={evil}")], 64),
        (vec!["--query=DROP TABLE users".to_owned()], 78),
        (vec!["--query=SELECT id, login, pass FROM users; DROP TABLE users".to_owned()], 78),
        (vec!["--query=SELECT id, login, pass FROM users) AS a; DROP TABLE users; -- ".to_owned()], 78),
        (vec!["--query=SELECT id, login, pass FROM users) AS a; DROP TABLE users; SELECT 1 FROM (SELECT 1".to_owned()], 78),
        (vec!["--query=SELECT id, login, pass FROM users WHERE id = write_it()".to_owned()], 1),
        (vec![format!("--query=SELECT id, login, pass FROM users INTO OUTFILE '{written}'")], 78),
        (vec!["--query=DELETE FROM users RETURNING id, login, pass".to_owned()], 78),
    ] {
        let arguments: Vec<_> = arguments.iter().map(|argument| &**argument).collect();
        place.refuses(&arguments, code, "flashgate: ");
        assert_eq!(place.site.rows::<u32>("SELECT count(*) FROM users"), [3], "{arguments:?}");
        assert_eq!(place.site.rows::<u32>("SELECT count(*) FROM log"), [0], "{arguments:?}");
    }
    assert!(!Path::new(&written.to_string()).exists());
}
