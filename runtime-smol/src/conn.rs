//! A connection: its socket, its queue, and what it waits for.

use std::io;
use std::net::{Shutdown, TcpStream};

use flashgate_core::ConnId;

use crate::poller::{Interest, Registered};
use crate::queue::{Queue, Shared, Written};

/// A connection: about seventy bytes and no buffer while it is idle.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    socket: Registered<TcpStream>,
    pub(crate) queue: Queue,
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
    /// It took less than it was offered. An event will report when it takes more.
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

    pub(crate) fn socket(&self) -> &TcpStream {
        self.socket.get()
    }

    /// Nothing is read after the core's last word.
    pub(crate) fn wants_read(&self) -> bool {
        self.reading == Reading::Open && self.ending != Ending::Close
    }

    /// Writes what the socket takes. A blocked socket is not tried again before its event.
    pub(crate) fn flush(&mut self, shared: &mut Shared) -> io::Result<()> {
        match self.flow {
            Flow::Open => {
                self.flow = match self.queue.write_to(self.socket.get(), shared)? {
                    Written::All => Flow::Open,
                    Written::Part => Flow::Blocked,
                };
            }
            Flow::Blocked => self.queue.settle(shared),
        }
        if self.ending == Ending::Finish && self.queue.is_empty() {
            self.ending = Ending::Finished;
            // It fails only if the connection is broken, which the next read reports.
            let _ = self.socket.get().shutdown(Shutdown::Write);
        }
        if self.ending == Ending::Close && self.queue.is_empty() {
            return Ok(()); // It is closed now, and leaves the poller by that.
        }
        self.watch()
    }

    /// Watches the socket for what the connection needs now.
    pub(crate) fn watch(&mut self) -> io::Result<()> {
        self.socket.watch(Interest {
            read: self.wants_read(),
            write: self.flow == Flow::Blocked,
        })
    }
}
