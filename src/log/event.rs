//! What a line of the log is about.

use std::net::SocketAddr;

use flashgate_core::Note;

/// What one line is about.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The server has its settings.
    Created {
        /// That number.
        max: usize,
    },
    /// A listener is open.
    Listening {
        /// Its address.
        address: SocketAddr,
    },
    /// The server serves from now on.
    Started {
        /// Its version.
        version: &'static str,
    },
    /// The server has stopped.
    Stopped {
        /// Its version.
        version: &'static str,
        /// Why: the name of a signal, or that it has failed.
        why: &'static str,
    },
    /// Something was read again, as SIGHUP asks for.
    Reloaded {
        /// What.
        what: &'static str,
    },
    /// Something could not be read again, and the server goes on with what it had.
    ReloadFailed {
        /// For the operator.
        why: &'a str,
    },
    /// The core has something to say.
    Note(&'a Note),
    /// Lines were lost since the last such line.
    Dropped {
        /// How many.
        lines: u64,
    },
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As in 2007, for people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}
