//! What all threads share: the lock, and what is to be done when it is given back.

use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::Scope;
use std::time::Duration;

use flashgate_core::{Clock, ConnId, Gateway, Host, Input, MemberStore};
use parking_lot::Condvar;

use crate::conn::Link;
use crate::handle::Handle;
use crate::lock::{Held, Lock};
use crate::progress::Progress;
use crate::socket::Passing;
use crate::state::{After, Hand, Stage, State};
use crate::threads;

/// The gateway behind its lock, and the host around it.
pub(crate) struct Shared<'scope, 'env> {
    /// Where threads are started.
    pub(crate) scope: &'scope Scope<'scope, 'env>,
    state: Lock<State>,
    /// A connection has closed.
    room: Condvar,
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
        let gateway = Gateway::recorded(Arc::clone(&host.config), now, host.record);
        Self {
            scope,
            state: Lock::new(State::new(gateway, host.config, host.log, now, progress)),
            room: Condvar::new(),
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

    /// Gives a writer the time to write what was made for it. Without this a few clients that send
    /// without pause would keep the lock and the processors from the writer of one who reads well,
    /// until the gateway takes that one for too slow.
    fn await_writer(&self, id: ConnId, link: &Link) {
        let mut state = self.lock();
        state.wait_while(&link.drained, COURTESY, |state| state.is_crowded(id));
    }

    /// Waits until a connection closes, or 100 ms.
    pub(crate) fn await_room(&self) {
        let mut state = self.lock();
        state.wait(&self.room, PAUSE);
    }

    /// Ends every thread that waits, also after one has panicked.
    pub(crate) fn end_all(&self) {
        let state = self.state.lock_anyway();
        state.end_all();
        self.room.notify_all();
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
                let written = job.batch.write_to(Passing(&job.link.stream));
                (job, written)
            });
            let written: Vec<_> = written.collect();
            state = self.lock();
            state.now = self.clock.now();
            for (job, written) in written {
                state.wrote(Hand::Passing, job.id, job.batch, written);
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
        if after.room {
            self.room.notify_all();
        }
        if ring {
            self.handle.wake();
        }
        // The store may answer at once, into the inbox of the timers' thread: not into this one's
        // stack, on which one client's commands could then pile up.
        for (ticket, query) in after.lookups {
            let handle = self.handle.clone();
            let reply = Box::new(move |ticket, answer| handle.answer(ticket, answer));
            self.members.submit(ticket, query, reply);
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

/// The longest that a reader waits for another connection's writer: two slices of a processor's time.
const COURTESY: Duration = Duration::from_millis(5);

/// Without a descriptor to spare, accepting again at once would fail again at once.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::thread;

    use flashgate_core::{Cause, ListenerId, Origin, Query, Reply, Ticket};

    use crate::SystemClock;

    /// A thread that waits for a descriptor is woken when a connection leaves, and not by its time limit
    /// alone.
    #[test]
    fn a_connection_that_leaves_wakes_accepting() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let peer = listener.local_addr().expect("it has one");
        let stream = TcpStream::connect(peer).expect("there is a backlog");
        let origin = Origin {
            listener: ListenerId(0),
            peer,
        };
        let host = Host {
            config: Arc::default(),
            clock: Arc::new(SystemClock::new()),
            members: Arc::new(Nobody),
            log: Box::new(|_, _| ()),
            record: None,
        };
        let ((waits, waiting), (wakes, woken)) = (mpsc::channel(), mpsc::channel());
        thread::scope(|scope| {
            let shared = Arc::new(Shared::new(scope, host, Handle::new().0));
            let link = Arc::new(Link::new(stream));
            let accepted = shared.enter(|state| state.accept(origin, &link));
            let (id, _) = accepted.expect("the first is welcome");
            let waiter = Arc::clone(&shared);
            scope.spawn(move || {
                let mut state = waiter.lock();
                // The lock is free only once this thread waits for the condition.
                waits.send(()).expect("the test waits for it");
                let timed_out = state.wait(&waiter.room, LONG);
                wakes.send(timed_out).expect("the test waits for it");
            });
            waiting.recv().expect("the thread begins");
            shared.enter(|state| state.gone(id, Cause::Closed));
            let woken = woken.recv_timeout(PATIENCE);
            shared.end_all(); // So that a failure ends too.
            assert_eq!(woken, Ok(false));
        });
    }

    struct Nobody;

    impl MemberStore for Nobody {
        fn submit(&self, _: Ticket, _: Query, _: Reply) {}
    }

    /// As good as for ever.
    const LONG: Duration = Duration::from_secs(3600);

    /// Longer than any of this takes on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(20);
}
