//! How the rest of the program talks to a running server: a handle, and the mailbox behind it.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flashgate_core::{Config, HostFacts, Input, Login, MemberEvent, Reply, Ticket};

/// Talks to a running server, from any thread. After the server has ended, calls do nothing.
#[derive(Clone)]
pub struct Handle {
    mail: Arc<Mutex<Mail>>,
    #[cfg(feature = "_testing")]
    probe: Arc<crate::Probe>,
}

/// Wakes the loop of a runtime.
pub trait Bell: Send + Sync {
    /// Makes the loop begin a turn, soon, in which it reads the clock and takes what is in its [`Mailbox`].
    /// It is called with the mailbox locked, so it neither waits nor calls a [`Handle`].
    fn ring(&self);
}

impl Handle {
    /// A handle, and the mailbox for the loop that the bell wakes.
    pub fn new(bell: Arc<dyn Bell>) -> (Self, Mailbox) {
        let mail = Arc::new(Mutex::new(Mail {
            inputs: Vec::new(),
            awake: false,
            bell: Some(bell),
        }));
        let handle = Self {
            mail: Arc::clone(&mail),
            #[cfg(feature = "_testing")]
            probe: Arc::default(),
        };
        (handle, Mailbox { mail })
    }

    /// Replaces the settings, from now on.
    pub fn configure(&self, config: Arc<Config>) {
        self.send(Input::Configure(config));
    }

    /// Reports that a member was changed from outside.
    pub fn member(&self, event: MemberEvent) {
        self.send(Input::Member(event));
    }

    /// Says something to everyone online: `<announce time="…" msg="…" />`.
    pub fn announce(&self, text: impl Into<Arc<str>>) {
        self.send(Input::Announce(text.into()));
    }

    /// Sends a member who is online an error with the reason, or `You were kicked.`, then closes the connection.
    /// The log says `CLOSED kicked`. The member may log in again.
    pub fn kick(&self, member: Login, reason: Option<&str>) {
        let reason = reason.map(Arc::from);
        self.send(Input::Kick { member, reason });
    }

    /// Sets what `/metrics` and `/readyz` say of the host.
    pub fn host(&self, facts: HostFacts) {
        self.send(Input::Host(facts));
    }

    /// Stops the server: it closes its listeners at once, and ends with its last connection.
    pub fn shutdown(&self) {
        self.send(Input::Shutdown);
    }

    /// Makes the server read its clock. A clock that is moved by hand needs this after each move.
    pub fn wake(&self) {
        if let Some(bell) = &lock(&self.mail).bell {
            bell.ring();
        }
    }

    /// What the member store replies with to an [`Action::Lookup`](flashgate_core::Action::Lookup).
    pub fn reply(&self, ticket: Ticket) -> Reply {
        let handle = self.clone();
        Reply::new(ticket, move |ticket, answer| {
            handle.send(Input::Answer(ticket, answer));
        })
    }

    /// The counters that tell a test how far the server has come.
    #[cfg(feature = "_testing")]
    pub fn probe(&self) -> Arc<crate::Probe> {
        Arc::clone(&self.probe)
    }

    fn send(&self, input: Input<'static>) {
        let mut mail = lock(&self.mail);
        let Mail {
            inputs,
            awake,
            bell,
        } = &mut *mail;
        let Some(bell) = bell else {
            return;
        };
        inputs.push(input);
        // The loop takes all inputs at once, so that one ring is enough for all of them.
        if inputs.len() == 1 && !*awake {
            bell.ring();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The loop's end of the mailbox. When it is dropped, the mailbox closes.
pub struct Mailbox {
    mail: Arc<Mutex<Mail>>,
}

impl Mailbox {
    /// A turn of the loop has begun, before whose end it calls [`take`](Self::take). Until then, inputs do
    /// not ring.
    pub fn begin_turn(&self) {
        lock(&self.mail).awake = true;
    }

    /// Takes all inputs that have come. The next one rings.
    pub fn take(&self) -> Vec<Input<'static>> {
        let mut mail = lock(&self.mail);
        mail.awake = false;
        mem::take(&mut mail.inputs)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut mail = lock(&self.mail);
        mail.bell = None;
        let unread = mem::take(&mut mail.inputs);
        drop(mail);
        // Without the lock: what an input owns may hold a handle.
        drop(unread);
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

struct Mail {
    /// Needs no bound of its own: each lookup has one answer, and the core bounds lookups by its
    /// connections; all other inputs are the program's own.
    inputs: Vec<Input<'static>>,
    /// The loop is in a turn, and takes what is here before its end.
    awake: bool,
    /// `None` when the loop has ended.
    bell: Option<Arc<dyn Bell>>,
}

/// A push cannot be left half done, so the mail is whole even if a thread has panicked with the lock.
fn lock(mail: &Mutex<Mail>) -> MutexGuard<'_, Mail> {
    mail.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Bell for Rings {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_bell_rings_once_for_all_that_waits_and_not_within_a_turn() {
        let rings = Arc::new(Rings::default());
        let (handle, mailbox) = Handle::new(Arc::clone(&rings) as Arc<dyn Bell>);
        let rung = || rings.0.swap(0, Ordering::SeqCst);
        let facts = HostFacts::default();
        for _ in 0..3 {
            handle.host(facts);
        }
        assert_eq!((rung(), mailbox.take().len()), (1, 3));
        mailbox.begin_turn();
        handle.host(facts);
        assert_eq!((rung(), mailbox.take().len()), (0, 1));
        handle.host(facts);
        assert_eq!(rung(), 1);
        mailbox.begin_turn();
        // The loop may have read the clock already.
        handle.wake();
        assert_eq!(rung(), 1);
    }

    #[test]
    fn after_the_end_nothing_is_kept_and_nothing_rings() {
        let rings = Arc::new(Rings::default());
        let (handle, mailbox) = Handle::new(Arc::clone(&rings) as Arc<dyn Bell>);
        drop(mailbox);
        handle.shutdown();
        handle.wake();
        assert_eq!(rings.0.load(Ordering::SeqCst), 0);
        assert!(lock(&handle.mail).inputs.is_empty());
    }
}
