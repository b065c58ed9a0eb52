//! What all threads share: the lock, and the work that follows its release.

use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::Scope;
use std::time::Duration;

use flashgate_core::{Clock, ConnId, Gateway, Input, MemberStore};
use flashgate_host::{Handle, Host, Progress};

use crate::closed::Closed;
use crate::conn::Link;
use crate::lock::{Held, Lock};
use crate::socket::Passing;
use crate::state::{After, Hand, Stage, State};
use crate::threads;

/// The gateway behind its lock, and the host around it.
pub(crate) struct Shared<'scope, 'env> {
    /// Where threads are started.
    pub(crate) scope: &'scope Scope<'scope, 'env>,
    state: Lock<State>,
    pub(crate) closed: Arc<Closed>,
    clock: Arc<dyn Clock>,
    members: Arc<dyn MemberStore>,
    handle: Handle,
}

/// The result of a turn of the timer thread.
pub(crate) struct Turn {
    pub(crate) stage: Stage,
    /// How long to sleep; `None`: until the bell rings.
    pub(crate) sleep: Option<Duration>,
}

impl<'scope, 'env> Shared<'scope, 'env> {
    pub(crate) fn new(scope: &'scope Scope<'scope, 'env>, host: Host, handle: Handle) -> Self {
        let now = host.clock.now();
        let progress = Progress::new(&handle);
        let gateway = Gateway::observed(Arc::clone(&host.config), now, host.observer);
        Self {
            scope,
            state: Lock::new(State::new(gateway, host.config, host.log, now, progress)),
            closed: Arc::default(),
            clock: host.clock,
            members: host.members,
            handle,
        }
    }

    /// Does one thing to the gateway, and everything that follows from it.
    pub(crate) fn enter<R>(self: &Arc<Self>, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        state.now = self.clock.now();
        let result = act(&mut state);
        self.flush(state);
        result
    }

    /// Takes the inputs of the mailbox, and fires timers.
    pub(crate) fn turn(self: &Arc<Self>, inputs: Vec<Input<'static>>) -> Turn {
        self.enter(|state| {
            for input in inputs {
                state.take(input);
            }
            state.fire_timers();
            state.feed_starved();
            let deadline = state.set_alarm();
            // A clock that is moved by hand has no alarm: its last reading decides what is due.
            let sleep = if state.timers_due() {
                Some(Duration::ZERO)
            } else {
                state.progress.turn();
                deadline.and_then(|deadline| self.clock.until(deadline))
            };
            let sleep = sleep.into_iter().chain(state.starve_on()).min();
            let stage = state.stage();
            Turn { stage, sleep }
        })
    }

    /// Feeds the gateway what a read returned, once the connection is not paused. Breaks when nothing more is
    /// to be read.
    pub(crate) fn deliver(
        self: &Arc<Self>,
        id: ConnId,
        link: &Link,
        mut read: io::Result<&[u8]>,
    ) -> ControlFlow<()> {
        let mut state = self.lock();
        while read.is_ok() && state.is_paused(id) {
            let timed_out = state.wait(&link.resumed, LOOK);
            // While it is paused no read would report that the connection has broken.
            if timed_out && let Some(error) = link.stream.take_error().unwrap_or_else(Some) {
                read = Err(error);
            }
        }
        state.now = self.clock.now();
        let flow = state.received(id, read);
        if let Some((crowded, link)) = self.flush(state) {
            self.await_writer(crowded, &link);
        }
        flow
    }

    /// Waits until a writer thread has written the connection's outbox, or finds no space in the socket.
    /// Without this wait, a few clients that send without pause would keep the lock and the processors from the
    /// writer of a client that reads promptly, until the gateway closes that client as too slow.
    fn await_writer(&self, id: ConnId, link: &Link) {
        let mut state = self.lock();
        state.wait_while(&link.drained, COURTESY, |state| state.is_crowded(id));
    }

    /// Ends all threads that wait, also after one has panicked.
    pub(crate) fn end_all(&self) {
        let state = self.state.lock_anyway();
        state.end_all();
        self.closed.add();
    }

