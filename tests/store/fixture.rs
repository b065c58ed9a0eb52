//! Stores for tests, and functions that ask them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use argon2::Params;
use flashgate::login::{Pool, PoolOptions};
use flashgate::password::Hash;
use flashgate::store::{Active, Members, Name, NewMember, Nick, Number};
use flashgate_core::{
    Answer, Denial, Login, MemberStore, Query, Reply, Secret, Source, Unavailable,
};
pub(crate) use flashgate_testing::ticket;
use rusqlite::Connection;
use tempfile::TempDir;

/// A place with members: our own store, or the table of a site. A pool gives the same answers over both.
pub(crate) trait Place: Sized {
    /// A place with only these members.
    fn with(members: &[NewMember]) -> Self;

    fn pool_of(&self, options: &PoolOptions) -> Pool;

    fn pool(&self) -> Pool {
        self.pool_of(&PoolOptions::default())
    }

    /// Changes the table `members` as another program would: with columns `id`, `nick`, `nick_key`, `name`,
    /// `password` and `active`.
    fn sql(&self, sql: &str);

    /// Every row.
    fn rows(&self) -> Vec<String>;

    /// How many lookups may go on at once, of a pool of one thread that hashes.
    const LOOKUPS: usize;
}

/// Makes tests of functions that work over any place.
macro_rules! over_both {
    ($($test:ident),* $(,)?) => {
        mod own_store {
            $(#[test]
            fn $test() {
                super::$test::<crate::fixture::Store>();
            })*
        }

        #[cfg(feature = "mysql")]
        mod table_of_a_site {
            $(#[test]
            #[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --include-ignored"]
            fn $test() {
                super::$test::<crate::table::Table>();
            })*
        }
    };
}
pub(crate) use over_both;

/// A store in a folder of its own.
pub(crate) struct Store {
    pub(crate) path: PathBuf,
    folder: TempDir,
}

impl Place for Store {
    fn with(members: &[NewMember]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members.db");
        let (mut store, _) = Members::open_or_create(&path).unwrap();
        for member in members {
            store.add(member).unwrap();
        }
        Self { path, folder }
    }

    fn pool_of(&self, options: &PoolOptions) -> Pool {
        Pool::open(&self.path, options).unwrap()
    }

    fn sql(&self, sql: &str) {
        let connection = Connection::open(&self.path).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn rows(&self) -> Vec<String> {
        let connection = Connection::open(&self.path).unwrap();
        let all = "SELECT id || '|' || nick || '|' || nick_key || '|' || name || '|' || password || '|' || active
             FROM members ORDER BY id";
        let mut all = connection.prepare(all).unwrap();
        let rows = all.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    const LOOKUPS: usize = 1;
}

impl Store {
    /// A copy of the file as it is now.
    pub(crate) fn backup(&self) -> PathBuf {
        let backup = self.folder.path().join("backup.db");
        let _ = fs::remove_file(&backup);
        self.sql(&format!("VACUUM INTO '{}'", backup.display()));
        backup
    }

    pub(crate) fn side_file(&self, suffix: &str) -> PathBuf {
        side_file(&self.path, suffix)
    }

    /// When each member logged in last, by number.
    pub(crate) fn last_logins(&self) -> Vec<Option<i64>> {
        let listed = Members::open(&self.path).unwrap().list().unwrap();
        listed.iter().map(|member| member.last_login_at).collect()
    }

    pub(crate) fn is_sound(&self) {
        let connection = Connection::open(&self.path).unwrap();
        let sound: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
    }
}

fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A member whose password is the nick and `'s`, at the least cost there is.
pub(crate) fn member(id: i64, nick: &str, active: Active) -> NewMember {
    NewMember {
        id: Number::new(id).unwrap(),
        nick: Nick::new(nick).unwrap(),
        name: Name::new(&format!("Name of {nick}")).unwrap(),
        password: cheap(&format!("{nick}'s")),
        active,
    }
}

pub(crate) fn cheap(password: &str) -> Hash {
    Hash::with(&Secret::new(password), Params::new(8, 1, 1, None).unwrap()).unwrap()
}

pub(crate) fn login(pool: &Pool, id: &str, password: &str) -> Answer {
    let (answer, answered) = mpsc::channel();
    let reply = move |_, said| answer.send(said).unwrap();
    pool.submit(identify(id, password), Reply::new(ticket(), reply));
    match answered.recv_timeout(PATIENCE).expect("an answer in time") {
        // Whom it was about is a matter of its own.
        Answer::Denied(why, _) => Answer::Denied(why, None),
        answer @ (Answer::Member(_)
        | Answer::Claimed
        | Answer::Renamed(_)
        | Answer::Taken
        | Answer::PasswordChanged
        | Answer::PasswordNotAllowed
        | Answer::Admin(_)
        | Answer::Unavailable(_)) => answer,
    }
}

pub(crate) fn identify(id: &str, password: &str) -> Query {
    Query::Identify {
        login: Login::parse(id),
        password: Secret::new(password),
        source: Source::Address([192, 0, 2, 1].into()),
    }
}

/// Keeps this many threads of the pool busy until the senders are used or dropped.
pub(crate) fn occupy(pool: &Pool, threads: usize) -> Vec<mpsc::Sender<()>> {
    let one = |_| {
        let (release, released) = mpsc::channel();
        let (busy, is_busy) = mpsc::channel();
        let reply = move |_, _| {
            busy.send(()).unwrap();
            let _ = released.recv_timeout(PATIENCE);
        };
        pool.submit(identify("1", "x"), Reply::new(ticket(), reply));
        is_busy.recv_timeout(PATIENCE).unwrap();
        release
    };
    (0..threads).map(one).collect()
}

pub(crate) fn is_alice(answer: &Answer) {
    match answer {
        Answer::Member(member) => assert_eq!(&*member.nick, "alice"),
        Answer::Claimed
        | Answer::Renamed(_)
        | Answer::Taken
        | Answer::PasswordChanged
        | Answer::PasswordNotAllowed
        | Answer::Admin(_)
        | Answer::Denied(..)
        | Answer::Unavailable(_) => panic!("{answer:?}"),
    }
}

pub(crate) fn wait_for(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The password is not the member's.
pub(crate) const WRONG: Answer = Answer::Denied(Denial::WrongPassword, None);

/// The member may not log in.
pub(crate) const INACTIVE: Answer = Answer::Denied(Denial::Inactive, None);

/// What the store has as the member's password is of no use.
pub(crate) const UNUSABLE: Answer = Answer::Denied(Denial::Unusable, None);

/// No member has this name.
pub(crate) const UNKNOWN: Answer = Answer::Denied(Denial::Unknown, None);

pub(crate) const FAILED: Answer = Answer::Unavailable(Unavailable::Failed);

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
