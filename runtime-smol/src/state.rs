//! The gateway and its connections: what sockets report, and what the gateway decides.
//!
//! Two rules keep the order of bytes. Only [`State::pump`] takes actions, and nothing that carries out an action
//! calls it: a second loop inside the first would overtake it. Code that runs inside an action may feed the
//! gateway, and leaves the resulting actions to the loop outside.

use std::io::{self, Read};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use flashgate_core::{
    Accepted, Action, Cause, Chunk, Clock, Config, ConnId, Gateway, Input, ListenerId, Log,
    MAX_READ, MemberStore, Now, Recipients,
};
use flashgate_host::socket::{cause, reset_on_close};
use flashgate_host::{Handle, Host, Inbox, Progress};

use crate::accept::Listeners;
use crate::conn::{Conn, Ending, Flow, Reading};
use crate::poller::{Event, Poller, Registered};
use crate::queue::Shared;

/// A gateway, its connections, and everything that moves their bytes.
pub(crate) struct State {
    pub(crate) gateway: Gateway,
    /// The clocks, as they were read at the start of this turn.
    pub(crate) now: Now,
    /// By [`ConnId::slot`].
    conns: Vec<Option<Conn>>,
    /// Connections to flush, each once; ids that are gone by then are skipped.
    pub(crate) dirty: Vec<ConnId>,
    /// The other list, empty: while one is worked off the next one grows.
    spare: Vec<ConnId>,
    /// Connections to report before anything else is done: much waits for them.
    grown: Vec<ConnId>,
    /// What was broadcast in this turn, and memory for queues.
    shared: Shared,
    /// Where every read goes, so that idle connections hold no buffer.
    buffer: Box<[u8; MAX_READ]>,
    pub(crate) listeners: Listeners,
    pub(crate) poller: Arc<Poller>,
    pub(crate) inbox: Inbox,
    handle: Handle,
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    members: Arc<dyn MemberStore>,
    log: Log,
    pub(crate) stage: Stage,
    pub(crate) progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Serving,
    Stopping,
}

impl State {
    pub(crate) fn new(
        host: Host,
        listeners: Listeners,
        poller: Arc<Poller>,
        handle: Handle,
        inbox: Inbox,
    ) -> Self {
        let now = host.clock.now();
        Self {
            gateway: Gateway::observed(Arc::clone(&host.config), now, host.observer),
            now,
            conns: Vec::new(),
            dirty: Vec::new(),
            spare: Vec::new(),
            grown: Vec::new(),
            shared: Shared::new(MAX_READ),
            buffer: Box::new([0; MAX_READ]),
            listeners,
            poller,
            inbox,
            progress: Progress::new(&handle),
            handle,
            config: host.config,
            clock: host.clock,
            members: host.members,
            log: host.log,
            stage: Stage::Serving,
        }
    }
}

// Sockets to gateway.
impl State {
    pub(crate) fn accept(&mut self, listener: ListenerId) -> io::Result<()> {
        for _ in 0..self.listeners.batch(listener) {
            let keepalive = &self.config.limits.keepalive;
            let Some((stream, peer)) = self.listeners.accept(listener, keepalive)? else {
                break;
            };
            self.welcome(listener, stream, peer);
            self.pump();
        }
        Ok(())
    }

    fn welcome(&mut self, listener: ListenerId, stream: TcpStream, peer: SocketAddr) {
        let Ok(id) = self.gateway.accept(self.now, Accepted { listener, peer }) else {
            return; // The core has said why; dropping the stream closes it.
        };
        match Registered::new(stream, &self.poller, key(id)) {
            Ok(socket) => {
                if self.conns.len() <= id.slot() {
                    self.conns.resize_with(id.slot() + 1, || None);
                }
                self.conns[id.slot()] = Some(Conn::new(id, socket));
            }
            Err(error) => self
                .gateway
                .handle(self.now, Input::Gone(id, cause(&error))),
        }
    }

    pub(crate) fn on_socket(&mut self, event: Event) {
        let slot = event.key as u32 as usize; // the low half of a key, see `key`
        let Some(conn) = self.conns.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        let id = conn.id();
        if key(id) != event.key {
            return; // It was about the slot's last owner, who left in this same turn.
        }
        if event.writable && conn.flow == Flow::Blocked {
            conn.flow = Flow::Open;
            self.mark(id);
        }
        self.read(id, event);
        self.pump();
        self.rest_ended(id);
    }

    /// An end is said as long as it is watched for. Who is flushed in this turn is looked after there:
    /// as a rule it is closed, and leaves the poller by that alone.
    fn rest_ended(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id)
            && conn.reading == Reading::Ended
            && !conn.dirty
        {
            self.watch(id);
            self.pump();
        }
    }

    /// One read a turn, so that one that sends much does not keep the others waiting.
    fn read(&mut self, id: ConnId, event: Event) {
        let Some(conn) = find(&mut self.conns, id) else {
            return;
        };
        if !conn.wants_read() {
            if event.broken
                && let Some(error) = conn.socket().take_error().unwrap_or_else(Some)
            {
                self.lost(id, &error);
            }
            return;
        }
        if !event.readable {
            return;
        }
        match conn.socket().read(&mut self.buffer[..]) {
            Ok(0) => {
                conn.reading = Reading::Ended;
                self.progress.received(1);
                self.gateway.handle(self.now, Input::Eof(id));
            }
            Ok(length) => {
                self.progress.received(length);
                let bytes = &self.buffer[..length];
                self.gateway.handle(self.now, Input::Bytes(id, bytes));
                // A password may have been among them. The buffer is used again, so this is not for
                // nothing, and no compiler leaves it out.
                self.buffer[..length].fill(0);
            }
            // Level-triggered: whatever is there to read will be said again.
            Err(error) if is_transient(&error) => {}
            Err(error) => self.lost(id, &error),
        }
    }

    /// A network error ended a connection.
    fn lost(&mut self, id: ConnId, error: &io::Error) {
        self.progress.received(1);
        self.gone(id, cause(error));
    }

    /// The last word about a connection.
    fn gone(&mut self, id: ConnId, cause: Cause) {
        if find(&mut self.conns, id).is_none() {
            return;
        }
        self.conns[id.slot()] = None;
        // It has left a descriptor to a connection that waits. A listener that cannot be watched
        // again stays paused for its 100 ms, and is tried once more then.
        let _ = self.listeners.resume();
        self.gateway.handle(self.now, Input::Gone(id, cause));
    }
}

