//! The gateway and its connections: what sockets report, and what the gateway decides.
//!
//! Two rules keep the order of bytes. Only [`State::pump`] takes actions, and nothing that carries out an action
//! calls it: a second loop inside the first would overtake it. Code that runs inside an action may feed the
//! gateway, and leaves the resulting actions to the loop outside.

use std::io::{self, Read};
use std::mem;
use std::net::TcpStream;
use std::sync::Arc;

use flashgate_core::{
    Accepted, Action, Cause, Chunk, Clock, Config, ConnId, Gateway, Input, ListenerId, Log,
    MAX_READ, MemberStore, Now, Peer, Recipients,
};
use flashgate_host::socket::{cause, reset_on_close, user};
use flashgate_host::{Handle, Host, Mailbox, Progress};

use crate::accept::Listeners;
use crate::conn::{Conn, Ending, Flow, Reading};
use crate::poller::{Event, Poller, Registered};
use crate::queue::{Queue, Shared};

/// A gateway, its connections, and everything that moves their bytes.
pub(crate) struct State {
    pub(crate) gateway: Gateway,
    /// The clocks, as they were read at the start of this turn.
    pub(crate) now: Now,
    /// By [`ConnId::slot`].
    conns: Vec<Option<Conn>>,
    /// Connections to flush, each once. Ids of connections that have gone are skipped.
    pub(crate) dirty: Vec<ConnId>,
    /// The other list, empty: it fills while the first is worked off.
    spare: Vec<ConnId>,
    /// Connections whose queue has grown by much; they are reported before anything else is done.
    grown: Vec<ConnId>,
    /// What was broadcast in this turn, and memory for queues.
    shared: Shared,
    /// Where every read goes, so that idle connections hold no buffer.
    buffer: Box<[u8; MAX_READ]>,
    pub(crate) listeners: Listeners,
    pub(crate) poller: Arc<Poller>,
    pub(crate) mailbox: Mailbox,
    handle: Handle,
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    members: Arc<dyn MemberStore>,
    log: Log,
    pub(crate) beat: Box<dyn FnMut() + Send>,
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
        mailbox: Mailbox,
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
            mailbox,
            progress: Progress::new(&handle),
            handle,
            config: host.config,
            clock: host.clock,
            members: host.members,
            log: host.log,
            beat: host.beat,
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

    fn welcome(&mut self, listener: ListenerId, stream: TcpStream, peer: Peer) {
        let user = user(&stream, peer);
        let origin = Accepted {
            listener,
            peer,
            user,
        };
        let Ok(id) = self.gateway.accept(self.now, origin) else {
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
        let id = conn.id;
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

    /// The poller reports an end for as long as the socket is watched for reading. A connection that is flushed
    /// in this turn is looked at there: mostly it is closed, and leaves the poller by that alone.
    fn rest_ended(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id)
            && conn.reading == Reading::Ended
            && !conn.dirty
        {
            self.watch(id);
            self.pump();
        }
    }

    /// One read a turn, so that a client that sends much does not delay the others.
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
                // The bytes may have held a password. The buffer is read again later, so no compiler leaves
                // this out.
                self.buffer[..length].fill(0);
            }
            // The poller is level-triggered: it reports again what is left to read.
            Err(error) if is_transient(&error) => {}
            Err(error) => self.lost(id, &error),
        }
    }

    /// A network error ended a connection.
    fn lost(&mut self, id: ConnId, error: &io::Error) {
        self.progress.received(1);
        self.gone(id, cause(error));
    }

    /// Forgets a connection, and reports that to the gateway.
    fn gone(&mut self, id: ConnId, cause: Cause) {
        if find(&mut self.conns, id).is_none() {
            return;
        }
        self.conns[id.slot()] = None;
        // A descriptor is free for a waiting connection. A listener that cannot be watched again stays paused,
        // and is tried once more after its 100 ms.
        let _ = self.listeners.resume();
        self.gateway.handle(self.now, Input::Gone(id, cause));
    }
}

// Gateway to sockets.
impl State {
    /// Takes every action, in order.
    pub(crate) fn pump(&mut self) {
        loop {
            while let Some(action) = self.gateway.poll() {
                self.apply(action);
            }
            // Reported only when every action has been applied: from an earlier report the core would conclude
            // that the rest is written.
            let Some(id) = self.grown.pop() else {
                return;
            };
            self.flush(id);
        }
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Write(id, chunk) => self.push(id, |queue, shared| queue.push(chunk, shared)),
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
                    self.push(id, |queue, shared| queue.push_news(part, shared));
                }
            }
            None => {
                for id in recipients.iter() {
                    self.push(id, |queue, shared| queue.push(chunk.clone(), shared));
                }
            }
        }
    }

    fn push(&mut self, id: ConnId, what: impl FnOnce(&mut Queue, &mut Shared)) {
        let Some(conn) = find(&mut self.conns, id) else {
            return;
        };
        let before = conn.queue.left();
        what(&mut conn.queue, &mut self.shared);
        let after = conn.queue.left();
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

    /// Lists a connection to be flushed.
    fn mark(&mut self, id: ConnId) {
        if let Some(conn) = find(&mut self.conns, id)
            && !mem::replace(&mut conn.dirty, true)
        {
            self.dirty.push(id);
        }
    }

    /// Flushes in several rounds, so that a command that waited for space in its own queue is answered in this
    /// turn, too.
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
                conn.queue.settle(&mut self.shared);
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

    /// Writes what the socket takes. Returns how much is left and what follows, or `None` if the connection was
    /// lost.
    fn write(&mut self, id: ConnId) -> Option<(usize, Ending)> {
        let conn = find(&mut self.conns, id)?;
        if let Err(error) = conn.flush(&mut self.shared) {
            self.lost(id, &error);
            return None;
        }
        Some((conn.queue.left(), conn.ending))
    }
}

fn find(conns: &mut [Option<Conn>], id: ConnId) -> Option<&mut Conn> {
    conns
        .get_mut(id.slot())?
        .as_mut()
        .filter(|conn| conn.id == id)
}

/// A connection's key in the poller: its slot alone on systems with 32-bit words.
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
