//! The table of a site on a server with settings of its own for new connections, or on a slow server.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use flashgate::import::Options;
use flashgate::login::{Pool, PoolOptions};
use flashgate::site_table::{Address, SiteTable};
use flashgate::store::{Active, Fault};
use flashgate_core::MemberEvent::Disabled;
use flashgate_core::{Answer, MemberId, MemberStore, Reply, Secret};
use mysql::Conn;
use mysql::prelude::Queryable;

use crate::database::{PASSWORD, Site};
use crate::fixture::{
    FAILED, INACTIVE, PATIENCE, Place, identify, is_alice, login, member, ticket, wait_for,
};
use crate::table::Table;

/// A statement that the server runs for each new connection until this is dropped. It does not run for administrators.
struct AtConnect(Conn);

impl AtConnect {
    fn does(site: &Site, what: &str) -> Self {
        let mut client = site.client();
        client
            .query_drop(format!("SET GLOBAL init_connect = '{what}'"))
            .unwrap();
        Self(client)
    }
}

impl Drop for AtConnect {
    fn drop(&mut self) {
        self.0.query_drop("SET GLOBAL init_connect = ''").unwrap();
    }
}

fn open_as(user: &str, site: &Site, options: Options) -> Result<Pool, Fault> {
    let address = Address::parse(&site.address_of(user)).unwrap();
    let table = SiteTable::new(address, Some(Secret::new(PASSWORD)), options);
    Pool::over(&table, &PoolOptions::default()).map_err(|error| error.fault)
}

/// Old sites have set both, once, for pages that knew nothing else. A connection that never ends its
/// transaction sees the table as it was for ever, and whoever alters the table waits for it.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn settings_that_a_database_applies_to_connections() {
    let site = Site::alone();
    site.sql(
        "CREATE TABLE members (id INT, nick VARCHAR(40), password VARCHAR(64), active INT DEFAULT 1);
         INSERT INTO members (id, nick, password) VALUES (1, 'Árvíz', MD5('secret'))",
    );
    let user = site.user(&[&format!("SELECT ON {}.*", site.database)]);
    let _settings = AtConnect::does(&site, "SET autocommit = 0; SET NAMES latin1");
    let pool = open_as(&user, &site, Options::default()).unwrap();
    let (events, heard) = mpsc::channel();
    pool.watch(move |event| events.send(event).unwrap());
    for name in ["1", "Árvíz"] {
        let answer = login(&pool, name, "secret");
        assert!(matches!(answer, Answer::Member(_)), "{name}: {answer:?}");
    }
    // After the first check.
    assert_eq!(heard.recv_timeout(Duration::from_millis(1300)).ok(), None);
    site.sql("UPDATE members SET active = 0");
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Disabled(MemberId(1))));
    assert_eq!(login(&pool, "1", "secret"), INACTIVE);
    site.sql("SET lock_wait_timeout = 5; ALTER TABLE members ADD seen INT");
}

/// A lookup is a prepared statement and a check is none: numbers and times come in different forms. Both must be read as
/// in a dump, or a member would be logged out right after the login.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn a_lookup_and_a_look_read_the_same() {
    let site = Site::new();
    site.sql(
        "SET sql_mode = '';
         CREATE TABLE members (
             id INT(5) ZEROFILL, nick VARCHAR(40), password VARCHAR(64), state INT(2) ZEROFILL,
             flag TINYINT(3) ZEROFILL, gone DATETIME, gone_at DATETIME(3), day DATE, at TIME, at_ms TIME(2), year YEAR,
             stamp TIMESTAMP, share DECIMAL(5, 2), score DOUBLE, filled DOUBLE(8, 2) ZEROFILL
         );
         INSERT INTO members VALUES (7, 'alice', MD5('secret'), 1, 1, '0000-00-00 00:00:00', '2020-01-01 00:00:00.5',
             '0000-00-00', '-26:00:00', '01:02:03.4', 0, '2020-01-02 00:00:00', 1, 0.5, 2.5)",
    );
    let user = site.user(&[&format!("SELECT ON {}.*", site.database)]);
    for active_if in [
        "state=01",
        "flag=001",
        "gone=0000-00-00 00:00:00",
        "gone_at=2020-01-01 00:00:00.500",
        "day=0000-00-00",
        "at=-26:00:00",
        "at_ms=01:02:03.40",
        "year=0000",
        "stamp=2020-01-02 00:00:00",
        "share=1.00",
        "score=0.5",
        "filled=00002.50",
    ] {
        let (column, value) = active_if.split_once('=').unwrap();
        let dumped = site.rows::<String>(&format!("SELECT {column} FROM members"));
        assert_eq!(dumped, [value], "{column}");
        let options = Options {
            active_if: Some(active_if.parse().unwrap()),
            ..Options::default()
        };
        let pool = open_as(&user, &site, options).unwrap();
        let (events, heard) = mpsc::channel();
        pool.watch(move |event| events.send(event).unwrap());
        let answer = login(&pool, "7", "secret");
        assert!(
            matches!(answer, Answer::Member(_)),
            "{active_if}: {answer:?}"
        );
        assert_eq!(
            heard.recv_timeout(Duration::from_millis(900)).ok(),
            None,
            "{active_if}"
        );
    }
}

