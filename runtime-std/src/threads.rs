//! What the threads do: one accepts, each connection has one that reads, and one that writes while
//! its socket has no room.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;

use flashgate_core::{Accepted, Cause, ConnId, ListenerId};
use flashgate_host::socket::{ACCEPT_PAUSE, concerns_one_peer, lengthen_backlog, set_options};
use zeroize::Zeroize;

use crate::conn::Link;
use crate::shared::Shared;
use crate::socket::{self, Patient};
use crate::state::Hand;

/// A listener, shared by the thread that accepts and the one that stops it.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    id: ListenerId,
    closed: AtomicBool,
}

impl Door {
    pub(crate) fn new(listener: TcpListener, id: ListenerId) -> io::Result<Self> {
        listener.set_nonblocking(false)?;
        lengthen_backlog(&listener);
        Ok(Self {
            listener,
            id,
            closed: AtomicBool::new(false),
        })
    }

    /// Ends the thread that accepts, which closes the listener.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        socket::stop_accepting(&self.listener);
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Accepts until the door is closed.
pub(crate) fn accept(shared: &Arc<Shared<'_, '_>>, door: &Door) {
    let _watch = shared.watch();
    loop {
        let seen = shared.closed.count();
        let accepted = door.listener.accept();
        if door.is_closed() {
            return;
        }
        match accepted {
            Ok((stream, peer)) => welcome(shared, door.id, stream, peer),
            Err(error) if concerns_one_peer(&error) => {}
            Err(_) => shared.closed.wait(seen, ACCEPT_PAUSE),
        }
    }
}

fn welcome(
    shared: &Arc<Shared<'_, '_>>,
    listener: ListenerId,
    stream: TcpStream,
    peer: SocketAddr,
) {
    let link = Arc::new(Link::new(stream, &shared.closed));
    let origin = Accepted { listener, peer };
    let Ok((id, keepalive)) = shared.enter(|state| state.accept(origin, &link)) else {
        return; // The core has said why; dropping the stream closes it.
    };
    set_options(&link.stream, &keepalive);
    let reader = Arc::clone(shared);
    let read = move || read(&reader, id, &link);
    let started = thread("flashgate-read").spawn_scoped(shared.scope, read);
    // Want of threads or memory ends this connection, and leaves the others theirs.
    if started.is_err() {
        shared.enter(|state| state.gone(id, Cause::Reset));
    }
}

/// Reads until the end of the stream, or of the connection.
fn read(shared: &Arc<Shared<'_, '_>>, id: ConnId, link: &Link) {
    let _watch = shared.watch();
    let mut buffer = [0; READ_BUFFER];
    loop {
        let read = match (&link.stream).read(&mut buffer) {
            Ok(length) => Ok(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let length = read.as_ref().map_or(0, |bytes| bytes.len());
        let flow = shared.deliver(id, link, read);
        // A password may have been among them, and the stack of a thread that has ended is given to
        // another as it is. With the last bytes, plain zeros would be for nothing, and be left out.
        buffer[..length].zeroize();
        if flow.is_break() {
            return;
        }
    }
}

/// Writes until nothing is left, or the connection has ended.
pub(crate) fn write(shared: &Arc<Shared<'_, '_>>, id: ConnId, link: &Link) {
    let _watch = shared.watch();
    if let Err(error) = socket::limit_writes(&link.stream) {
        return shared.enter(|state| state.lost(id, &error));
    }
    let mut work = shared.enter(|state| state.work(id));
    while let Some(mut queue) = work {
        let waits = || shared.enter(|state| state.stuck(id));
        let written = queue.write_to(Patient::new(&link.stream, waits));
        work = shared.enter(|state| {
            state.wrote(Hand::Writer, id, queue, written);
            state.work(id)
        });
    }
}

/// A thread with a small stack. Its size is address space, not memory; what runs on it is the core,
/// the host's log and the host's store, none of which goes deep.
pub(crate) fn thread(name: &str) -> Builder {
    Builder::new().name(name.to_owned()).stack_size(STACK)
}

const STACK: usize = 256 * 1024;

/// On the stack of each reader, where it is all the memory that a silent connection's buffer costs;
/// below the core's [`MAX_READ`](flashgate_core::MAX_READ).
const READ_BUFFER: usize = 4 * 1024;
