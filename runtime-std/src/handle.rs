//! How the rest of the program talks to a running server.

use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flashgate_core::{Answer, Config, HostFacts, Input, MemberEvent, Ticket};

/// Speaks to a server from any thread. Calls after the server's end do nothing.
#[derive(Clone)]
pub struct Handle {
    inbox: Arc<Inbox>,
    #[cfg(feature = "testing")]
    probe: Arc<flashgate_core::testing::Probe>,
}

impl Handle {
    pub(crate) fn new() -> (Self, Receiver) {
        let inbox = Arc::new(Inbox {
            mail: Mutex::new(Mail {
                inputs: Vec::new(),
                bell: Bell::Silent,
            }),
            rung: Condvar::new(),
        });
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
        self.ring(self.inbox.mail());
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
        let mut mail = self.inbox.mail();
        if mail.bell != Bell::Removed {
            mail.inputs.push(input);
        }
        self.ring(mail);
    }

    fn ring(&self, mut mail: MutexGuard<'_, Mail>) {
        if mail.bell == Bell::Silent {
            mail.bell = Bell::Rung;
            drop(mail);
            self.inbox.rung.notify_one();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The running server's end. Dropped with it, and closes the inbox.
pub(crate) struct Receiver {
    inbox: Arc<Inbox>,
}

impl Receiver {
    /// Waits until the bell rings, or so long (`None`: no matter how long); takes what has come.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Vec<Input<'static>> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut mail = self.inbox.mail();
        while mail.bell == Bell::Silent {
            let Some(deadline) = deadline else {
                let woken = self.inbox.rung.wait(mail);
                mail = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.inbox.rung.wait_timeout(mail, left);
            mail = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        mail.bell = Bell::Silent;
        mem::take(&mut mail.inputs)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut mail = self.inbox.mail();
        mail.bell = Bell::Removed;
        mail.inputs = Vec::new();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

struct Inbox {
    mail: Mutex<Mail>,
    rung: Condvar,
}

impl Inbox {
    /// A push cannot be left half done, so a thread that panicked with the lock has spoilt nothing.
    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Mail {
    /// Needs no bound of its own: an answer comes once for each lookup, which the core bounds by
    /// its connections, and the rest is the program's.
    inputs: Vec<Input<'static>>,
    bell: Bell,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bell {
    Silent,
    /// Somebody wants the server's attention.
    Rung,
    /// The server has ended.
    Removed,
}
