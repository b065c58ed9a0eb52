//! What the core asks of its host. Traits only: a runtime drives them, a program implements them.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::config::Config;
use crate::id::Ticket;
use crate::member::{Answer, Query};
use crate::note::Note;
use crate::record::Recorder;
use crate::time::{Millis, Now};

/// Answers questions about members, off the loop.
pub trait MemberStore: Send + Sync {
    /// Takes a question and returns at once; `reply` is called later, from any thread, or right
    /// away when the answer needs no work. A store that never answers is given up after
    /// [`Limits::lookup`](crate::Limits::lookup).
    fn submit(&self, ticket: Ticket, query: Query, reply: Reply);
}

/// Takes the answer to one question into the gateway, and wakes its loop.
pub type Reply = Box<dyn FnOnce(Ticket, Answer) + Send>;

/// The host's clocks.
pub trait Clock: Send + Sync {
    /// What the clocks say now.
    fn now(&self) -> Now;

    /// How long a runtime may sleep so that it wakes at `deadline`; `None` for a clock that moves by
    /// hand, and wakes the runtime when it does.
    fn until(&self, deadline: Millis) -> Option<Duration>;
}

/// Where notes go; called in order, from the thread that owns the gateway, so it must not block.
pub type Log = Box<dyn FnMut(Now, Note) + Send>;

/// Everything a runtime needs to know of the program around it.
pub struct Host {
    /// The settings, and the role of each listener.
    pub config: Arc<Config>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The member store.
    pub members: Arc<dyn MemberStore>,
    /// The log.
    pub log: Log,
    /// Writes down everything that happens, to be [replayed](crate::record); nothing for none of it.
    pub record: Option<Recorder>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
