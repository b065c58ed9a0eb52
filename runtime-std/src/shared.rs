//! What all threads share: the lock, and what is to be done when it is given back.

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

/// What a turn of the timers' thread led to.
pub(crate) struct Turn {
    pub(crate) stage: Stage,
    /// How long to sleep; `None`: until somebody rings.
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

    /// Does one thing to the gateway, and all that it leads to.
    pub(crate) fn enter<R>(self: &Arc<Self>, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        state.now = self.clock.now();
        let result = act(&mut state);
        self.leave(state);
        result
    }

    /// Takes what came from outside, and fires timers.
    pub(crate) fn turn(self: &Arc<Self>, inputs: Vec<Input<'static>>) -> Turn {
        self.enter(|state| {
            for input in inputs {
                state.take(input);
            }
            state.fire_timers();
            state.feed_starved();
            let deadline = state.set_alarm();
            // A clock that moves by hand has no alarm: what is due is due by what it said last.
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

    /// Hands over what a read brought, once the connection is not paused; says whether to read on.
    pub(crate) fn deliver(
        self: &Arc<Self>,
        id: ConnId,
        link: &Link,
        mut read: io::Result<&[u8]>,
    ) -> ControlFlow<()> {
        let mut state = self.lock();
        while read.is_ok() && state.is_paused(id) {
            let timed_out = state.wait(&link.resumed, LOOK);
            // Nobody reads meanwhile, so nobody else would see it break.
            if timed_out && let Some(error) = link.stream.take_error().unwrap_or_else(Some) {
                read = Err(error);
            }
        }
        state.now = self.clock.now();
        let flow = state.received(id, read);
        if let Some((crowded, link)) = self.leave(state) {
            self.await_writer(crowded, &link);
        }
        flow
    }

    /// Waits until a writer thread has written what was made for it, or finds no room in the socket. Without
    /// this a few clients that send without pause would keep the lock and the processors from the writer of a
    /// client that reads well, until the gateway takes that client for too slow.
    fn await_writer(&self, id: ConnId, link: &Link) {
        let mut state = self.lock();
        state.wait_while(&link.drained, COURTESY, |state| state.is_crowded(id));
    }

    /// Ends every thread that waits, also after one has panicked.
    pub(crate) fn end_all(&self) {
        let state = self.state.lock_anyway();
        state.end_all();
        self.closed.add();
    }

    /// A value to keep while a thread runs: if it panics, the server ends, and passes the panic on.
    pub(crate) fn watch(&self) -> impl Drop + use<'_, 'scope, 'env> {
        Watch(&self.handle)
    }

    fn lock(&self) -> Held<'_, State> {
        self.state.lock()
    }

    /// Gives the lock back, with everything decided, and written as far as the sockets take it at
    /// once. Says whose outbox is crowded.
    fn leave<'a>(self: &'a Arc<Self>, mut state: Held<'a, State>) -> Option<(ConnId, Arc<Link>)> {
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
                // What is left of the next one is only known when what this led to is in its outbox.
                state.pump();
            }
            if !failed.is_empty() {
                // The thread of the timers is to look again in a while.
                self.handle.wake();
            }
            for id in failed {
                state.starve(id);
            }
        }
        crowded
    }

    /// Tells others, without the lock. Says who would have needed a writer thread, but got none.
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
        // The store may answer at once, into the inbox of the timers' thread: not into this one's
        // stack, on which one client's commands could then pile up.
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

/// How often one that was about to read looks after what has come to be written meanwhile, before it
/// leaves that to writer threads.
const MAX_ROUNDS: usize = 4;

/// How often a paused connection is looked at: it may have broken.
const LOOK: Duration = Duration::from_millis(100);

/// The longest that a reader waits for another connection's writer thread to get to run. The machine decides
/// how long that is; the bound is for a machine that never runs it.
const COURTESY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use flashgate_core::{Accepted, Cause, ListenerId, Query, Reply};

    use crate::bell::Bell;

    /// Accepting is woken when the last thread that has the socket lets it go, and not when the connection
    /// ends: the descriptor is not free yet.
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

    /// However long the machine takes to let a writer thread run: a client that reads well is not too slow.
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
            // Slowness only makes this test see less.
            thread::sleep(Duration::from_millis(100));
            written.store(true, Ordering::SeqCst);
            // The writer thread runs, and finds no room: now it is the client that is slow.
            shared.enter(|state| state.stuck(id));
            let in_time = waits.join().expect("it does not panic");
            shared.end_all();
            assert!(in_time, "it did not wait for the writer");
        });
    }

    /// A connection's stream, and where it came from.
    fn stream() -> (TcpStream, Accepted) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let peer = listener.local_addr().expect("it has one");
        let stream = TcpStream::connect(peer).expect("there is a backlog");
        let listener = ListenerId(0);
        (stream, Accepted { listener, peer })
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
