//! The table of a site, where it is other than a store of our own: what its database takes for equal, how
//! its columns are read, what happens when it does not answer.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use flashgate::import::{Charset, Options};
use flashgate::login::{Pool, PoolOptions};
use flashgate::password::Hash;
use flashgate::site_table::{Address, SiteTable};
use flashgate::store::{Active, Fault};
use flashgate_core::MemberEvent::{Disabled, Removed, Renamed};
use flashgate_core::{Answer, Member, MemberId, MemberStore, Reply, Secret};
use flashgate_testing::Retrying;
use mysql::prelude::Queryable;

use crate::database::Site;
use crate::fixture::{
    FAILED, PATIENCE, Place, cheap, identify, is_alice, login, member, ticket, wait_for,
};
use crate::table::Table;

fn open(table: &SiteTable) -> Result<Pool, Fault> {
    Pool::over(table, &PoolOptions::default()).map_err(|error| error.fault)
}

fn of(address: &str, options: Options) -> SiteTable {
    let password = Secret::new(&Site::environment().1);
    SiteTable::new(Address::parse(address).unwrap(), Some(password), options)
}

/// Logs in by name and password. Returns the number, nick and name.
fn who(pool: &Pool, id: &str, password: &str) -> Option<(i64, String, String)> {
    match login(pool, id, password) {
        Answer::Member(member) => Some((
            member.id.0,
            member.nick.to_string(),
            member.name.to_string(),
        )),
        Answer::Denied(..) => None,
        answer @ (Answer::Claimed
        | Answer::Renamed(_)
        | Answer::Taken
        | Answer::PasswordChanged
        | Answer::PasswordNotAllowed
        | Answer::Admin(_)
        | Answer::Unavailable(_)) => {
            panic!("{id}: {answer:?}")
        }
    }
}

