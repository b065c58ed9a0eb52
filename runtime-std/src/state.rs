//! What the lock guards: the gateway, and the outboxes of its connections.
//!
//! Two rules keep the order of bytes. Actions move into the outboxes before the lock is released, or the frames
//! of two threads would change places. And only [`State::pump`] polls actions: code that carries out an action may
//! give the gateway an input, but leaves the actions that follow to the loop in `pump`.

use std::io;
use std::mem;
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::{
    Accepted, Action, Cause, Chunk, Config, ConnId, Gateway, Input, KeepAlive, Log, Millis, Now,
    Query, Refused, Ticket,
};
use flashgate_host::{Progress, socket};

use crate::conn::{Conn, Ending, Link, Reading, Writer};
use crate::queue::{Flow, Queue, Spare, Written};

/// The gateway and its connections.
pub(crate) struct State {
    gateway: Gateway,
    /// The clocks, as they were read when the lock was taken.
    pub(crate) now: Now,
    /// By [`ConnId::slot`].
    conns: Vec<Option<Conn>>,
    config: Arc<Config>,
    log: Log,
    stage: Stage,
    /// Connections that have something to write, and no writer.
    listed: Vec<ConnId>,
    /// Connections whose outbox has grown by much; they are reported before anything else is done.
    grown: Vec<ConnId>,
    /// Connections for which no thread could be started, each once.
    starved: Vec<ConnId>,
    /// Since when, on the machine's clock and not the host's: the machine is short of something.
    starved_since: Option<Instant>,
    /// Memory of outboxes that were written, for the next ones that fill.
    spare: Vec<Spare>,
    /// How many connections' writers are busy; at 0 everything is flushed.
    busy: usize,
    /// When the timer thread wakes by itself.
    alarm: Option<Millis>,
    pub(crate) progress: Progress,
    /// What is done after the lock is released.
    pub(crate) after: After,
}

/// What is done without the lock, because it calls the host, or wakes a thread that would want the lock at
/// once.
#[derive(Default)]
pub(crate) struct After {
    pub(crate) lookups: Vec<(Ticket, Query)>,
    /// Connections that need a writer thread, because their sockets have no space.
    pub(crate) writers: Vec<(ConnId, Arc<Link>)>,
    /// A connection whose outbox has become, or is still, crowded.
    pub(crate) crowded: Option<(ConnId, Arc<Link>)>,
}

/// How far the server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Serving,
    Stopping,
    /// The last connection has gone.
    Stopped,
}

/// The thread that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    /// The thread that brought an input. It does not wait for a socket.
    Passing,
    /// A writer thread.
    Writer,
}

/// What a thread has to write, and then to report.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: ConnId,
    pub(crate) link: Arc<Link>,
    pub(crate) work: Queue,
}

