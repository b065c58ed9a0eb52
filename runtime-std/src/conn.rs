//! A connection: what the gateway's side of it holds, and what its two threads share.

use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar};

use flashgate_core::{Chunk, ConnId};

use crate::socket;

/// A connection as the gateway's lock guards it.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    pub(crate) link: Arc<Link>,
    /// What the writer has not taken yet.
    pub(crate) outbox: VecDeque<Chunk>,
    /// Bytes in the outbox and in the writer's hands.
    pub(crate) queued: usize,
    pub(crate) reading: Reading,
    pub(crate) ending: Ending,
    pub(crate) writer: Writer,
    pub(crate) report: Report,
}

/// Whether bytes are taken from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Open,
    Paused,
}

/// What follows when everything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Open,
    Finish,
    Finished,
    Close,
}

/// What the writer thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// It looks into the outbox again by itself.
    Busy,
    /// It waits to be told that there is something.
    Idle,
    /// It looks again, but last time the socket took nothing until the time limit.
    Stuck,
}

/// Whether the gateway knows how much is waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// It does, and no more can be written for now.
    Given,
    /// The writer is to write, and then to report.
    Due,
}

impl Conn {
    pub(crate) fn new(id: ConnId, link: Arc<Link>) -> Self {
        Self {
            id,
            link,
            outbox: VecDeque::new(),
            queued: 0,
            reading: Reading::Open,
            ending: Ending::Open,
            writer: Writer::Busy,
            report: Report::Given,
        }
    }

    /// Whether more is made for it than its writer has had the time to write. A writer that is stuck
    /// has had the time: there it is the client that is slow.
    pub(crate) fn is_crowded(&self) -> bool {
        self.queued > CROWDED && self.writer != Writer::Stuck
    }
}

/// The socket, shared by the two threads rather than cloned, which would cost a second descriptor;
/// it is closed when both have ended. The conditions go with the gateway's lock.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    /// The writer has something to do.
    pub(crate) more: Condvar,
    /// The reader need not wait any longer.
    pub(crate) resumed: Condvar,
    /// The outbox is no longer crowded.
    pub(crate) drained: Condvar,
}

impl Link {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            more: Condvar::new(),
            resumed: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    /// Ends both threads, wherever they are. What the kernel holds is still sent.
    pub(crate) fn end(&self) {
        // Fails when the peer has broken the connection, and then both threads have found out.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.more.notify_all();
        self.resumed.notify_all();
        self.drained.notify_all();
    }

    /// Ends both threads, and drops what the kernel holds.
    pub(crate) fn abort(&self) {
        socket::reset_on_close(&self.stream);
        self.end();
    }
}

/// Bytes in an outbox above which those who fill it are held up.
const CROWDED: usize = 256 * 1024;