fn is(id: i64, nick: &str, name: &str) -> Option<(i64, String, String)> {
    Some((id, nick.to_owned(), name.to_owned()))
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn what_a_collation_takes_for_one_is_not() {
    let site = Site::new();
    // Neither column is unique, and numbers are texts.
    site.sql(&format!(
        "CREATE TABLE members (id VARCHAR(20), nick VARCHAR(40), password VARCHAR(200)) CHARACTER SET utf8mb4;
         INSERT INTO members VALUES ('1', 'alice', '{0}'), ('01', 'Alice', '{0}'), ('7x', 'Älice', '{0}'),
             ('10', 'alice\u{fe0f}', '{0}'), ('11', '\u{3164}', '{0}'),
             ('2', 'bob', '{0}'), ('3', 'bob', '{0}'), ('4', 'carol', '{0}'), ('4', 'dave', '{0}'),
             ('5 ', 'erin ', '{0}'), ('+6', 'frank', '{0}'), ('8', NULL, '{0}'), ('9', 'gina', NULL)",
        cheap("secret").as_str(),
    ));
    let pool = open(&of(&site.port_address(), Options::default())).unwrap();
    let names = [
        ("1", is(1, "alice", "alice")),
        ("alice", is(1, "alice", "alice")),
        // A row without a number of the right form is no member, by nick either.
        ("01", None),
        ("Alice", None),
        ("ALICE", None),
        ("7", None),
        ("7x", None),
        ("Älice", None),
        ("alice ", None),
        // Two of one nick, and two of one number.
        ("2", is(2, "bob", "bob")),
        ("bob", None),
        ("4", None),
        ("carol", is(4, "carol", "carol")),
        ("5", None),
        ("6", None),
        ("8", None),
        ("9", None),
        ("gina", None),
        ("🔑", None),
        // The difference cannot be seen.
        ("10", None),
        ("alice\u{fe0f}", None),
        ("11", None),
        ("\u{3164}", None),
    ];
    for (name, expected) in names {
        assert_eq!(who(&pool, name, "secret"), expected, "{name}");
    }
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn columns_as_sites_have_them() {
    let site = Site::new();
    site.sql(
        "CREATE TABLE `we``ird 'na\"me` (
             uid INT PRIMARY KEY, `login``name` VARCHAR(40) CHARACTER SET latin1, real_name VARCHAR(80) CHARACTER SET latin1,
             pass VARCHAR(64), salt VARCHAR(10), state ENUM('new', 'member', 'banned'), flag BIT(1)
         );
         INSERT INTO `we``ird 'na\"me` VALUES
             (1, 'alice', 'Alice\tB.', MD5(CONCAT('s4lt', 'secret')), 's4lt', 'member', 1),
             (2, 'Árvíz', NULL, MD5(CONCAT('x', 'secret')), 'x', 'member', 0),
             (3, 'carol', '', MD5(CONCAT('x', 'secret')), 'x', 'banned', 1);
         CREATE TABLE profiles (uid INT, shown VARCHAR(80));
         INSERT INTO profiles VALUES (1, 'Alice of the profiles'), (3, 'Carol')",
    );
    let options = |map: &str, active_if: &str| Options {
        table: Some("we`ird 'na\"me".to_owned()),
        map: map.parse().unwrap(),
        active_if: (!active_if.is_empty()).then(|| active_if.parse().unwrap()),
        ..Options::default()
    };
    let map = "nick=login`name,password=pass,md5(salt.password)=salt";
    let address = site.port_address();
    let pool = open(&of(&address, options(map, "state=member"))).unwrap();
    assert_eq!(who(&pool, "1", "secret"), is(1, "alice", "Alice B."));
    assert_eq!(who(&pool, "Árvíz", "secret"), is(2, "Árvíz", "Árvíz"));
    assert_eq!(who(&pool, "3", "secret"), None);
    assert_eq!(who(&pool, "密码🔑", "secret"), None);

    let pool = open(&of(
        &site.address(),
        options(&format!("{map},active=flag"), ""),
    ))
    .unwrap();
    let in_is = ["1", "2", "3"].map(|id| who(&pool, id, "secret").is_some());
    assert_eq!(in_is, [true, false, true]);

    let query = "SELECT m.uid AS id, m.`login``name` AS nick, p.shown AS name, m.pass AS password,
             m.salt AS 'md5(salt.password)', m.state = 'member' AS active
         FROM `we``ird 'na\"me` m JOIN profiles p ON p.uid = m.uid";
    for end in ["", ";", " -- as the site does it"] {
        let options = Options {
            query: Some(format!("{query}{end}\n")),
            ..Options::default()
        };
        let pool = open(&of(&address, options)).unwrap();
        assert_eq!(
            who(&pool, "alice", "secret"),
            is(1, "alice", "Alice of the profiles")
        );
        assert_eq!(who(&pool, "2", "secret"), None);
        assert_eq!(who(&pool, "3", "secret"), None);
    }
}

/// `John Smith` becomes John_Smith, unless another member has that nick.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn spaces_that_are_filled() {
    let site = Site::new();
    site.sql(
        "CREATE TABLE members (id INT, nick VARCHAR(40), password VARCHAR(64));
         INSERT INTO members VALUES (1, 'John Smith', MD5('secret')), (2, 'a_b', MD5('secret')),
             (3, 'Ann Lee', MD5('secret')), (4, 'Ann_Lee', MD5('secret')), (5, 'x', MD5('secret'))",
    );
    let spaces = |spaces: &str| Options {
        spaces: (!spaces.is_empty()).then(|| spaces.parse().unwrap()),
        ..Options::default()
    };
    let pool = open(&of(&site.port_address(), spaces("_"))).unwrap();
    for (name, expected) in [
        ("1", is(1, "John_Smith", "John Smith")),
        ("John_Smith", is(1, "John_Smith", "John Smith")),
        ("John Smith", None),
        ("a_b", is(2, "a_b", "a_b")),
        ("2", is(2, "a_b", "a_b")),
        ("x", is(5, "x", "x")),
        // Whose nick would it be?
        ("3", None),
        ("4", None),
        ("Ann_Lee", None),
    ] {
        assert_eq!(who(&pool, name, "secret"), expected, "{name}");
    }
    let (events, heard) = mpsc::channel();
    pool.watch(move |event| events.send(event).unwrap());
    assert!(who(&pool, "1", "secret").is_some());
    assert!(heard.recv_timeout(Duration::from_millis(1300)).is_err());

    let pool = open(&of(&site.port_address(), spaces(""))).unwrap();
    assert_eq!(who(&pool, "1", "secret"), None);
    assert_eq!(who(&pool, "4", "secret"), is(4, "Ann_Lee", "Ann_Lee"));
}

