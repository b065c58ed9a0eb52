//! How the rest of the program talks to a running server.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flashgate_core::{Answer, Config, HostFacts, Input, MemberEvent, Ticket};

use crate::poller::Poller;

/// Speaks to a server from any thread. Calls after the server's end do nothing.
#[derive(Clone)]
pub struct Handle {
    inbox: Arc<Mutex<Inbox>>,
    #[cfg(feature = "testing")]
    probe: Arc<flashgate_core::testing::Probe>,
}

impl Handle {
    pub(crate) fn new(poller: Arc<Poller>) -> (Self, Receiver) {
        let inbox = Arc::new(Mutex::new(Inbox {
            inputs: Vec::new(),
            awake: false,
            poller: Some(poller),
        }));
        let handle = Self {
            inbox: Arc::clone(&inbox),
            #[cfg(feature = "testing")]
            probe: Arc::default(),
        };
        (handle, Receiver { inbox })
    }

    /// New settings, from now on.
    pub fn configure(&self, config: Arc<Config>) {
        self.send(Input::Configure(config));
    }

    /// A member was changed from outside.
    pub fn member(&self, event: MemberEvent) {
        self.send(Input::Member(event));
    }

    /// What the host says of itself, for `/metrics` and `/readyz`.
    pub fn host(&self, facts: HostFacts) {
        self.send(Input::Host(facts));
    }

    /// Stops the server: it closes its listeners at once, and ends when its connections have.
    pub fn shutdown(&self) {
        self.send(Input::Shutdown);
    }

    /// Makes the server look at its clock. Whoever moves a clock by hand calls this afterwards.
    pub fn wake(&self) {
        lock(&self.inbox).ring();
    }

    /// The counters by which a test knows how far the server has come.
    #[cfg(feature = "testing")]
    pub fn probe(&self) -> Arc<flashgate_core::testing::Probe> {
        Arc::clone(&self.probe)
    }

    /// The member store's answer.
    pub(crate) fn answer(&self, ticket: Ticket, answer: Answer) {
        self.send(Input::Answer(ticket, answer));
    }

    fn send(&self, input: Input<'static>) {
        let mut inbox = lock(&self.inbox);
        if inbox.poller.is_none() {
            return;
        }
        inbox.inputs.push(input);
        // The loop takes everything at once: one ring is enough for all that wait, and none is needed
        // while it has yet to look in this turn.
        if inbox.inputs.len() == 1 && !inbox.awake {
            inbox.ring();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The loop's end. Dropped with it, and closes the inbox.
pub(crate) struct Receiver {
    inbox: Arc<Mutex<Inbox>>,
}

impl Receiver {
    /// A turn begins, in which [`take`](Self::take) follows.
    pub(crate) fn wake(&self) {
        lock(&self.inbox).awake = true;
    }

    /// Moves what has come into `inputs`, which is empty. Whatever comes later rings.
    pub(crate) fn take(&self, inputs: &mut Vec<Input<'static>>) {
        let mut inbox = lock(&self.inbox);
        inbox.awake = false;
        mem::swap(&mut inbox.inputs, inputs);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut inbox = lock(&self.inbox);
        inbox.poller = None;
        inbox.inputs = Vec::new();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

struct Inbox {
    /// Needs no bound of its own: an answer comes once for each lookup, which the core bounds by
    /// its connections, and the rest is the program's.
    inputs: Vec<Input<'static>>,
    /// The loop is in a turn, and will take what is here before its end.
    awake: bool,
    /// What to wake the loop by; `None` when the loop has ended.
    poller: Option<Arc<Poller>>,
}

impl Inbox {
    fn ring(&self) {
        if let Some(poller) = &self.poller {
            poller.ring();
        }
    }
}

/// A push cannot be left half done, so a thread that panicked with the lock has spoilt nothing.
fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner)
}