/// A limit on connections, as hosters set it. A login that finds none free waits for one, and does not fail.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn fewer_connections_than_threads() {
    let place = Table::with(&[member(1, "alice", Active::Yes)]);
    let may = format!("SELECT ON {}.*", place.site.database);
    let user = place.site.user(&[&may]);
    place.sql(&format!(
        "GRANT USAGE ON *.* TO '{user}'@'localhost' WITH MAX_USER_CONNECTIONS 1"
    ));
    let pool = open_as(&user, &place.site, Options::default()).unwrap();
    let (answers, answered) = mpsc::channel();
    let ticket = ticket();
    for _ in 0..200 {
        let answers = answers.clone();
        let reply = move |_, answer| answers.send(answer).unwrap();
        pool.submit(identify("1", "alice's"), Reply::new(ticket, reply));
    }
    for _ in 0..200 {
        is_alice(&answered.recv_timeout(PATIENCE).unwrap());
    }
}

/// The site changes how the database user logs in, while the chat runs.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn a_way_to_log_in_that_is_not_known_here() {
    let site = Site::alone();
    site.sql(
        "CREATE TABLE members (id INT, nick VARCHAR(40), password VARCHAR(64));
         INSERT INTO members VALUES (1, 'alice', MD5('secret'));
         INSTALL SONAME 'auth_ed25519'",
    );
    let user = site.user(&[&format!("SELECT ON {}.*", site.database)]);
    let pool = open_as(&user, &site, Options::default()).unwrap();
    pool.watch(|_| ());
    assert!(matches!(login(&pool, "1", "secret"), Answer::Member(_)));
    let way = |way: &str| {
        site.sql(&format!(
            "ALTER USER '{user}'@'localhost' IDENTIFIED VIA {way}"
        ))
    };
    way("ed25519 USING PASSWORD('x')");
    for id in site.rows::<u64>(&format!(
        "SELECT id FROM information_schema.processlist WHERE user = '{user}'"
    )) {
        site.sql(&format!("KILL {id}"));
    }
    // All threads have tried to check the members online.
    thread::sleep(Duration::from_secs(4));
    for _ in 0..8 {
        assert_eq!(login(&pool, "1", "secret"), FAILED);
    }
    let fault = open_as(&user, &site, Options::default()).unwrap_err();
    let Fault::NotAllowed(why) = &fault else {
        panic!("{fault:?}");
    };
    assert!(why.contains("mysql_native_password"), "{why}");
    let password = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    way(&format!(
        "mysql_native_password USING PASSWORD('{password}')"
    ));
    wait_for(|| matches!(login(&pool, "1", "secret"), Answer::Member(_)));
    site.sql("UNINSTALL SONAME 'auth_ed25519'");
}

/// A question that was given up does not stay on the server: many of them would take all of its connections, and leave
/// none for the site.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn a_table_that_is_locked() {
    let place = Table::with(&[member(1, "alice", Active::Yes)]);
    let pool = place.pool();
    is_alice(&login(&pool, "1", "alice's"));
    let mut owner = place.site.client();
    owner.query_drop("LOCK TABLES members WRITE").unwrap();
    let (answers, answered) = mpsc::channel();
    let (began, ticket) = (Instant::now(), ticket());
    let mut asked = 0;
    while began.elapsed() < Duration::from_secs(7) {
        let answers = answers.clone();
        let reply = move |_, answer| answers.send(answer).unwrap();
        pool.submit(identify("1", "alice's"), Reply::new(ticket, reply));
        asked += 1;
        thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..asked {
        assert_eq!(answered.recv_timeout(PATIENCE), Ok(FAILED));
    }
    let count = format!(
        "SELECT count(*) FROM information_schema.processlist
         WHERE db = '{}' AND id <> CONNECTION_ID()",
        place.site.database
    );
    let left: Option<usize> = owner.query_first(count).unwrap();
    let threads = PoolOptions::default().threads.max(4);
    assert!(left.unwrap() <= threads, "{left:?} of {threads}");
    owner.query_drop("UNLOCK TABLES").unwrap();
    wait_for(|| matches!(login(&pool, "1", "alice's"), Answer::Member(_)));
}

/// The same for what takes long by itself; and it is said what is wrong.
#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
fn a_query_that_takes_too_long() {
    let place = Table::with(&[member(1, "alice", Active::Yes)]);
    place.sql("CREATE TABLE slow (id INT); INSERT INTO slow VALUES (0)");
    let options = Options {
        query: Some(
            "SELECT id, nick, password, (SELECT max(sleep(id)) = 0 FROM slow) AS active FROM members"
                .to_owned(),
        ),
        ..Options::default()
    };
    let table = place.read_as(options);
    let pool = Pool::over(&table, &PoolOptions::default()).unwrap();
    is_alice(&login(&pool, "1", "alice's"));
    place.sql("UPDATE slow SET id = 30");
    let began = Instant::now();
    assert_eq!(login(&pool, "1", "alice's"), FAILED);
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    let asks = format!(
        "SELECT count(*) FROM information_schema.processlist
         WHERE db = '{}' AND id <> CONNECTION_ID() AND info LIKE '%sleep%'",
        place.site.database
    );
    wait_for(|| place.site.rows::<u64>(&asks) == [0]);
    place.sql("UPDATE slow SET id = 0");
    wait_for(|| matches!(login(&pool, "1", "alice's"), Answer::Member(_)));
}
