//! What the one lock guards: the gateway, and the outboxes of its connections.
//!
//! Two rules keep the order of bytes. Actions are moved into the outboxes before the lock is given
//! back, or two threads' frames would change places. And they are taken by [`State::pump`] alone,
//! never from within an action: what runs inside one may feed the gateway, but leaves the actions
//! that come of it to the loop outside.

use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;

use flashgate_core::{
    Action, Cause, Chunk, Config, ConnId, Gateway, Input, KeepAlive, Log, Millis, Now, Origin,
    Query, Refused, Ticket,
};

use crate::batch::Batch;
use crate::conn::{Conn, Ending, Link, Reading, Report, Writer};
use crate::progress::Progress;
use crate::socket;

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
    /// How many connections' reports are due; at 0 everything is flushed.
    due: usize,
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
    pub(crate) writers: Vec<Arc<Link>>,
    /// A descriptor will be free soon.
    pub(crate) room: bool,
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

/// What a writer does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Write,
    Finish,
    Close,
    /// Its connection is gone.
    End,
    /// It waits to be told.
    Wait,
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
            due: 0,
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
        self.due == 0
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

    /// Takes every action there is, in order.
    pub(crate) fn pump(&mut self) {
        while let Some(action) = self.gateway.poll() {
            self.apply(action);
        }
    }
}

// What the threads of the sockets report.
impl State {
    /// Takes a connection in, unless the gateway does not want it.
    pub(crate) fn accept(
        &mut self,
        origin: Origin,
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

    /// Hands the outbox to the writer, and says what to do with it.
    pub(crate) fn work(&mut self, id: ConnId, batch: &mut Batch) -> Work {
        let Some(conn) = find(&mut self.conns, id) else {
            return Work::End;
        };
        batch.append(&mut conn.outbox);
        if !batch.is_empty() {
            return Work::Write;
        }
        match conn.ending {
            Ending::Open | Ending::Finished => {
                conn.writer = Writer::Idle;
                Work::Wait
            }
            Ending::Finish => {
                conn.ending = Ending::Finished;
                Work::Finish
            }
            Ending::Close => Work::Close,
        }
    }

    /// So many bytes were written; none, if the socket took none for a while.
    pub(crate) fn wrote(&mut self, id: ConnId, written: usize) {
        let Some(conn) = find(&mut self.conns, id) else {
            return;
        };
        let crowded = conn.is_crowded();
        conn.queued -= written;
        conn.writer = if written == 0 {
            Writer::Stuck
        } else {
            Writer::Busy
        };
        if crowded && !conn.is_crowded() {
            conn.link.drained.notify_all();
        }
        let left = conn.queued;
        let done = match conn.ending {
            Ending::Open | Ending::Finished => left == 0,
            Ending::Finish | Ending::Close => false,
        };
        if (done || written == 0) && mem::replace(&mut conn.report, Report::Given) == Report::Due {
            self.due -= 1;
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
            self.due -= usize::from(conn.report == Report::Due);
            self.after.room = true;
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
        conn.queued += chunk.len();
        let after = conn.queued;
        conn.outbox.push_back(chunk);
        if conn.is_crowded() {
            self.after.crowded = Some((id, Arc::clone(&conn.link)));
        }
        self.employ(id);
        if before / REPORT_AT < after / REPORT_AT {
            self.gateway.handle(self.now, Input::Backlog(id, after));
        }
    }

    fn end(&mut self, id: ConnId, ending: Ending) {
        if let Some(conn) = find(&mut self.conns, id) {
            conn.ending = ending;
            self.employ(id);
        }
    }

    /// Has the writer look after its connection, and report.
    fn employ(&mut self, id: ConnId) {
        let Some(conn) = find(&mut self.conns, id) else {
            return;
        };
        if mem::replace(&mut conn.report, Report::Due) == Report::Given {
            self.due += 1;
        }
        if conn.writer == Writer::Idle {
            conn.writer = Writer::Busy;
            self.after.writers.push(Arc::clone(&conn.link));
        }
    }
}

fn find(conns: &mut [Option<Conn>], id: ConnId) -> Option<&mut Conn> {
    conns
        .get_mut(id.slot())?
        .as_mut()
        .filter(|conn| conn.id == id)
}

/// An outbox that grows past a multiple of this is reported at once: its writer may be stuck.
const REPORT_AT: usize = 256 * 1024;
