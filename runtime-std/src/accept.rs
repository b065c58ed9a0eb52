//! The listeners, and the thread that accepts for each.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flashgate_core::{Accepted, Cause, ListenerId, Peer};
use flashgate_host::Listener;
use flashgate_host::socket::{ACCEPT_PAUSE, concerns_one_peer, set_options, user};

use crate::conn::Link;
use crate::shared::Shared;
use crate::threads::{read, thread};

/// A listener, shared by the thread that accepts and the one that stops it.
#[derive(Debug)]
pub(crate) struct Acceptor {
    socket: Listener,
    id: ListenerId,
    closed: AtomicBool,
}

impl Acceptor {
    pub(crate) fn new(socket: Listener, id: ListenerId) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.lengthen_backlog();
        Ok(Self {
            socket,
            id,
            closed: AtomicBool::new(false),
        })
    }

    /// Ends the thread that accepts, which closes the listener.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.socket.stop_accepting();
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Accepts until the listener is closed.
pub(crate) fn accept(shared: &Arc<Shared<'_, '_>>, listener: &Acceptor) {
    let _watch = shared.watch();
    loop {
        let seen = shared.closed.count();
        let accepted = listener.socket.accept();
        if listener.is_closed() {
            return;
        }
        match accepted {
            Ok((stream, peer)) => welcome(shared, listener.id, stream, peer),
            Err(error) if concerns_one_peer(&error) => {}
            Err(_) => shared.closed.wait(seen, ACCEPT_PAUSE),
        }
    }
}

fn welcome(shared: &Arc<Shared<'_, '_>>, listener: ListenerId, stream: TcpStream, peer: Peer) {
    let user = user(&stream, peer);
    let link = Arc::new(Link::new(stream, &shared.closed));
    let origin = Accepted {
        listener,
        peer,
        user,
    };
    let Ok((id, keepalive)) = shared.enter(|state| state.accept(origin, &link)) else {
        return; // The core has said why; dropping the stream closes it.
    };
    set_options(&link.stream, &keepalive);
    let reader = Arc::clone(shared);
    let read = move || read(&reader, id, &link);
    let started = thread("flashgate-read").spawn_scoped(shared.scope, read);
    // Without a thread or memory for it, this connection ends, and the others go on.
    if started.is_err() {
        shared.enter(|state| state.gone(id, Cause::Reset));
    }
}