impl State {
    pub(crate) fn new(
        gateway: Gateway,
        config: Arc<Config>,
        log: Log,
        now: Now,
        progress: Progress,
    ) -> Self {
        Self {
            gateway,
            now,
            conns: Vec::new(),
            config,
            log,
            stage: Stage::Serving,
            listed: Vec::new(),
            grown: Vec::new(),
            starved: Vec::new(),
            starved_since: None,
            spare: Vec::new(),
            busy: 0,
            alarm: None,
            progress,
            after: After::default(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage {
            Stage::Stopping if self.gateway.is_empty() => Stage::Stopped,
            stage @ (Stage::Serving | Stage::Stopping | Stage::Stopped) => stage,
        }
    }

    /// Whether everything that the gateway decided is flushed, as far as sockets take it.
    pub(crate) fn is_flushed(&self) -> bool {
        self.busy == 0
    }

    /// Whether the timer thread has something to do before its alarm.
    pub(crate) fn needs_timer_thread(&self) -> bool {
        let earlier = match (self.gateway.poll_timeout(), self.alarm) {
            (Some(deadline), Some(alarm)) => deadline < alarm,
            (Some(_), None) => true,
            (None, _) => false,
        };
        earlier || self.stage() == Stage::Stopped
    }

    /// Sets the alarm to the next deadline, and returns that.
    pub(crate) fn set_alarm(&mut self) -> Option<Millis> {
        self.alarm = self.gateway.poll_timeout();
        self.alarm
    }

    /// Takes an input from the mailbox.
    pub(crate) fn take(&mut self, input: Input<'static>) {
        if let Input::Configure(config) = &input {
            self.config = Arc::clone(config);
        } else if let Input::Shutdown = &input {
            self.stage = Stage::Stopping;
        }
        self.gateway.handle(self.now, input);
        self.pump();
    }

    pub(crate) fn fire_timers(&mut self) {
        if self.timers_due() {
            self.gateway.handle(self.now, Input::Timeout);
            self.pump();
        }
    }

    pub(crate) fn timers_due(&self) -> bool {
        let deadline = self.gateway.poll_timeout();
        deadline.is_some_and(|deadline| deadline <= self.now.mono)
    }

    /// Takes every action, in order. A connection whose outbox has grown by much is reported only after that,
    /// when everything that is decided for it is in its outbox.
    pub(crate) fn pump(&mut self) {
        loop {
            while let Some(action) = self.gateway.poll() {
                self.apply(action);
            }
            let Some(id) = self.grown.pop() else {
                return;
            };
            if let Some(left) = find(&mut self.conns, id).map(|conn| conn.queued) {
                self.gateway.handle(self.now, Input::Backlog(id, left));
            }
        }
    }

    /// Finds a writer for each listed connection: the caller, which gets the jobs, or a writer thread.
    pub(crate) fn hand_out(&mut self, hand: Hand) -> Vec<Job> {
        let mut jobs = Vec::new();
        for id in self.listed.drain(..) {
            let Some(conn) = find(&mut self.conns, id) else {
                continue;
            };
            conn.writer = Writer::Busy;
            self.busy += 1;
            let link = Arc::clone(&conn.link);
            match hand {
                Hand::Passing => {
                    let work = mem::take(&mut conn.outbox);
                    jobs.push(Job { id, link, work });
                }
                Hand::Writer => self.after.writers.push((id, link)),
            }
        }
        jobs
    }
}

// What the threads of the sockets report.
impl State {
    /// Accepts a connection, unless the gateway refuses it.
    pub(crate) fn accept(
        &mut self,
        origin: Accepted,
        link: &Arc<Link>,
    ) -> Result<(ConnId, KeepAlive), Refused> {
        let id = self.gateway.accept(self.now, origin)?;
        if self.conns.len() <= id.slot() {
            self.conns.resize_with(id.slot() + 1, || None);
        }
        self.conns[id.slot()] = Some(Conn::new(id, Arc::clone(link)));
        Ok((id, self.config.limits.keepalive.clone()))
    }

    pub(crate) fn is_paused(&self, id: ConnId) -> bool {
        let conn = self.conns.get(id.slot()).and_then(Option::as_ref);
        conn.is_some_and(|conn| conn.id == id && conn.reading == Reading::Paused)
    }

    pub(crate) fn is_crowded(&self, id: ConnId) -> bool {
        let conn = self.conns.get(id.slot()).and_then(Option::as_ref);
        conn.is_some_and(|conn| conn.id == id && conn.is_crowded())
    }

    /// Feeds the gateway what a read returned. Breaks when nothing more is to be read.
    pub(crate) fn received(&mut self, id: ConnId, read: io::Result<&[u8]>) -> ControlFlow<()> {
        let Some(conn) = find(&mut self.conns, id) else {
            return ControlFlow::Break(());
        };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                self.lost(id, &error);
                return ControlFlow::Break(());
            }
        };
        if conn.ending == Ending::Close {
            return ControlFlow::Break(()); // Nothing that comes after the core's last word is read.
        }
        if bytes.is_empty() {
            self.progress.received(1);
            self.gateway.handle(self.now, Input::Eof(id));
            return ControlFlow::Break(());
        }
        self.progress.received(bytes.len());
        self.gateway.handle(self.now, Input::Bytes(id, bytes));
        ControlFlow::Continue(())
    }

