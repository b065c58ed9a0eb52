//! One connection's side of the loop: a socket, its queue and what it is waiting for.

use std::io;
use std::net::{Shutdown, TcpStream};

use flashgate_core::{Chunk, ConnId};

use crate::poller::{Interest, Registered};
use crate::queue::{Queue, Room, Written};

/// A connection: about a hundred bytes and no buffer while it is idle.
#[derive(Debug)]
pub(crate) struct Conn {
    id: ConnId,
    socket: Registered<TcpStream>,
    queue: Queue,
    pub(crate) reading: Reading,
    pub(crate) ending: Ending,
    pub(crate) flow: Flow,
    /// It is in the loop's list of connections to flush.
    pub(crate) dirty: bool,
}

/// Whether bytes are taken from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Open,
    Paused,
    /// The peer has closed its sending side.
    Ended,
}

/// What follows when the queue is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Open,
    Finish,
    Finished,
    Close,
}

/// Whether the socket takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Open,
    /// It took less than it was offered; an event says when it takes more.
    Blocked,
}

impl Conn {
    pub(crate) fn new(id: ConnId, socket: Registered<TcpStream>) -> Self {
        Self {
            id,
            socket,
            queue: Queue::default(),
            reading: Reading::Open,
            ending: Ending::Open,
            flow: Flow::Open,
            dirty: false,
        }
    }

    pub(crate) fn id(&self) -> ConnId {
        self.id
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        self.socket.get()
    }

    /// Bytes that wait to be written.
    pub(crate) fn queued(&self) -> usize {
        self.queue.bytes()
    }

    /// An idle connection has no memory for what waits; `spare` has some.
    pub(crate) fn push(&mut self, chunk: Chunk, spare: &mut Vec<Room>) {
        if !self.queue.has_room()
            && let Some(room) = spare.pop()
        {
            self.queue.lend(room);
        }
        self.queue.push(chunk);
    }

    /// So many messages that they are worth a system call of their own.
    pub(crate) fn has_many_queued(&self) -> bool {
        self.queue.is_long()
    }

    /// The memory that is not needed any more.
    pub(crate) fn take_room(&mut self) -> Option<Room> {
        self.queue.take_room()
    }

    /// Nothing that comes after the core's last word is read.
    pub(crate) fn wants_read(&self) -> bool {
        self.reading == Reading::Open && self.ending != Ending::Close
    }

    /// Writes what the socket takes. A blocked one is not asked again before its event.
    pub(crate) fn flush(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        if self.flow == Flow::Open {
            self.flow = match self.queue.write_to(self.socket.get(), scratch)? {
                Written::All => Flow::Open,
                Written::Part => Flow::Blocked,
            };
        }
        if self.ending == Ending::Finish && self.queued() == 0 {
            self.ending = Ending::Finished;
            // Fails only when the connection is broken, which the next read says better.
            let _ = self.socket.get().shutdown(Shutdown::Write);
        }
        self.watch()
    }

    /// Watches the socket for what is wanted of it now.
    pub(crate) fn watch(&mut self) -> io::Result<()> {
        self.socket.watch(Interest {
            read: self.wants_read(),
            write: self.flow == Flow::Blocked,
        })
    }
}
