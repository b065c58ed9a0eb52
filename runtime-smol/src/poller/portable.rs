//! Other systems, by the `polling` crate; with the only unsafe code of this crate.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use flashgate_host::Bell;
use polling::PollMode;

use super::{Event, Interest};

#[derive(Debug)]
pub(crate) struct Poller(polling::Poller);

/// The events of one wait.
#[derive(Debug)]
pub(crate) struct Events(polling::Events);

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        polling::Poller::new().map(Self)
    }

    /// Finds out what is ready, without waiting.
    pub(crate) fn wait(&self, events: &mut Events) -> io::Result<()> {
        events.0.clear();
        self.0.wait(&mut events.0, Some(Duration::ZERO)).map(|_| ())
    }

    /// For [`Registered`](super::Registered) alone, which forgets a source before it closes it.
    pub(crate) fn add(
        &self,
        source: &(impl AsFd + AsRawFd),
        key: usize,
        interest: Interest,
    ) -> io::Result<()> {
        // SAFETY: a source must be deleted from the poller before it is closed. The caller owns `source`, lends
        // it by shared reference only, and closes it only by a drop that calls `forget` first. A value that is
        // leaked is never closed.
        #[allow(unsafe_code)]
        unsafe {
            self.0
                .add_with_mode(source.as_raw_fd(), event(key, interest), mode(interest))
        }
    }

    pub(crate) fn modify(
        &self,
        source: impl AsFd,
        key: usize,
        interest: Interest,
    ) -> io::Result<()> {
        self.0
            .modify_with_mode(source, event(key, interest), mode(interest))
    }

    pub(crate) fn forget(&self, source: impl AsFd) {
        // It fails only for a source that is not in the poller; then there is nothing to undo.
        let _ = self.0.delete(source);
    }
}

impl Bell for Poller {
    /// Makes the next wait, or one that sleeps on the poller, see something.
    fn ring(&self) {
        // A write to a pipe or similar, which fails only if it is full: then it has rung already.
        let _ = self.0.notify();
    }
}

/// Readable when something is ready.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Self(polling::Events::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        self.0.iter().map(|event| Event {
            key: event.key,
            readable: event.readable,
            writable: event.writable,
            broken: event.is_err() == Some(true) || event.is_interrupt(),
        })
    }
}

fn event(key: usize, interest: Interest) -> polling::Event {
    polling::Event::new(key, interest.read, interest.write)
}

fn mode(interest: Interest) -> PollMode {
    if interest == Interest::NONE {
        PollMode::Oneshot
    } else {
        PollMode::Level
    }
}