    /// The next work of a writer thread; `None` ends it.
    pub(crate) fn work(&mut self, id: ConnId) -> Option<Queue> {
        let conn = find(&mut self.conns, id)?;
        match conn.writer {
            Writer::Busy | Writer::Stuck => Some(mem::take(&mut conn.outbox)),
            Writer::Idle | Writer::Listed | Writer::Starved => None,
        }
    }

    /// Notes that no writer thread could be started. The connection keeps what waits for it. Closing it instead
    /// would notify everybody, and each of those writes may need a thread, too.
    pub(crate) fn starve(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id) {
            conn.writer = Writer::Starved;
            conn.link.drained.notify_all();
            self.busy -= 1;
            self.starved.push(id);
            self.starved_since.get_or_insert_with(Instant::now);
        }
    }

    /// Lists the connections without a thread once more, after a while.
    pub(crate) fn feed_starved(&mut self) {
        if self.starved_for().is_none_or(|time| time < STARVE) {
            return;
        }
        self.starved_since = None;
        for id in mem::take(&mut self.starved) {
            if let Some(conn) = find(&mut self.conns, id) {
                conn.writer = Writer::Listed;
                self.listed.push(id);
            }
        }
    }

    /// How long until then, if there are such connections.
    pub(crate) fn starve_on(&self) -> Option<Duration> {
        Some(STARVE.saturating_sub(self.starved_for()?))
    }

    fn starved_for(&self) -> Option<Duration> {
        Some(self.starved_since?.elapsed())
    }

    /// Notes that a writer thread is about to wait for space in the socket. No reader waits for it from now on:
    /// the client is slow.
    pub(crate) fn stuck(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id)
            && conn.writer == Writer::Busy
        {
            conn.writer = Writer::Stuck;
            conn.link.drained.notify_all();
            self.busy -= 1;
            let left = conn.queued;
            self.gateway.handle(self.now, Input::Backlog(id, left));
        }
    }

    /// Takes the result of a write. Bytes for which the socket had no space are left to a writer thread.
    pub(crate) fn wrote(
        &mut self,
        hand: Hand,
        id: ConnId,
        rest: Queue,
        written: io::Result<Written>,
    ) {
        let Some(conn) = find(&mut self.conns, id) else {
            return;
        };
        let Written { freed, flow } = match written {
            Ok(written) => written,
            Err(error) => return self.lost(id, &error),
        };
        let crowded = conn.is_crowded();
        conn.queued -= freed;
        let spare = conn.outbox.put_back(rest);
        if (1..=MAX_SPARE).contains(&spare.capacity()) && self.spare.len() < MAX_SPARES {
            self.spare.push(spare);
        }
        let was_busy = conn.writer == Writer::Busy;
        conn.writer = match (hand, flow) {
            (Hand::Passing, Flow::Stalled) => {
                self.after.writers.push((id, Arc::clone(&conn.link)));
                Writer::Busy
            }
            (Hand::Passing, Flow::Open) => Writer::Idle,
            (Hand::Writer, _) if conn.outbox.is_empty() => Writer::Idle,
            (Hand::Writer, _) if freed == 0 => Writer::Stuck,
            (Hand::Writer, _) => Writer::Busy,
        };
        self.busy -= usize::from(was_busy);
        self.busy += usize::from(conn.writer == Writer::Busy);
        if crowded && !conn.is_crowded() {
            conn.link.drained.notify_all();
        }
        let left = conn.queued;
        if !conn.outbox.is_empty() {
            self.employ(id);
        } else if conn.ending == Ending::Close {
            return self.gone(id, Cause::Closed);
        } else if conn.ending == Ending::Finish {
            conn.ending = Ending::Finished;
            // It fails only if the connection is broken, which the reader reports.
            let _ = conn.link.stream.shutdown(Shutdown::Write);
        }
        self.gateway.handle(self.now, Input::Backlog(id, left));
    }

    /// A network error ended a connection.
    pub(crate) fn lost(&mut self, id: ConnId, error: &io::Error) {
        if find(&mut self.conns, id).is_some() {
            self.progress.received(1);
            self.gone(id, socket::cause(error));
        }
    }

    /// Forgets a connection, and reports that to the gateway.
    pub(crate) fn gone(&mut self, id: ConnId, cause: Cause) {
        self.forget(id, cause, Link::end);
    }

    fn forget(&mut self, id: ConnId, cause: Cause, how: fn(&Link)) {
        if find(&mut self.conns, id).is_none() {
            return;
        }
        if let Some(conn) = self.conns[id.slot()].take() {
            how(&conn.link);
            self.busy -= usize::from(conn.writer == Writer::Busy);
            self.gateway.handle(self.now, Input::Gone(id, cause));
        }
    }

    /// Ends all threads that wait for a socket.
    pub(crate) fn end_all(&self) {
        for conn in self.conns.iter().flatten() {
            conn.link.end();
        }
    }
}

