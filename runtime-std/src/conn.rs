//! A connection: the part that the lock guards, and the part that its threads share.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use flashgate_core::ConnId;
use flashgate_host::socket;
use parking_lot::Condvar;

use crate::closed::{Closed, Counted};
use crate::queue::Queue;

/// The part of a connection that the gateway's lock guards.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    pub(crate) link: Arc<Link>,
    /// What no writer has taken yet.
    pub(crate) outbox: Queue,
    /// What is in the outbox and in the hands of the writer, in bytes as the core counts them.
    pub(crate) queued: usize,
    pub(crate) reading: Reading,
    pub(crate) ending: Ending,
    pub(crate) writer: Writer,
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

/// Which thread writes to the socket: never more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// None: there is nothing to do.
    Idle,
    /// None yet: the connection is on the list of work to do before the lock is released.
    Listed,
    /// A thread that looks into the outbox again, and reports.
    Busy,
    /// A writer thread that waits for space in the socket.
    Stuck,
    /// None, because no thread could be started. The timer thread tries again.
    Starved,
}

impl Conn {
    pub(crate) fn new(id: ConnId, link: Arc<Link>) -> Self {
        Self {
            id,
            link,
            outbox: Queue::default(),
            queued: 0,
            reading: Reading::Open,
            ending: Ending::Open,
            writer: Writer::Idle,
        }
    }

    /// Whether its outbox fills faster than its writer had time to write. A writer that is stuck has had the
    /// time: there the client is slow.
    pub(crate) fn is_crowded(&self) -> bool {
        self.queued > CROWDED && !self.waits()
    }

    /// Whether nothing is written for some time, so that the gateway needs a report of what is added.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.writer, Writer::Stuck | Writer::Starved)
    }
}

/// The socket, shared by all its threads: a clone would cost a second descriptor. It closes when the last of
/// them drops it. The conditions belong to the gateway's lock.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    /// Behind the stream: fields are dropped in this order.
    _counted: Counted,
    /// The reader may go on.
    pub(crate) resumed: Condvar,
    /// The outbox is no longer crowded.
    pub(crate) drained: Condvar,
}

impl Link {
    pub(crate) fn new(stream: TcpStream, closed: &Arc<Closed>) -> Self {
        Self {
            stream,
            _counted: Counted(Arc::clone(closed)),
            resumed: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    /// Ends its threads. The kernel still sends what it holds.
    pub(crate) fn end(&self) {
        // It fails if the peer has broken the connection; then the threads know.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.wake();
    }

    fn wake(&self) {
        self.resumed.notify_all();
        self.drained.notify_all();
    }

    /// Ends its threads, and drops what the kernel holds. The writing side is not shut down: a peer that reads
    /// again before the last thread has ended would take that for an orderly end, and believe that it got
    /// everything. A writer ends at its time limit at the latest.
    pub(crate) fn abort(&self) {
        socket::reset_on_close(&self.stream);
        let _ = self.stream.shutdown(Shutdown::Read);
        self.wake();
    }
}

/// The memory of an outbox, in bytes, above which readers that add to it wait.
const CROWDED: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use flashgate_testing::Retrying;
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    /// However long its threads take to end, and however much the peer has read.
    #[test]
    fn an_abort_is_never_an_end_in_good_order() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let mut peer = Retrying(TcpStream::connect(address).expect("there is a backlog"));
        let (stream, _) = listener.accept().expect("the peer is there");
        let link = Link::new(stream, &Arc::default());
        (&link.stream)
            .write_all(b"half")
            .expect("the socket has space");
        link.abort();
        let longest = Some(Duration::from_millis(50));
        peer.0.set_read_timeout(longest).expect("a socket");
        let mut buffer = [0; 8];
        assert_eq!(peer.read(&mut buffer).expect("what was sent"), 4);
        let more = peer.read(&mut buffer).map_err(|error| error.kind());
        assert!(
            matches!(more, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
            "{more:?}"
        );
        drop(link);
        peer.0.set_read_timeout(None).expect("a socket");
        let end = peer.read(&mut buffer).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    }
}
