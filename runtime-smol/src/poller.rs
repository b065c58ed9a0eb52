//! The one place that hands a descriptor to the poller, and the only unsafe code there is.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use polling::{Event, PollMode, Poller};

/// A socket and its registration, level-triggered, which end together.
#[derive(Debug)]
pub(crate) struct Registered<S: AsFd + AsRawFd> {
    source: S,
    poller: Arc<Poller>,
    key: usize,
    interest: Interest,
}

/// What a socket is watched for, beside errors and hang-ups, which epoll always reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl<S: AsFd + AsRawFd> Registered<S> {
    /// Takes a socket in, watched for reading; its events will carry `key`.
    pub(crate) fn new(source: S, poller: &Arc<Poller>, key: usize) -> io::Result<Self> {
        let interest = Interest::READ;
        // SAFETY: a source must be deleted from the poller before it is closed. `source` was moved
        // in here, is never lent but by shared reference, and is closed by nothing but the drop of
        // this value, which deletes it first. A value that is leaked is never closed at all.
        #[allow(unsafe_code)]
        unsafe {
            poller.add_with_mode(source.as_raw_fd(), interest.event(key), interest.mode())?;
        }
        Ok(Self {
            source,
            poller: Arc::clone(poller),
            key,
            interest,
        })
    }

    /// Changes what is watched for; a system call only when that is a change.
    pub(crate) fn watch(&mut self, interest: Interest) -> io::Result<()> {
        if interest == self.interest {
            return Ok(());
        }
        let event = interest.event(self.key);
        self.poller
            .modify_with_mode(&self.source, event, interest.mode())?;
        self.interest = interest;
        Ok(())
    }

    pub(crate) fn get(&self) -> &S {
        &self.source
    }
}

impl<S: AsFd + AsRawFd> Drop for Registered<S> {
    fn drop(&mut self) {
        // Fails only for a source that is not in the poller, and then there is nothing to undo.
        let _ = self.poller.delete(&self.source);
    }
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

    fn event(self, key: usize) -> Event {
        Event::new(key, self.read, self.write)
    }

    /// A hang-up cannot be masked and never ends: a socket that we neither read nor write would
    /// report it for ever, so it may say it once.
    fn mode(self) -> PollMode {
        if self == Self::NONE {
            PollMode::Oneshot
        } else {
            PollMode::Level
        }
    }
}
