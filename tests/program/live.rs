//! The program over the table of a site, on both runtimes: logins, a site that changes its members, a
//! database that goes away, and passwords that nobody may see.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::database::{PASSWORD, Site, VARIABLE};
use crate::outside::{Server, run_in};

/// Makes a test for each runtime.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[test]
            #[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
            fn on_smol() {
                super::$name("--runtime=smol");
            }

            #[test]
            #[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
            fn on_std() {
                super::$name("--runtime=std");
            }
        })*
    };
}

on_both!(
    a_forum_and_its_chat,
    a_database_that_goes_away,
    a_value_that_no_row_has,
    where_the_password_comes_from,
);

/// Alice by bcrypt, bob by MD5, carol who is banned, and a bot without a password.
fn forum(site: &Site) {
    site.sql(
        "CREATE TABLE forum_users (
             user_id INT PRIMARY KEY, username VARCHAR(50), user_password VARCHAR(255), user_type INT
         );
         CREATE TABLE forum_posts (post_id INT, text TEXT);
         INSERT INTO forum_users VALUES
             (7, 'alice', '$2y$04$d5184fbabcdc414a79e16ulzAYZFEJHkO6x92gYjOe1iUZphPmQI.', 0),
             (8, 'bob', MD5('secret2'), 0), (9, 'carol', MD5('secret3'), 1), (10, 'bot', '', 0)",
    );
}

const FORUM: [&str; 4] = ["--table", "forum_users", "--active-if", "user_type=0,3"];

fn start(folder: &Path, runtime: &str, address: &str, options: &[&str], password: &str) -> Server {
    let mut all = vec![runtime, "--members", address];
    all.extend(FORUM);
    all.extend(options);
    Server::start_with(folder, &all, &[(VARIABLE, password)])
}

