//! A connection: what the gateway's side of it holds, and what its threads share.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use flashgate_core::ConnId;
use flashgate_host::socket;
use parking_lot::Condvar;

use crate::closed::{Closed, Counted};
use crate::queue::Queue;

/// A connection as the gateway's lock guards it.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    pub(crate) link: Arc<Link>,
    /// What nobody has taken to write it yet.
    pub(crate) outbox: Queue,
    /// What is in the outbox, and in the hands of who writes, as the core counts it.
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

/// Who has the socket to write to: never more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Nobody; there is nothing to do.
    Idle,
    /// Nobody yet: it is on the list of what is to be done before the lock is given back.
    Listed,
    /// Somebody, who looks into the outbox again, and reports.
    Busy,
    /// A writer thread, which waits for room in the socket.
    Stuck,
    /// Nobody, for no thread could be started; the thread of the timers has it tried again.
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

    /// Whether more is made for it than whoever writes has had the time to write. A writer that is
    /// stuck has had the time: there it is the client that is slow.
    pub(crate) fn is_crowded(&self) -> bool {
        self.queued > CROWDED && !self.waits()
    }

    /// Whether nothing is written for some time, so that the gateway has to hear of what is added.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.writer, Writer::Stuck | Writer::Starved)
    }
}

/// The socket, shared by all who read and write rather than cloned, which would cost a second
/// descriptor; it is closed when the last of them lets it go. The conditions go with the gateway's
/// lock.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    /// Behind the stream, for fields are dropped in this order.
    _counted: Counted,
    /// The reader need not wait any longer.
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

    /// Ends its threads, wherever they are. What the kernel holds is still sent.
    pub(crate) fn end(&self) {
        // Fails when the peer has broken the connection, and then the threads have found out.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.wake();
    }

    fn wake(&self) {
        self.resumed.notify_all();
        self.drained.notify_all();
    }

    /// Ends its threads, and drops what the kernel holds. The writing side is not shut down: a peer
    /// that reads again before the last thread has ended would take that for an end in good order,
    /// and what it got for all there is. A writer looks up when its time limit comes, if not before.
    pub(crate) fn abort(&self) {
        socket::reset_on_close(&self.stream);
        let _ = self.stream.shutdown(Shutdown::Read);
        self.wake();
    }
}

/// Memory of an outbox above which those who fill it are held up.
const CROWDED: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    /// However long its threads take to end, and whatever the peer has read.
    #[test]
    fn an_abort_is_never_an_end_in_good_order() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let mut peer = TcpStream::connect(address).expect("there is a backlog");
        let (stream, _) = listener.accept().expect("the peer is there");
        let link = Link::new(stream, &Arc::default());
        (&link.stream).write_all(b"half").expect("there is room");
        link.abort();
        let longest = Some(Duration::from_millis(50));
        peer.set_read_timeout(longest).expect("a socket");
        let mut buffer = [0; 8];
        assert_eq!(peer.read(&mut buffer).expect("what was sent"), 4);
        let more = peer.read(&mut buffer).map_err(|error| error.kind());
        assert!(
            matches!(more, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
            "{more:?}"
        );
        drop(link);
        peer.set_read_timeout(None).expect("a socket");
        let end = peer.read(&mut buffer).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    }
}
