//! The runtime of a transcript in small, in its order: clients read at once.

use alloc::vec::Vec;

use super::Writer;
use crate::chunk::Chunk;
use crate::event::{Action, Cause, Input, MAX_READ};
use crate::id::ConnId;

/// One connection as a client and a runtime see it, whose queues are always empty.
pub(super) struct Client {
    pub(super) conn: Option<ConnId>,
    pub(super) incoming: Vec<u8>,
    pub(super) half_closed: bool,
    pub(super) paused: bool,
    /// Bytes that it received and that are in no line yet.
    pub(super) got: Vec<u8>,
    /// An end that is in no line yet.
    pub(super) end: Option<&'static str>,
    /// It has seen its end.
    pub(super) ended: bool,
    pub(super) dirty: bool,
    pub(super) closing: bool,
}

impl Client {
    /// One that has connected; without an id it was refused.
    pub(super) fn new(conn: Option<ConnId>) -> Self {
        Self {
            conn,
            incoming: Vec::new(),
            half_closed: false,
            paused: false,
            got: Vec::new(),
            end: conn.is_none().then_some("is refused"),
            ended: conn.is_none(),
            dirty: false,
            closing: false,
        }
    }

    fn sees(&mut self, end: &'static str) {
        if !core::mem::replace(&mut self.ended, true) {
            self.end = Some(end);
        }
    }
}

impl Writer {
    pub(super) fn work(&mut self) {
        self.take_actions();
        while self.flush_one() || self.read_one() || self.fire() {
            self.take_actions();
        }
    }

    fn take_actions(&mut self) {
        while let Some(action) = self.gateway.poll() {
            match action {
                Action::Write(conn, chunk) => self.got(conn, &chunk),
                Action::Broadcast(everyone, chunk) => {
                    everyone.iter().for_each(|conn| self.got(conn, &chunk));
                }
                Action::Finish(conn) => self.ends(conn, false),
                Action::Close(conn) => self.ends(conn, true),
                Action::Abort(conn) => {
                    if let Some(client) = self.by_conn.remove(&conn) {
                        self.clients[client].conn = None;
                        self.clients[client].sees("< cut");
                        self.gateway
                            .handle(self.now, Input::Gone(conn, Cause::Closed));
                    }
                }
                Action::Pause(conn) => self.pause(conn, true),
                Action::Resume(conn) => self.pause(conn, false),
                Action::Lookup(ticket, query) => self.kept.push((ticket, query)),
                Action::Note(_) => {}
            }
        }
    }

    fn client(&mut self, conn: ConnId) -> Option<&mut Client> {
        let client = *self.by_conn.get(&conn)?;
        self.clients.get_mut(client)
    }

    fn got(&mut self, conn: ConnId, chunk: &Chunk) {
        if let Some(client) = self.client(conn) {
            client.got.extend(chunk.to_vec());
            client.dirty = true;
        }
    }

    fn ends(&mut self, conn: ConnId, closing: bool) {
        if let Some(client) = self.client(conn) {
            client.dirty = true;
            client.sees("< end");
            client.closing = closing || client.closing;
        }
    }

    fn pause(&mut self, conn: ConnId, paused: bool) {
        if let Some(client) = self.client(conn) {
            client.paused = paused;
        }
    }

    fn flush_one(&mut self) -> bool {
        let Some(client) = self.clients.iter_mut().find(|client| client.dirty) else {
            return false;
        };
        client.dirty = false;
        let closing = client.closing;
        let Some(conn) = client.conn else { return true };
        if closing {
            client.conn = None;
        }
        self.gateway.handle(self.now, Input::Backlog(conn, 0));
        if closing {
            self.take_actions();
            self.by_conn.remove(&conn);
            self.gateway
                .handle(self.now, Input::Gone(conn, Cause::Closed));
        }
        true
    }

    fn read_one(&mut self) -> bool {
        for client in &mut self.clients {
            let Some(conn) = client.conn else { continue };
            if client.paused || client.closing {
                continue;
            }
            if !client.incoming.is_empty() {
                let length = client.incoming.len().min(MAX_READ);
                let bytes: Vec<u8> = client.incoming.drain(..length).collect();
                self.gateway.handle(self.now, Input::Bytes(conn, &bytes));
                return true;
            }
            if core::mem::take(&mut client.half_closed) {
                self.gateway.handle(self.now, Input::Eof(conn));
                return true;
            }
        }
        false
    }

    fn fire(&mut self) -> bool {
        let due = self.gateway.poll_timeout();
        let is_due = due.is_some_and(|due| due <= self.now.mono);
        if is_due {
            self.gateway.handle(self.now, Input::Timeout);
        }
        is_due
    }
}
