//! A database of a site's, made for one test and dropped after it, on the server that
//! `tests/members/mariadb` runs.

// Included by more than one suite, none of which needs all of it.
#![allow(dead_code)]

use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use mysql::prelude::{FromRow, Queryable};
use mysql::{Conn, OptsBuilder};

/// A database, which no other test uses. One for each test: a second would wait for the first where
/// a third test waits to have the server for itself.
pub(crate) struct Site {
    pub(crate) database: String,
    server: Held,
}

/// Whose server it is for as long as a test runs.
enum Held {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Site {
    /// An empty database, beside those of other tests.
    pub(crate) fn new() -> Self {
        let shared = SERVER.read().unwrap_or_else(PoisonError::into_inner);
        Self::make(Held::Shared(shared))
    }

    /// An empty database, on a server that the test may stop: no other test runs beside it.
    pub(crate) fn alone() -> Self {
        let alone = SERVER.write().unwrap_or_else(PoisonError::into_inner);
        Self::make(Held::Alone(alone))
    }

    fn make(server: Held) -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let database = format!("site_{}_{number}", std::process::id());
        client(None)
            .query_drop(format!("CREATE DATABASE {database} CHARACTER SET utf8mb4"))
            .unwrap();
        Self { database, server }
    }

    /// Runs one or several statements as an administrator.
    pub(crate) fn sql(&self, sql: &str) {
        let mut client = self.client();
        let mut results = client
            .query_iter(sql)
            .unwrap_or_else(|e| panic!("{e}: {sql}"));
        while let Some(rows) = results.iter() {
            for row in rows {
                row.unwrap_or_else(|e| panic!("{e}: {sql}"));
            }
        }
    }

    /// The rows of a query.
    pub(crate) fn rows<T: FromRow>(&self, sql: &str) -> Vec<T> {
        self.client()
            .query(sql)
            .unwrap_or_else(|e| panic!("{e}: {sql}"))
    }

    /// A connection of its own.
    pub(crate) fn client(&self) -> Conn {
        client(Some(&self.database))
    }

    /// Its address by the socket, for an administrator.
    pub(crate) fn address(&self) -> String {
        self.address_of(&said("USER"))
    }

    /// Its address by the socket, for another user.
    pub(crate) fn address_of(&self, user: &str) -> String {
        let socket = said("SOCKET");
        format!("mysql://{user}@localhost/{}?socket={socket}", self.database)
    }

    /// Its address by a port on this machine, for an administrator.
    pub(crate) fn port_address(&self) -> String {
        let (user, port) = (said("USER"), said("PORT"));
        format!("mysql://{user}@127.0.0.1:{port}/{}", self.database)
    }

    /// Makes a user with these rights, such as `SELECT ON users`, and [`PASSWORD`]. Returns its name.
    /// Goes with the database.
    pub(crate) fn user(&self, may: &[&str]) -> String {
        let user = format!("u_{}", self.database);
        let password = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
        for host in HOSTS {
            let who = format!("'{user}'@'{host}'");
            self.sql(&format!("CREATE USER {who} IDENTIFIED BY '{password}'"));
            for may in may {
                self.sql(&format!("GRANT {may} TO {who}"));
            }
        }
        user
    }

    /// The variable with the administrator's password, for the program's environment.
    pub(crate) fn environment() -> (&'static str, String) {
        (VARIABLE, said("PASSWORD"))
    }

    /// `stop`, `kill` or `start` for the server; only where the test has it alone.
    pub(crate) fn server(&self, what: &str) {
        assert!(matches!(self.server, Held::Alone(_)), "others use it, too");
        let done = Command::new(said("RESTART")).arg(what).status().unwrap();
        assert!(done.success(), "{what}: {done}");
    }

    /// A dump, as `mariadb-dump` writes it.
    pub(crate) fn dump(&self, to: &Path, arguments: &[&str]) {
        let done = Command::new("mariadb-dump")
            .arg("--no-defaults")
            .arg(format!("--socket={}", said("SOCKET")))
            .arg(format!("--user={}", said("USER")))
            .arg(format!("--result-file={}", to.display()))
            .args(arguments)
            .arg(&self.database)
            .env("MYSQL_PWD", said("PASSWORD"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A test that has failed may have left the server stopped.
        if let Held::Alone(_) = self.server {
            let _ = Command::new(said("RESTART")).arg("start").status();
        }
        let mut client = client(None);
        let users = HOSTS.map(|host| format!("'u_{}'@'{host}'", self.database));
        let _ = client.query_drop(format!("DROP USER IF EXISTS {}", users.join(", ")));
        let _ = client.query_drop(format!("DROP DATABASE {}", self.database));
    }
}

fn client(database: Option<&str>) -> Conn {
    let opts = OptsBuilder::new()
        .socket(Some(said("SOCKET")))
        .user(Some(said("USER")))
        .pass(Some(said("PASSWORD")))
        .db_name(database);
    Conn::new(opts).unwrap()
}

/// What `tests/members/mariadb` says of its server.
fn said(what: &str) -> String {
    let name = format!("FLASHGATE_TEST_MYSQL_{what}");
    env::var(&name)
        .unwrap_or_else(|_| panic!("{name} is missing; run tests/members/mariadb COMMAND"))
}

/// The password of each user that a test makes.
pub(crate) const PASSWORD: &str = "p'a\"ss wörd\\";

/// Where the program finds a password.
pub(crate) const VARIABLE: &str = "FLASHGATE_MYSQL_PASSWORD";

/// By the socket, and by the port.
const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

static SERVER: RwLock<()> = RwLock::new(());
static MADE: AtomicU32 = AtomicU32::new(0);
