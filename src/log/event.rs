//! What a line of the log is about.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use flashgate_core::Note;

/// What one line is about.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The server has its settings, with this limit of clients.
    Created(usize),
    /// A listener is open there.
    Listening(&'a Place),
    /// The server of this version serves from now on.
    Started(&'static str),
    /// The server has stopped.
    Stopped {
        /// Its version.
        version: &'static str,
        /// Why: the name of a signal, or that it has failed.
        why: &'static str,
    },
    /// This was read again, as SIGHUP asks for.
    Reloaded(&'static str),
    /// These options have new values, which hold from now on.
    ReloadedSettings(&'a str),
    /// These options have new values, which only a restart puts into effect.
    RestartNeeded(&'a str),
    /// A drain is over, with this number of clients left.
    Drained(usize),
    /// Something could not be read again, for this reason, and the server goes on with what it had.
    ReloadFailed(&'a str),
    /// The core has something to say.
    Note(&'a Note),
    /// A message for the operator. Without a log file it goes to standard error in place of the log.
    Diagnostic(&'a str),
    /// This number of lines was lost since the last such line.
    Dropped(u64),
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As in 2007, for people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An address and a port.
    Address(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

/// As an operator writes it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
