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
        self.wake();
    }

    fn wake(&self) {
        self.more.notify_all();
        self.resumed.notify_all();
        self.drained.notify_all();
    }

    /// Ends both threads, and drops what the kernel holds. The writing side is not shut down: a peer
    /// that reads again before the last thread has ended would take that for an end in good order,
    /// and what it got for all there is. The writer looks up when its time limit comes, if not before.
    pub(crate) fn abort(&self) {
        socket::reset_on_close(&self.stream);
        let _ = self.stream.shutdown(Shutdown::Read);
        self.wake();
    }
}

/// Bytes in an outbox above which those who fill it are held up.
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
        let link = Link::new(stream);
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
