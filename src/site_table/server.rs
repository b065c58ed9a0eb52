//! Queries to the database of a site: connections that are kept for the next query, time-outs, and the reason
//! when there is no answer.
//!
//! The driver's own pool connects under its lock, so that one address that drops packets would stop all
//! threads, and it pings each connection before handing it out. Here the query itself finds a dead
//! connection, and is repeated on another. There are never more connections than threads that ask.

use std::error::Error as _;
use std::io;
use std::panic;
use std::time::{Duration, Instant};

use flashgate_core::Secret;
use mysql::prelude::Queryable;
use mysql::{Conn, DriverError, Error, Opts};
use parking_lot::{Condvar, Mutex};

use super::address::Address;
use crate::store::Fault;

/// A database, and the connections to it that are idle.
pub(crate) struct Server {
    opts: Opts,
    database: String,
    patience: Patience,
    idle: Mutex<Vec<Conn>>,
    /// One more is idle.
    back: Condvar,
    /// When a thread last waited for the server in vain, and why.
    failed: Mutex<Option<(Instant, Fault)>>,
}

impl Server {
    /// Connects to nothing yet.
    pub(super) fn new(address: &Address, password: Option<&Secret>, patience: Patience) -> Self {
        let answer = patience.answer();
        let opts = address
            .opts()
            .pass(password.map(Secret::expose))
            // The operator has said where.
            .prefer_socket(false)
            .tcp_connect_timeout(Some(CONNECT))
            .read_timeout(Some(answer))
            .write_timeout(Some(answer));
        Self {
            opts: opts.into(),
            database: address.database().to_owned(),
            patience,
            idle: Mutex::default(),
            back: Condvar::new(),
            failed: Mutex::default(),
        }
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Sends a query on a connection, and again on another one if the first has died.
    ///
    /// A caller that has waited since before the server was found out of reach fails at once. Otherwise
    /// callers in a queue would fail long after the core has given them up.
    pub(crate) fn ask<T>(
        &self,
        since: Instant,
        mut question: impl FnMut(&mut Conn) -> mysql::Result<T>,
    ) -> Result<T, Fault> {
        if let Some((failed, fault)) = &*self.failed.lock()
            && since <= *failed
        {
            return Err(fault.clone());
        }
        loop {
            let taken = self.take().map_err(|error| self.failed(&error))?;
            let (mut connection, used) = taken;
            match question(&mut connection) {
                Ok(answer) => {
                    self.put_back(connection);
                    return Ok(answer);
                }
                Err(error) if used == Used::Before && has_died(&error) => {}
                Err(error) => {
                    if !error.is_connectivity_error() && !has_died(&error) {
                        self.put_back(connection);
                    }
                    return Err(self.failed(&error));
                }
            }
        }
    }

    /// Asks a question that must not be asked twice, since what it answers is taken as it comes. The
    /// connection ends with it.
    pub(crate) fn ask_once<T>(
        &self,
        question: impl FnOnce(&mut Conn) -> mysql::Result<T>,
    ) -> Result<T, Fault> {
        let taken = self.take();
        let answer = taken.and_then(|(mut connection, _)| question(&mut connection));
        answer.map_err(|error| self.failed(&error))
    }

    /// A connection that is idle, or else a new one. Where the server allows too few for all of us, one
    /// of ours is soon free.
    fn take(&self) -> mysql::Result<(Conn, Used)> {
        // A statement of its own, so that the lock is not held while connecting.
        let idle = self.idle.lock().pop();
        if let Some(connection) = idle {
            return Ok((connection, Used::Before));
        }
        match self.connect() {
            Err(Error::MySqlError(error)) if TOO_MANY.contains(&error.code) => {
                let mut idle = self.idle.lock();
                let is_empty = |idle: &mut Vec<Conn>| idle.is_empty();
                self.back.wait_while_for(&mut idle, is_empty, CONNECT);
                let back = idle.pop();
                drop(idle);
                match back {
                    Some(connection) => Ok((connection, Used::Before)),
                    None => self.connect().map(|connection| (connection, Used::Never)),
                }
            }
            connected => connected.map(|connection| (connection, Used::Never)),
        }
    }

    fn put_back(&self, connection: Conn) {
        self.idle.lock().push(connection);
        self.back.notify_one();
    }

    fn connect(&self) -> mysql::Result<Conn> {
        let opts = self.opts.clone();
        // The driver panics at a way to log in that it was built without, MariaDB's ed25519: which
        // ends a thread, or a command without a word of what to do.
        let connection = panic::catch_unwind(|| Conn::new(opts));
        let unknown = || DriverError::UnknownAuthPlugin("ed25519".to_owned()).into();
        let mut connection = connection.unwrap_or_else(|_| Err(unknown()))?;
        for setting in self.patience.settings() {
            match connection.query_drop(setting) {
                Err(error) if error.is_connectivity_error() => return Err(error),
                // No server knows all of them.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(connection)
    }

    /// What is wrong, remembered if others need not try.
    fn failed(&self, error: &Error) -> Fault {
        let fault = fault(error, self.patience);
        if matches!(fault, Fault::Unreachable(_) | Fault::Slow(_)) {
            *self.failed.lock() = Some((Instant::now(), fault.clone()));
        }
        if matches!(fault, Fault::Unreachable(_)) {
            // The others have been to the same server.
            self.idle.lock().clear();
        }
        fault
    }
}

/// Whether a connection may have died since.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Used {
    Never,
    Before,
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as a login can wait.
    Lookup,
    /// As long as a query of all rows may take.
    Import,
}

impl Patience {
    fn answer(self) -> Duration {
        match self {
            Self::Lookup => LOOKUP,
            Self::Import => IMPORT,
        }
    }

    /// What is said on each connection before anything is asked there.
    fn settings(self) -> impl Iterator<Item = &'static str> {
        let limits: &[_] = match self {
            Self::Lookup => &LIMITS,
            Self::Import => &[],
        };
        SESSION.iter().chain(limits).copied()
    }
}

/// Whether a connection is closed by now; one that takes too long is not.
fn has_died(error: &Error) -> bool {
    if let Some(error) = io_error(error) {
        return !is_timeout(error);
    }
    match error {
        Error::MySqlError(error) => CLOSED.contains(&error.code),
        Error::IoError(_) | Error::CodecError(_) | Error::DriverError(_) => true,
        Error::UrlError(_) | Error::FromValueError(_) | Error::FromRowError(_) => false,
    }
}

/// What has happened to the connection itself. Whatever the driver meets while it reads is wrapped.
fn io_error(error: &Error) -> Option<&io::Error> {
    if let Error::IoError(error) = error {
        return Some(error);
    }
    let Error::CodecError(error) = error else {
        return None;
    };
    error.source()?.downcast_ref()
}

fn is_timeout(error: &io::Error) -> bool {
    [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind())
}

fn fault(error: &Error, patience: Patience) -> Fault {
    if io_error(error).is_some_and(is_timeout) {
        let seconds = patience.answer().as_secs();
        return Fault::Unreachable(format!("it has not answered within {seconds} seconds"));
    }
    // The driver may learn others, and says of each in its own words what it is.
    #[allow(clippy::wildcard_enum_match_arm)]
    match error {
        Error::DriverError(DriverError::ConnectTimeout) => {
            let seconds = CONNECT.as_secs();
            Fault::Unreachable(format!("nobody answers there within {seconds} seconds"))
        }
        Error::DriverError(DriverError::CouldNotConnect(Some((at, why, _)))) => {
            Fault::Unreachable(format!("{at}: {why}"))
        }
        Error::IoError(error) => Fault::Unreachable(error.to_string()),
        Error::CodecError(error) => Fault::Unreachable(format!("its answer was cut off: {error}")),
        Error::DriverError(
            DriverError::UnknownAuthPlugin(_) | DriverError::OldMysqlPasswordDisabled,
        ) => Fault::NotAllowed(format!(
            "{error}: let its user log in by mysql_native_password, or caching_sha2_password"
        )),
        Error::DriverError(_) => Fault::Unreachable(error.to_string()),
        Error::MySqlError(said) if NOT_ALLOWED.contains(&said.code) => {
            Fault::NotAllowed(said.message.clone())
        }
        Error::MySqlError(said) if BUSY.contains(&said.code) || CLOSED.contains(&said.code) => {
            Fault::Unreachable(said.message.clone())
        }
        Error::MySqlError(said) if SLOW.contains(&said.code) => Fault::Slow(said.message.clone()),
        Error::MySqlError(said) if NO_TABLE.contains(&said.code) => {
            Fault::NoTable(said.message.clone())
        }
        Error::MySqlError(said) => Fault::Other(said.message.clone()),
        error => Fault::Other(error.to_string()),
    }
}

/// With an answer in [`LOOKUP`] well below the 10 s after which the core gives a lookup up; a server that is
/// slow with each packet of a handshake, too, is given up by the core.
const CONNECT: Duration = Duration::from_secs(2);

/// For each packet of an answer.
const LOOKUP: Duration = Duration::from_secs(3);

/// The first packet comes when all that is asked for is found, and perhaps sorted.
const IMPORT: Duration = Duration::from_secs(60);

/// Settings for each connection. The server's defaults may be meant for old pages: texts in latin1, and
/// transactions that stay open. In an open transaction the table would look as at the first query, and a
/// change of its schema would wait for us.
///
/// Nothing is written, whatever the user is allowed to do. MySQL enforces that since 5.6.
const SESSION: [&str; 3] = [
    "SET NAMES utf8mb4",
    "SET autocommit = 1",
    "SET SESSION TRANSACTION READ ONLY",
];

/// The server gives up before we do. It would not see that we have gone while it waits for a lock or reads
/// a table, and each login would leave it another connection, until the site had none left. MariaDB
/// counts in seconds, and MySQL in milliseconds.
const LIMITS: [&str; 3] = [
    "SET SESSION lock_wait_timeout = 2",
    "SET SESSION max_statement_time = 2.5",
    "SET SESSION max_execution_time = 2500",
];

/// Too long waited for a lock; too long at it, as MariaDB and MySQL say it.
const SLOW: [u16; 3] = [1205, 1969, 3024];

/// Access denied: by user and password (also for a socket), to the database, the table, a column. Or the
/// user is locked, has to choose another password, may not come from here or not without encryption.
const NOT_ALLOWED: [u16; 12] = [
    1044, 1045, 1698, 1142, 1143, 1227, 3118, 4151, 1820, 1862, 1130, 3159,
];

/// Too many connections: at all, or of this user.
const TOO_MANY: [u16; 3] = [1040, 1203, 1226];

/// The same, or this host has failed too often.
const BUSY: [u16; 4] = [1040, 1203, 1226, 1129];

/// The server shuts down, has ended the connection, or did so because it was idle.
const CLOSED: [u16; 4] = [1053, 1927, 4031, 3169];

/// No such database, table or column; a wrong query; or a view of a table that is gone.
const NO_TABLE: [u16; 6] = [1049, 1146, 1054, 1064, 1060, 1356];

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_says_nothing() {
        // The system takes connections for it.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let address = Address::parse(&format!("mysql://u@127.0.0.1:{port}/d")).unwrap();
        let server = Server::new(&address, None, Patience::Lookup);
        let began = Instant::now();
        let answer = server.ask(began, |_| Ok(()));
        let why = "it has not answered within 3 seconds".to_owned();
        assert_eq!(answer, Err(Fault::Unreachable(why)));
        assert!(began.elapsed() < 5 * LOOKUP);
        // A caller that has waited since then fails at once.
        let again = Instant::now();
        assert_eq!(server.ask(began, |_| Ok(())), answer);
        assert!(again.elapsed() < LOOKUP);
    }
}