/// A page that wrote UTF-8 through a connection in latin1.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn texts_that_are_encoded_twice() {
    let site = Site::new();
    site.sql(
        "CREATE TABLE members (id INT, nick VARCHAR(80), name VARCHAR(80), password VARCHAR(64)) CHARACTER SET utf8mb4;
         SET NAMES latin1;
         INSERT INTO members VALUES (1, 'Árvíztűrő', 'Tükör – fúró', MD5('secret')), (2, 'plain', 'Plain', MD5('secret'));
         SET NAMES utf8mb4;
         INSERT INTO members VALUES (3, 'Évszám', 'Új', MD5('secret'))",
    );
    let options = Options {
        charset: Some(Charset::DoubleUtf8),
        ..Options::default()
    };
    let pool = open(&of(&site.port_address(), options)).unwrap();
    assert_eq!(
        who(&pool, "Árvíztűrő", "secret"),
        is(1, "Árvíztűrő", "Tükör – fúró")
    );
    assert_eq!(
        who(&pool, "1", "secret"),
        is(1, "Árvíztűrő", "Tükör – fúró")
    );
    assert_eq!(who(&pool, "plain", "secret"), is(2, "plain", "Plain"));
    assert_eq!(who(&pool, "Évszám", "secret"), is(3, "Évszám", "Új"));

    // A salt that would change with the texts: without it, the hash is another one.
    site.sql("ALTER TABLE members ADD salt VARCHAR(8) DEFAULT ''; UPDATE members SET salt = 'é' WHERE id = 2");
    let options = Options {
        charset: Some(Charset::DoubleUtf8),
        map: "md5(salt.password)=salt".parse().unwrap(),
        ..Options::default()
    };
    let pool = open(&of(&site.port_address(), options)).unwrap();
    assert_eq!(who(&pool, "2", "secret"), None);
    assert_eq!(
        who(&pool, "1", "secret"),
        is(1, "Árvíztűrő", "Tükör – fúró")
    );
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn nothing_is_ever_written() {
    let old = Hash::parse("5ebe2294ecd0e0f08eab7690d2a6ee69").unwrap();
    let mut alice = member(1, "alice", Active::Yes);
    alice.password = old;
    let place = Table::with(&[alice]);
    let before = place.rows();
    let pool = place.pool();
    for _ in 0..3 {
        is_alice(&login(&pool, "1", "secret"));
    }
    pool.close(PATIENCE);
    assert_eq!(place.rows(), before);
    // Not even by a query that the operator was talked into.
    let name = &place.site.database;
    place.sql(&format!(
        "CREATE TABLE taken (id INT);
         CREATE FUNCTION take() RETURNS INT NOT DETERMINISTIC MODIFIES SQL DATA
         BEGIN INSERT INTO {name}.taken VALUES (1); RETURN 1; END"
    ));
    let options = Options {
        query: Some("SELECT id, nick, name, password, take() AS active FROM members".to_owned()),
        ..Options::default()
    };
    // Some servers refuse it at once, and some when it is asked.
    if let Ok(pool) = open(&place.read_as(options)) {
        assert_eq!(login(&pool, "1", "secret"), FAILED);
    }
    assert_eq!(place.site.rows::<i64>("SELECT count(*) FROM taken"), [0]);
}

/// What is typed is looked for as phpBB has escaped it.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn the_table_of_a_phpbb() {
    let site = Site::new();
    // bcrypt of `R&amp;D`.
    site.sql(
        "CREATE TABLE users (user_id INT, username TEXT, username_clean TEXT, user_password TEXT);
         INSERT INTO users VALUES (1, 'Tom&amp;Jerry', '',
             '$2y$04$575d19e675ab88269ff76uQJ1Tfuhy6dRM8lZNKZRPSj2FI6PBq4y')",
    );
    let pool = open(&of(&site.port_address(), Options::default())).unwrap();
    let tom = || is(1, "Tom&Jerry", "Tom&Jerry");
    assert_eq!(who(&pool, "Tom&Jerry", "R&D"), tom());
    assert_eq!(who(&pool, "1", "R&D"), tom());
    assert_eq!(who(&pool, "Tom&amp;Jerry", "R&D"), None);
    assert_eq!(who(&pool, "Tom&Jerry", "R&d"), None);
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn a_table_that_cannot_be_asked() {
    let site = Site::new();
    let fault = |address: &str, options: Options| match open(&of(address, options)) {
        Ok(_) => panic!("{address} can be used"),
        Err(fault) => fault,
    };
    let says = |fault: &Fault, text: &str| {
        let (Fault::NoTable(why) | Fault::NotAllowed(why) | Fault::Unreachable(why)) = fault else {
            panic!("{fault:?}");
        };
        assert!(why.contains(text), "{fault:?}");
    };
    let address = site.port_address();
    let none = fault(&address, Options::default());
    says(&none, "has no table");
    site.sql("CREATE TABLE posts (text TEXT); CREATE TABLE users (user_id INT, username TEXT)");
    says(&fault(&address, Options::default()), "posts, users");
    let table = |table: &str| Options {
        table: Some(table.to_owned()),
        ..Options::default()
    };
    says(&fault(&address, table("users")), "called password");
    says(
        &fault(&address, table("x` WHERE 1; --")),
        "there is no table",
    );
    let query = Options {
        query: Some("SELEKT * FROM users".to_owned()),
        ..Options::default()
    };
    assert!(matches!(fault(&address, query), Fault::NoTable(_)));

    let stranger = fault(&site.address_of("stranger"), Options::default());
    assert!(matches!(stranger, Fault::NotAllowed(_)), "{stranger:?}");
    says(&stranger, "stranger");
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = fault(&format!("mysql://u@{unused}/d"), Options::default());
    says(&nobody, "refused");
}