// Gateway to sockets.
impl State {
    /// Takes every action there is, in order.
    pub(crate) fn pump(&mut self) {
        loop {
            while let Some(action) = self.gateway.poll() {
                self.apply(action);
            }
            // Reported only when all that is decided for it is in its queue: else the core would take
            // the rest for written.
            let Some(id) = self.grown.pop() else {
                return;
            };
            self.flush(id);
        }
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Write(id, chunk) => self.push(id, |conn, shared| conn.push(chunk, shared)),
            Action::Broadcast(recipients, chunk) => self.broadcast(&recipients, &chunk),
            Action::Finish(id) => self.end(id, Ending::Finish),
            Action::Close(id) => self.end(id, Ending::Close),
            Action::Abort(id) => {
                if let Some(conn) = find(&mut self.conns, id) {
                    reset_on_close(conn.socket());
                }
                self.gone(id, Cause::Closed);
            }
            Action::Pause(id) => self.set_reading(id, Reading::Paused),
            Action::Resume(id) => self.set_reading(id, Reading::Open),
            Action::Lookup(ticket, query) => self.members.submit(query, self.handle.reply(ticket)),
            Action::Note(note) => (self.log)(self.now, note),
        }
    }

    fn broadcast(&mut self, recipients: &Recipients, chunk: &Chunk) {
        let audience = recipients.audience().number();
        match self.shared.logs.append(audience, recipients.form(), chunk) {
            Some(part) => {
                for id in recipients.iter() {
                    self.push(id, |conn, shared| conn.push_news(part, shared));
                }
            }
            None => {
                for id in recipients.iter() {
                    self.push(id, |conn, shared| conn.push(chunk.clone(), shared));
                }
            }
        }
    }

    fn push(&mut self, id: ConnId, what: impl FnOnce(&mut Conn, &mut Shared)) {
        let Some(conn) = find(&mut self.conns, id) else {
            return;
        };
        let before = conn.queued();
        what(conn, &mut self.shared);
        let after = conn.queued();
        if !mem::replace(&mut conn.dirty, true) {
            self.dirty.push(id);
        }
        if before / FLUSH_AT < after / FLUSH_AT {
            self.grown.push(id);
            self.write(id);
        }
    }

    fn end(&mut self, id: ConnId, ending: Ending) {
        if let Some(conn) = find(&mut self.conns, id) {
            conn.ending = ending;
            self.mark(id);
        }
    }

    fn set_reading(&mut self, id: ConnId, reading: Reading) {
        if let Some(conn) = find(&mut self.conns, id)
            && conn.reading != Reading::Ended
        {
            conn.reading = reading;
            self.watch(id);
        }
    }

    fn watch(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id)
            && let Err(error) = conn.watch()
        {
            self.lost(id, &error);
        }
    }

    /// Puts a connection on the list of those to flush.
    fn mark(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id)
            && !mem::replace(&mut conn.dirty, true)
        {
            self.dirty.push(id);
        }
    }

    /// Flushes, so often that a command or two that waited for their answers' room are answered too.
    pub(crate) fn flush_dirty(&mut self) {
        for _ in 0..MAX_FLUSHES {
            let mut round = mem::replace(&mut self.dirty, mem::take(&mut self.spare));
            for id in round.drain(..) {
                if let Some(conn) = find(&mut self.conns, id) {
                    conn.dirty = false;
                    self.flush(id);
                    self.pump();
                }
            }
            self.spare = round;
        }
        for id in &self.dirty {
            if let Some(conn) = find(&mut self.conns, *id) {
                conn.settle(&mut self.shared);
            }
        }
        self.shared.logs.clear();
    }

    fn flush(&mut self, id: ConnId) {
        let Some((left, ending)) = self.write(id) else {
            return;
        };
        if left == 0 && ending == Ending::Close {
            return self.gone(id, Cause::Closed);
        }
        self.gateway.handle(self.now, Input::Backlog(id, left));
    }

    /// Writes what the socket takes; how much is left, and what follows, unless the connection was lost.
    fn write(&mut self, id: ConnId) -> Option<(usize, Ending)> {
        let conn = find(&mut self.conns, id)?;
        if let Err(error) = conn.flush(&mut self.shared) {
            self.lost(id, &error);
            return None;
        }
        Some((conn.queued(), conn.ending))
    }
}

fn find(conns: &mut [Option<Conn>], id: ConnId) -> Option<&mut Conn> {
    conns
        .get_mut(id.slot())?
        .as_mut()
        .filter(|conn| conn.id() == id)
}

/// A connection's key in the poller: where there are 32 bits to a word, its slot alone.
fn key(id: ConnId) -> usize {
    id.to_bits() as usize
}

fn is_transient(error: &io::Error) -> bool {
    [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&error.kind())
}

/// A queue whose memory grows past a multiple of this within a turn is flushed and reported at once.
const FLUSH_AT: usize = 256 * 1024;

/// Rounds of flushing in a turn.
const MAX_FLUSHES: usize = 4;

#[cfg(test)]
mod tests;
