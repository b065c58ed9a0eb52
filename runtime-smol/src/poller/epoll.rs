//! Linux: one system call finds out what is ready, and no other is made for it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use flashgate_host::Bell;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use super::{BELL, Event, Interest};

#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    bell: OwnedFd,
}

/// The events of one wait.
#[derive(Debug)]
pub(crate) struct Events(Vec<Event>);

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered: each ring is reported once, and nothing has to be read.
        let ring = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL as u64), ring)?;
        Ok(Self { epoll, bell })
    }

    /// Finds out what is ready, without waiting.
    pub(crate) fn wait(&self, events: &mut Events) -> io::Result<()> {
        events.0.clear();
        let mut buffer = [MaybeUninit::uninit(); MAX_EVENTS];
        let ready = match epoll::wait(&self.epoll, &mut buffer[..], Some(&Timespec::default())) {
            Ok((ready, _)) => ready,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let of_sockets = ready.iter().map(event).filter(|event| event.key != BELL);
        events.0.extend(of_sockets);
        Ok(())
    }

    pub(crate) fn add(&self, source: impl AsFd, key: usize, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(key as u64);
        Ok(epoll::add(&self.epoll, source, data, flags(interest))?)
    }

    pub(crate) fn modify(
        &self,
        source: impl AsFd,
        key: usize,
        interest: Interest,
    ) -> io::Result<()> {
        let data = EventData::new_u64(key as u64);
        Ok(epoll::modify(&self.epoll, source, data, flags(interest))?)
    }

    /// Nothing to do: a socket leaves with its descriptor, of which there is no copy.
    pub(crate) fn forget(&self, _source: impl AsFd) {}
}

impl Bell for Poller {
    /// Makes the next wait, or one that sleeps on the poller, see something.
    fn ring(&self) {
        // It fails only after 2^64 rings.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

/// Readable when something is ready.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(MAX_EVENTS))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        self.0.iter().copied()
    }
}

fn event(event: &epoll::Event) -> Event {
    // Copied out: the struct is packed.
    let (flags, data) = (event.flags, event.data);
    let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
    Event {
        key: data.u64() as usize,
        readable: broken || flags.intersects(EventFlags::IN | EventFlags::RDHUP),
        writable: broken || flags.contains(EventFlags::OUT),
        broken,
    }
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN | EventFlags::RDHUP, interest.read);
    flags.set(EventFlags::OUT, interest.write);
    flags.set(EventFlags::ONESHOT, interest == Interest::NONE);
    flags
}

/// On the stack. What else is ready is reported by the next wait, which follows without a sleep.
const MAX_EVENTS: usize = 256;