// What the gateway decides.
impl State {
    fn apply(&mut self, action: Action) {
        match action {
            Action::Write(id, chunk) => self.push(id, chunk),
            Action::Broadcast(recipients, chunk) => {
                for id in recipients.iter() {
                    self.push(id, chunk.clone());
                }
            }
            Action::Finish(id) => self.end(id, Ending::Finish),
            Action::Close(id) => self.end(id, Ending::Close),
            Action::Abort(id) => self.forget(id, Cause::Closed, Link::abort),
            Action::Pause(id) => {
                if let Some(conn) = find(&mut self.conns, id) {
                    conn.reading = Reading::Paused;
                }
            }
            Action::Resume(id) => {
                if let Some(conn) = find(&mut self.conns, id) {
                    conn.reading = Reading::Open;
                    conn.link.resumed.notify_one();
                }
            }
            Action::Lookup(ticket, query) => self.after.lookups.push((ticket, query)),
            Action::Note(note) => (self.log)(self.now, note),
        }
    }

    fn push(&mut self, id: ConnId, chunk: Chunk) {
        let Some(conn) = find(&mut self.conns, id) else {
            return;
        };
        let before = conn.queued;
        conn.queued += chunk.memory();
        let after = conn.queued;
        if !conn.outbox.has_memory()
            && let Some(spare) = self.spare.pop()
        {
            conn.outbox.give(spare);
        }
        conn.outbox.push(chunk);
        if conn.is_crowded() {
            self.after.crowded = Some((id, Arc::clone(&conn.link)));
        }
        let waits = conn.waits();
        self.employ(id);
        if waits || before / REPORT_AT < after / REPORT_AT {
            self.grown.push(id);
        }
    }

    fn end(&mut self, id: ConnId, ending: Ending) {
        if let Some(conn) = find(&mut self.conns, id) {
            conn.ending = ending;
            self.employ(id);
        }
    }

    /// Lists a connection that has something to write or to report, and no writer.
    fn employ(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id)
            && conn.writer == Writer::Idle
        {
            conn.writer = Writer::Listed;
            self.listed.push(id);
        }
    }
}

fn find(conns: &mut [Option<Conn>], id: ConnId) -> Option<&mut Conn> {
    conns
        .get_mut(id.slot())?
        .as_mut()
        .filter(|conn| conn.id == id)
}

/// A queue whose memory grows past a multiple of this is reported at once: its writer may be stuck.
const REPORT_AT: usize = 256 * 1024;

/// The most chunks, of 32 bytes each, in spare memory that is kept, and the most such memories: 64 KiB in all.
const MAX_SPARE: usize = 32;
const MAX_SPARES: usize = 64;

/// How long to wait before trying to start a writer thread again. Any longer and a client that reads promptly
/// could be closed as too slow during a burst.
const STARVE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
