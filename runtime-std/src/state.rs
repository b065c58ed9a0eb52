//! What the one lock guards: the gateway, and the outboxes of its connections.
//!
//! Two rules keep the order of bytes. Actions are moved into the outboxes before the lock is given
//! back, or two threads' frames would change places. And they are taken by [`State::pump`] alone,
//! never from within an action: what runs inside one may feed the gateway, but leaves the actions
//! that come of it to the loop outside.

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
    /// Connections that nobody writes to and that have something to be written.
    listed: Vec<ConnId>,
    /// Connections to report before anything else is done: much waits for them.
    grown: Vec<ConnId>,
    /// Connections that no thread could be started for, each once.
    starved: Vec<ConnId>,
    /// Since when, on the machine's clock: it is the machine that is short of something.
    starved_since: Option<Instant>,
    /// Memory of outboxes that have been written, for those that fill next.
    spare: Vec<Spare>,
    /// How many connections' writers are busy; at 0 everything is flushed.
    busy: usize,
    /// When the thread of the timers wakes by itself.
    alarm: Option<Millis>,
    pub(crate) progress: Progress,
    /// What has to wait until the lock is given back.
    pub(crate) after: After,
}

/// What is done without the lock, because it calls others or wakes who would at once want the lock.
#[derive(Default)]
pub(crate) struct After {
    pub(crate) lookups: Vec<(Ticket, Query)>,
    /// Whose sockets are to be written to by a thread, for they have no room.
    pub(crate) writers: Vec<(ConnId, Arc<Link>)>,
    /// An outbox that this has made, or kept, crowded.
    pub(crate) crowded: Option<(ConnId, Arc<Link>)>,
}

/// How far the server's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Serving,
    Stopping,
    /// And the last connection is gone.
    Stopped,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    /// One that came with an input, and does not wait for a socket.
    Passing,
    /// A writer thread.
    Writer,
}

/// What somebody is to write, and then to report.
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

    /// Whether everything that the gateway decided was flushed, as far as it goes.
    pub(crate) fn is_flushed(&self) -> bool {
        self.busy == 0
    }

    /// Whether the thread of the timers has something to do before its alarm.
    pub(crate) fn needs_timer_thread(&self) -> bool {
        let earlier = match (self.gateway.poll_timeout(), self.alarm) {
            (Some(deadline), Some(alarm)) => deadline < alarm,
            (Some(_), None) => true,
            (None, _) => false,
        };
        earlier || self.stage() == Stage::Stopped
    }

    /// Sets the alarm to the next deadline, and says when that is.
    pub(crate) fn set_alarm(&mut self) -> Option<Millis> {
        self.alarm = self.gateway.poll_timeout();
        self.alarm
    }

    /// Takes an input from outside.
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

    /// Takes every action there is, in order. What has grown much is reported only then, when all that
    /// is decided for it is in its outbox.
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

    /// Has everything written that nobody writes yet: by the caller, who gets it, or by threads.
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
    /// Takes a connection in, unless the gateway does not want it.
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

    /// What a read brought; whether to read on.
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

    /// What a writer thread is to write; `None` ends it.
    pub(crate) fn work(&mut self, id: ConnId) -> Option<Queue> {
        let conn = find(&mut self.conns, id)?;
        match conn.writer {
            Writer::Busy | Writer::Stuck => Some(mem::take(&mut conn.outbox)),
            Writer::Idle | Writer::Listed | Writer::Starved => None,
        }
    }

    /// No writer thread could be started. The connection keeps what waits for it: were it closed
    /// instead, everybody would have to hear of that, and everybody who needs a thread for it be next.
    pub(crate) fn starve(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id) {
            conn.writer = Writer::Starved;
            conn.link.drained.notify_all();
            self.busy -= 1;
            self.starved.push(id);
            self.starved_since.get_or_insert_with(Instant::now);
        }
    }

    /// Has those tried again whom no thread could be started for, after a while.
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

    /// How long until then, if there are any.
    pub(crate) fn starve_on(&self) -> Option<Duration> {
        Some(STARVE.saturating_sub(self.starved_for()?))
    }

    fn starved_for(&self) -> Option<Duration> {
        Some(self.starved_since?.elapsed())
    }

    /// A writer thread is about to wait for a socket that has no room: nobody is to wait for the client.
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

    /// What came of a write. What a socket had no room for is left to a writer thread.
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
            // Fails only when the connection is broken, which the reader says better.
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

    /// The last word about a connection.
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

    /// Ends every thread that waits for a socket.
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

    /// Has somebody look after what is to be written, and report.
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
