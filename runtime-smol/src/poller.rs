//! Finds out which sockets are ready: by epoll itself on Linux, by the `polling` crate elsewhere.
//!
//! `polling` works on every system, but makes four more system calls for each wait (it sets a timer and arms
//! its notification again), which is a tenth of the cost of a chat message.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod portable;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use epoll::{Events, Poller};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use portable::{Events, Poller};

/// Something happened to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What the socket was registered with.
    pub(crate) key: usize,
    /// There is something to read, if only an end or an error.
    pub(crate) readable: bool,
    /// There is space to write, or an error.
    pub(crate) writable: bool,
    /// The connection is broken, or both sides are shut.
    pub(crate) broken: bool,
}

/// What a socket is watched for. epoll always reports errors and hang-ups as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Interest {
    pub(crate) const READ: Self = Self {
        read: true,
        write: false,
    };
    pub(crate) const NONE: Self = Self {
        read: false,
        write: false,
    };
}

/// A socket and its registration, which end together; level-triggered. A socket that is watched for nothing
/// reports at most once that it is broken: a hang-up cannot be masked and never ends, so it would be reported
/// for ever.
#[derive(Debug)]
pub(crate) struct Registered<S: AsFd + AsRawFd> {
    source: S,
    poller: Arc<Poller>,
    key: usize,
    interest: Interest,
}

impl<S: AsFd + AsRawFd> Registered<S> {
    /// Registers a socket, watched for reading. Its events carry `key`.
    pub(crate) fn new(source: S, poller: &Arc<Poller>, key: usize) -> io::Result<Self> {
        let interest = Interest::READ;
        poller.add(&source, key, interest)?;
        Ok(Self {
            source,
            poller: Arc::clone(poller),
            key,
            interest,
        })
    }

    /// Changes what the socket is watched for. Makes a system call only if that is a change.
    pub(crate) fn watch(&mut self, interest: Interest) -> io::Result<()> {
        if interest == self.interest {
            return Ok(());
        }
        self.poller.modify(&self.source, self.key, interest)?;
        self.interest = interest;
        Ok(())
    }

    pub(crate) fn get(&self) -> &S {
        &self.source
    }
}

impl<S: AsFd + AsRawFd> Drop for Registered<S> {
    fn drop(&mut self) {
        self.poller.forget(&self.source);
    }
}

/// The key of the poller's own events.
const BELL: usize = usize::MAX;
