//! The database of a site, in the MariaDB that `tests/members/mariadb` has started; gone with its value.

use std::env;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use mysql::prelude::{FromRow, Queryable};
use mysql::{Conn, OptsBuilder};

/// A database that nobody else uses.
pub(crate) struct Database {
    name: String,
    connection: Mutex<Option<Conn>>,
}

impl Database {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "site_{}_{}",
            process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        let database = Self {
            name,
            connection: Mutex::new(None),
        };
        database.sql(&format!("CREATE DATABASE {0}; USE {0}", database.name));
        database
    }

    /// One statement or several, in this database.
    pub(crate) fn sql(&self, sql: &str) {
        self.with(|connection| {
            let mut results = connection.query_iter(sql)?;
            while let Some(rows) = results.iter() {
                rows.map(|row| row.map(drop))
                    .collect::<mysql::Result<()>>()?;
            }
            Ok(())
        });
    }

    pub(crate) fn rows<T: FromRow>(&self, sql: &str) -> Vec<T> {
        self.with(|connection| connection.query(sql))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// By TCP.
    pub(crate) fn address(&self) -> String {
        self.address_of(&said("USER"))
    }

    pub(crate) fn address_of(&self, user: &str) -> String {
        format!("mysql://{user}@127.0.0.1:{}/{}", said("PORT"), self.name)
    }

    /// By the server's socket.
    pub(crate) fn socket_address(&self) -> String {
        let (user, socket) = (said("USER"), said("SOCKET"));
        format!("mysql://{user}@localhost/{}?socket={socket}", self.name)
    }

    /// Asks on a connection that is kept; on another one if the server was another meanwhile.
    fn with<T>(&self, mut ask: impl FnMut(&mut Conn) -> mysql::Result<T>) -> T {
        let mut kept = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let answer = kept.as_mut().and_then(|connection| ask(connection).ok());
        answer.unwrap_or_else(|| {
            let opts = OptsBuilder::new()
                .ip_or_hostname(Some("127.0.0.1"))
                .tcp_port(said("PORT").parse().unwrap())
                .prefer_socket(false)
                .user(Some(said("USER")))
                .pass(Some(password()));
            let mut connection = Conn::new(opts).unwrap();
            // The first time there is none yet.
            let _ = connection.query_drop(format!("USE {}", self.name));
            let answer = ask(&mut connection);
            *kept = Some(connection);
            answer.unwrap()
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql(&format!("DROP DATABASE {}", self.name));
        }
    }
}

/// The password of the user in the addresses.
pub(crate) fn password() -> String {
    said("PASSWORD")
}

/// What can be done to the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Do {
    Stop,
    Kill,
    Start,
}

/// Does it to the server of all databases: tests that do run alone.
pub(crate) fn server(what: Do) {
    let word = match what {
        Do::Stop => "stop",
        Do::Kill => "kill",
        Do::Start => "start",
    };
    let done = Command::new(said("RESTART")).arg(word).status().unwrap();
    assert!(done.success(), "{what:?}");
}

fn said(what: &str) -> String {
    let name = format!("FLASHGATE_TEST_MYSQL_{what}");
    env::var(&name).unwrap_or_else(|_| {
        panic!("{name} is not set: run this test by tests/members/mariadb cargo test --features mysql -- --ignored")
    })
}