fn a_forum_and_its_chat(runtime: &str) {
    let site = Site::new();
    forum(&site);
    let folder = tempdir().unwrap();
    // A user that may only read the table.
    let reader = site.user(&[&format!("SELECT ON {}.forum_users", site.database)]);
    let address = site.address_of(&reader);
    let server = start(folder.path(), runtime, &address, &[], PASSWORD);
    let [mut alice, mut bob] = [(); 2].map(|()| server.connect());
    assert_eq!(
        alice.ask("IDENTIFY 7 secret1"),
        r#"<login aid="alice" name="alice" />"#
    );
    assert_eq!(alice.answer(), r#"<identify aid="alice" name="alice" />"#);
    for wrong in [
        "IDENTIFY 9 secret3",
        "IDENTIFY 10 ",
        "IDENTIFY bob secret3",
        "IDENTIFY Bob secret2",
    ] {
        let said = server.connect().ask(wrong);
        let usage = r#"<error value="Usage: IDENTIFY id password"/>"#;
        let expected = if wrong.ends_with(' ') {
            usage
        } else {
            r#"<error value="Identification failed."/>"#
        };
        assert_eq!(said, expected, "{wrong}");
    }
    bob.send("IDENTIFY bob secret2");
    assert_eq!(bob.answer(), r#"<login aid="bob" name="bob" />"#);
    assert_eq!(bob.answer(), r#"<identify aid="bob" name="bob" />"#);
    assert_eq!(alice.answer(), r#"<login aid="bob" name="bob" />"#);

    // The site bans bob: he is out within a second, and does not come back in.
    site.sql("UPDATE forum_users SET user_type = 1 WHERE user_id = 8");
    let start = Instant::now();
    assert_eq!(alice.answer(), r#"<quit aid="bob" />"#);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(bob.rest(), "");
    let failed = r#"<error value="Identification failed."/>"#;
    assert_eq!(server.connect().ask("IDENTIFY bob secret2"), failed);
    assert_eq!(alice.ask("PING x"), r#"<pong value="x"/>"#);
    // What alice has in the table is what she had.
    let stored = site.rows::<String>("SELECT user_password FROM forum_users WHERE user_id = 7");
    assert!(stored[0].starts_with("$2y$04$"), "{stored:?}");
    let (log, said) = server.stop();
    assert!(log.contains("CLOSED disabled"), "{log}");
    for secret in ["secret", PASSWORD] {
        assert!(!log.contains(secret) && !said.contains(secret), "{secret}");
    }
    assert!(
        fs::read_dir(folder.path()).unwrap().next().is_none(),
        "no store is made"
    );
}

/// While the database is dead, members online chat on, and logins get "try later". They work as soon as it is back.
/// The founder of a phpBB is of another type than the other active members.
fn a_value_that_no_row_has(runtime: &str) {
    let site = Site::new();
    forum(&site);
    site.sql("INSERT INTO forum_users VALUES (2, 'founder', MD5('secret4'), 3)");
    let folder = tempdir().unwrap();
    let reader = site.user(&[&format!("SELECT ON {}.forum_users", site.database)]);
    let address = site.address_of(&reader);
    let server = start(folder.path(), runtime, &address, &[], PASSWORD);
    let said = server.connect().ask("IDENTIFY 2 secret4");
    assert_eq!(said, r#"<login aid="founder" name="founder" />"#);
    let (_, diagnostics) = server.stop();
    assert!(!diagnostics.contains("--active-if"), "{diagnostics}");

    let none = [
        runtime,
        "--members",
        &address,
        "--table",
        "forum_users",
        "--active-if=user_type=7,8",
    ];
    let server = Server::start_with(folder.path(), &none, &[(VARIABLE, PASSWORD)]);
    let (_, diagnostics) = server.stop();
    assert!(
        diagnostics.contains("no row has user_type=7,8, so no member can log in"),
        "{diagnostics}"
    );
}

fn a_database_that_goes_away(runtime: &str) {
    let site = Site::alone();
    forum(&site);
    let folder = tempdir().unwrap();
    let (_, password) = Site::environment();
    let server = start(folder.path(), runtime, &site.port_address(), &[], &password);
    let mut alice = server.connect();
    assert!(alice.ask("IDENTIFY alice secret1").starts_with("<login "));
    assert!(alice.answer().starts_with("<identify "));
    for (nth, end) in (1..).zip(["stop", "kill"]) {
        site.server(end);
        for _ in 0..3 {
            let mut bob = server.connect();
            let later = r#"<error value="Please try again later."/>"#;
            assert_eq!(bob.ask("IDENTIFY bob secret2"), later, "{end}");
            assert_eq!(alice.ask("PING still"), r#"<pong value="still"/>"#);
        }
        // It has checked the members online.
        let told = "stay online: the database";
        server.running.stderr.wait_for_times(told, nth);
        assert_eq!(alice.ask("PING here"), r#"<pong value="here"/>"#);
        site.server("start");
        let mut bob = server.connect();
        assert_eq!(
            bob.ask("IDENTIFY bob secret2"),
            r#"<login aid="bob" name="bob" />"#,
            "{end}"
        );
        assert!(bob.answer().starts_with("<identify "));
        assert_eq!(alice.answer(), r#"<login aid="bob" name="bob" />"#);
        bob.send("QUIT");
        assert_eq!(alice.answer(), r#"<quit aid="bob" />"#);
        let told = "are noticed again";
        server.running.stderr.wait_for_times(told, nth);
    }
    let (log, said) = server.stop();
    assert_eq!(
        log.matches("LOGIN UNAVAILABLE \"bob\" store failed")
            .count(),
        6,
        "{log}"
    );
    assert!(
        said.contains("nobody can log in: the database mysql://"),
        "{said}"
    );
    assert!(said.contains("cannot be reached"), "{said}");
    assert_eq!(
        said.matches("the member store answers again").count(),
        2,
        "{said}"
    );
    for told in ["stay online: the database", "are noticed again"] {
        assert_eq!(said.matches(told).count(), 2, "{told}: {said}");
    }
    assert!(!said.contains(&password) && !log.contains(&password));
}

fn where_the_password_comes_from(runtime: &str) {
    let site = Site::new();
    forum(&site);
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let user = site.user(&[&format!("SELECT ON {}.*", site.database)]);
    let address = site.address_of(&user);
    let file = folder.join("password");
    let write = |text: &str, mode: u32| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    };
    write(&format!("{PASSWORD}\n"), 0o600);
    let mut options = vec![
        runtime,
        "--members",
        &address,
        "--mysql-password",
        "password",
    ];
    options.extend(FORUM);
    let server = Server::start(folder, &options);
    assert!(
        server
            .connect()
            .ask("IDENTIFY 7 secret1")
            .starts_with("<login ")
    );
    // It is not in the machine's list of processes.
    let line = fs::read(format!("/proc/{}/cmdline", server.running.child.id())).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains(PASSWORD));
    server.stop();

    let refused = |options: &[&str], code: i32, tells: &[&str]| {
        let mut all = vec!["serve", "--listen=127.0.0.1:0", runtime];
        all.extend(options);
        let done = run_in(folder, &all, "");
        assert_eq!(done.code, code, "{}", done.stderr);
        for text in tells {
            assert!(done.stderr.contains(text), "no {text} in {}", done.stderr);
        }
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
        assert!(!folder.join("flashgate.db").exists());
    };
    let from = |options: &[&str], code, tells: &[&str]| {
        let mut all = vec!["--members", &address];
        all.extend(options);
        refused(&all, code, tells);
    };
    from(&[], 78, &["refuses the login", "FLASHGATE_MYSQL_PASSWORD"]);
    from(
        &["--mysql-password=none"],
        78,
        &["--mysql-password none", "cannot be read"],
    );
    write("wrong", 0o600);
    from(&["--mysql-password=password"], 78, &["Access denied"]);
    write("two\nlines\n", 0o600);
    from(&["--mysql-password=password"], 78, &["more than one line"]);
    write(PASSWORD, 0o644);
    from(&["--mysql-password=password"], 78, &["chmod o="]);
    write(PASSWORD, 0o600);
    let good = "--mysql-password=password";
    from(&[good], 78, &["several tables", "forum_posts", "--table"]);
    from(
        &[good, "--table=forum_posts"],
        78,
        &["no column is called id", "--map"],
    );
    from(&[good, "--table=mysql.user"], 78, &["there is no table"]);
    from(
        &[good, "--query=SELECT 1", "--table=x"],
        64,
        &["leave out --table or --query"],
    );
    from(
        &[good, "--charset=latin1"],
        64,
        &["leave out --charset latin1"],
    );
    from(&[good, "--demo"], 64, &["--demo"]);
    let typed = address.replace('@', ":hunter2@");
    refused(
        &["--members", &typed],
        64,
        &["everybody on this machine can see"],
    );
    for other in ["mariadb", "mysqli", " mysql"] {
        let typed = typed.replace("mysql", other);
        refused(
            &["--members", &typed],
            64,
            &["does not begin with mysql://"],
        );
    }
    refused(
        &["--members", "mysql://u@127.0.0.1:1/d"],
        69,
        &["cannot be reached", "refused"],
    );
    refused(&["--table=x"], 64, &["add --members mysql://"]);
}