/// A site's changes of members who have logged in are reported within a second.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn changes_are_reported() {
    let nicks = ["alice", "bob", "carol", "dave", "erin"];
    let members: Vec<_> = (1..)
        .zip(nicks)
        .map(|(id, nick)| member(id, nick, Active::Yes))
        .collect();
    let place = Table::with(&members);
    let pool = place.pool();
    let (events, heard) = mpsc::channel();
    pool.watch(move |event| events.send(event).unwrap());
    for nick in &nicks[..4] {
        assert!(who(&pool, nick, &format!("{nick}'s")).is_some());
    }
    let mut took = Vec::new();
    for (sql, expected) in [
        (
            "UPDATE members SET active = 0 WHERE id = 1",
            Some(Disabled(MemberId(1))),
        ),
        ("UPDATE members SET active = 1 WHERE id = 1", None),
        (
            "UPDATE members SET nick = 'Bob' WHERE id = 2",
            Some(Renamed(Member {
                id: MemberId(2),
                nick: "Bob".into(),
                name: "Name of bob".into(),
            })),
        ),
        (
            "UPDATE members SET name = 'C', password = 'x' WHERE id = 3",
            None,
        ),
        (
            "DELETE FROM members WHERE id = 3",
            Some(Removed(MemberId(3))),
        ),
        (
            "REPLACE INTO members (id, nick, nick_key, name, password) VALUES (4, 'dave', '', 'D', '')",
            None,
        ),
        (
            "UPDATE members SET id = 40 WHERE id = 4",
            Some(Removed(MemberId(4))),
        ),
        // Not members who have logged in.
        ("UPDATE members SET active = 0 WHERE id = 5", None),
    ] {
        place.sql(sql);
        let before = Instant::now();
        let told = match expected {
            Some(_) => heard.recv_timeout(PATIENCE).ok(),
            None => heard.recv_timeout(Duration::from_millis(1300)).ok(),
        };
        assert_eq!(told, expected, "{sql}");
        if expected.is_some() {
            took.push(before.elapsed());
        }
    }
    // Not each of them: a machine may have other things to do for a while.
    took.sort();
    assert!(took[0] < Duration::from_secs(1), "{took:?}");
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn connections_that_the_server_has_closed() {
    let place = Table::with(&[member(1, "alice", Active::Yes)]);
    let pool = place.pool();
    let mut client = place.site.client();
    for _ in 0..5 {
        is_alice(&login(&pool, "1", "alice's"));
        let name = &place.site.database;
        let others: Vec<u64> = client
            .query(format!(
                "SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> CONNECTION_ID()"
            ))
            .unwrap();
        // One that has just made the table may be about to go.
        let killed = others
            .iter()
            .map(|id| client.query_drop(format!("KILL {id}")));
        assert!(killed.filter(Result::is_ok).count() > 0, "{others:?}");
        is_alice(&login(&pool, "1", "alice's"));
    }
}

/// Between a pool and its database: passes everything on, or nothing.
struct Wire {
    port: u16,
    is_cut: Arc<AtomicBool>,
}

impl Wire {
    fn to(address: &str) -> Self {
        let (_, rest) = address.split_once('@').unwrap();
        let server = rest.split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&is_cut);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let cut = Arc::clone(&cut);
                    thread::spawn(move || pass(from, to, &cut));
                }
            }
        });
        Self { port, is_cut }
    }
}

fn pass(from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) {
    let mut bytes = [0; 4096];
    let mut one = || -> io::Result<usize> {
        let read = Retrying(&from).read(&mut bytes)?;
        if !is_cut.load(Ordering::Relaxed) {
            to.write_all(&bytes[..read])?;
        }
        Ok(read)
    };
    while one().is_ok_and(|read| read > 0) {}
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The network between server and database drops everything: all logins get "try later" in time, however many there
/// are, and logins work as soon as the network does.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn a_database_that_does_not_answer() {
    let place = Table::with(&[member(1, "alice", Active::Yes)]);
    let address = place.site.port_address();
    let wire = Wire::to(&address);
    let (user, database) = (address.split('@').next().unwrap(), &place.site.database);
    let address = format!("{user}@127.0.0.1:{}/{database}", wire.port);
    let pool = open(&of(&address, Options::default())).unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    wire.is_cut.store(true, Ordering::Relaxed);
    let start = Instant::now();
    let (answers, answered) = mpsc::channel();
    let ticket = ticket();
    for _ in 0..100 {
        let answers = answers.clone();
        let reply = move |_, answer| answers.send(answer).unwrap();
        pool.submit(identify("1", "alice's"), Reply::new(ticket, reply));
    }
    for _ in 0..100 {
        assert_eq!(answered.recv_timeout(PATIENCE), Ok(FAILED));
    }
    // Not after 100 times as long as one has to wait.
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    wire.is_cut.store(false, Ordering::Relaxed);
    wait_for(|| matches!(login(&pool, "1", "alice's"), Answer::Member(_)));
}