    /// A value that a thread keeps while it runs. If the thread panics, the server ends, and passes the panic
    /// on.
    pub(crate) fn watch(&self) -> impl Drop + use<'_, 'scope, 'env> {
        Watch(&self.handle)
    }

    fn lock(&self) -> Held<'_, State> {
        self.state.lock()
    }

    /// Puts all actions into the outboxes, releases the lock, writes as much as the sockets take at once, and takes
    /// the lock again to report that; at most four rounds of it. Returns a connection whose outbox is crowded.
    fn flush<'a>(self: &'a Arc<Self>, mut state: Held<'a, State>) -> Option<(ConnId, Arc<Link>)> {
        let mut crowded = None;
        for round in 1.. {
            state.pump();
            let hand = if round < MAX_ROUNDS {
                Hand::Passing
            } else {
                Hand::Writer
            };
            let jobs = state.hand_out(hand);
            if state.is_flushed() {
                state.progress.publish();
            }
            let mut after = mem::take(&mut state.after);
            let ring = state.needs_timer_thread();
            drop(state);

            crowded = after.crowded.take().or(crowded);
            let failed = self.follow_up(after, ring);
            if jobs.is_empty() && failed.is_empty() {
                break;
            }
            let written = jobs.into_iter().map(|mut job| {
                let written = job.work.write_to(Passing(&job.link.stream));
                (job, written)
            });
            let written: Vec<_> = written.collect();
            state = self.lock();
            state.now = self.clock.now();
            for (job, written) in written {
                state.wrote(Hand::Passing, job.id, job.work, written);
                // The next report is only right once the actions that follow from this one are in their outboxes.
                state.pump();
            }
            if !failed.is_empty() {
                // The timer thread tries these again after a while.
                self.handle.wake();
            }
            for id in failed {
                state.starve(id);
            }
        }
        crowded
    }

    /// Asks the store, and starts writers, without the lock. Returns the connections for which no writer thread
    /// could be started.
    fn follow_up(self: &Arc<Self>, after: After, ring: bool) -> Vec<ConnId> {
        let mut failed = Vec::new();
        for (id, link) in after.writers {
            let shared = Arc::clone(self);
            let write = move || threads::write(&shared, id, &link);
            let writer = threads::thread("flashgate-write");
            if writer.spawn_scoped(self.scope, write).is_err() {
                failed.push(id);
            }
        }
        if ring {
            self.handle.wake();
        }
        // The store may answer at once. The answer goes to the timer thread's mailbox and not onto this
        // thread's stack, on which the commands of one client could then pile up.
        for (ticket, query) in after.lookups {
            self.members.submit(query, self.handle.reply(ticket));
        }
        failed
    }
}

struct Watch<'a>(&'a Handle);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.wake();
        }
    }
}

/// Rounds of flushing in which a reader writes by itself. After that it leaves the rest to writer threads.
const MAX_ROUNDS: usize = 4;

/// How often a paused connection is checked for an error.
const LOOK: Duration = Duration::from_millis(100);

/// The longest wait of a reader for another connection's writer thread to run. The wait depends on the machine;
/// the limit is for a machine that never runs that thread.
const COURTESY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use flashgate_core::{Accepted, Cause, ListenerId, Query, Reply};

    use crate::bell::Bell;

    /// Accepting wakes when the last thread drops the socket. When the connection ends, its descriptor is not
    /// free yet.
    #[test]
    fn a_socket_counts_as_closed_when_nobody_has_it() {
        let (stream, origin) = stream();
        thread::scope(|scope| {
            let shared = Arc::new(Shared::new(scope, host(), handle()));
            let link = Arc::new(Link::new(stream, &shared.closed));
            let accepted = shared.enter(|state| state.accept(origin, &link));
            let (id, _) = accepted.expect("the first is welcome");
            shared.enter(|state| state.gone(id, Cause::Closed));
            assert_eq!(shared.closed.count(), 0, "its reader has it yet");
            drop(link);
            assert_eq!(shared.closed.count(), 1);
        });
    }

    /// A client that reads promptly is not too slow, however long the machine takes to run its writer thread.
    #[test]
    fn a_reader_waits_for_a_writer_that_does_not_get_to_run() {
        let (stream, origin) = stream();
        let written = AtomicBool::new(false);
        thread::scope(|scope| {
            let shared = Arc::new(Shared::new(scope, host(), handle()));
            let link = Arc::new(Link::new(stream, &shared.closed));
            let accepted = shared.enter(|state| state.accept(origin, &link));
            let (id, _) = accepted.expect("the first is welcome");
            shared.lock().crowd(id);
            let (waiter, waits, written) = (Arc::clone(&shared), Arc::clone(&link), &written);
            let waits = scope.spawn(move || {
                waiter.await_writer(id, &waits);
                written.load(Ordering::SeqCst)
            });
            // A slow machine only makes this test see less.
            thread::sleep(Duration::from_millis(100));
            written.store(true, Ordering::SeqCst);
            // The writer thread runs and finds no space: now the client is slow.
            shared.enter(|state| state.stuck(id));
            let in_time = waits.join().expect("it does not panic");
            shared.end_all();
            assert!(in_time, "it did not wait for the writer");
        });
    }

    /// A connection's stream, and its origin.
    fn stream() -> (TcpStream, Accepted) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let peer = listener.local_addr().expect("it has one");
        let stream = TcpStream::connect(peer).expect("there is a backlog");
        let listener = ListenerId(0);
        (
            stream,
            Accepted {
                listener,
                peer: peer.into(),
                user: None,
            },
        )
    }

    fn handle() -> Handle {
        Handle::new(Arc::new(Bell::default())).0
    }

    fn host() -> Host {
        Host::new(Arc::default(), Nobody)
    }

    struct Nobody;

    impl MemberStore for Nobody {
        fn submit(&self, _: Query, _: Reply) {}
    }
}
