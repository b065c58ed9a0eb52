//! The listeners, and the pauses they take.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::{KeepAlive, ListenerId};

use crate::poller::{Interest, Poller, Registered};
use crate::socket;

/// All listeners of a server.
#[derive(Debug)]
pub(crate) struct Listeners {
    listeners: Vec<Registered<TcpListener>>,
    /// Until when nothing is accepted. On the machine's clock, not the host's: it is the machine
    /// that is short of something.
    paused_until: Option<Instant>,
}

impl Listeners {
    pub(crate) fn new(
        listeners: Vec<TcpListener>,
        poller: &Arc<Poller>,
        keepalive: &KeepAlive,
    ) -> io::Result<Self> {
        let mut registered = Vec::with_capacity(listeners.len());
        for (index, listener) in listeners.into_iter().enumerate() {
            socket::prepare_listener(&listener, keepalive)?;
            registered.push(Registered::new(listener, poller, key(index))?);
        }
        Ok(Self {
            listeners: registered,
            paused_until: None,
        })
    }

    /// The listener that an event with this key is about.
    pub(crate) fn find(&self, event_key: usize) -> Option<ListenerId> {
        let index = key(0).checked_sub(event_key)?;
        (index < self.listeners.len()).then_some(ListenerId(index))
    }

    /// The next connection that waits at a listener.
    pub(crate) fn accept(
        &mut self,
        id: ListenerId,
        keepalive: &KeepAlive,
    ) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        let Some(listener) = self.listeners.get(id.0) else {
            return Ok(None);
        };
        if self.paused_until.is_some() {
            return Ok(None);
        }
        match socket::accept(listener.get(), keepalive) {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // The others are still there in the next turn.
            Err(error) if socket::concerns_one_peer(&error) => Ok(None),
            Err(_) => {
                self.paused_until = Some(Instant::now() + PAUSE);
                self.watch(Interest::NONE)?;
                Ok(None)
            }
        }
    }

    /// From now on, connections are asked by these whether they live.
    pub(crate) fn set_keepalive(&self, keepalive: &KeepAlive) {
        for listener in &self.listeners {
            socket::set_for_accepted(listener.get(), keepalive);
        }
    }

    /// Goes on after a pause: when it is over, or when there is room again.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        if self.paused_until.is_some() {
            self.watch(Interest::READ)?;
            self.paused_until = None;
        }
        Ok(())
    }

    /// When a pause has to end.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Closes them; who waits in their backlogs is turned away.
    pub(crate) fn close(&mut self) {
        // Whoever gave them to us may have kept copies. Then the poller does not forget them as we
        // do, and would tell of each connection to come, for ever.
        let _ = self.watch(Interest::NONE);
        self.listeners.clear();
        self.paused_until = None;
    }

    fn watch(&mut self, interest: Interest) -> io::Result<()> {
        self.listeners
            .iter_mut()
            .try_for_each(|l| l.watch(interest))
    }
}

/// Connections have the low keys (see [`ConnId::to_bits`](flashgate_core::ConnId::to_bits));
/// the highest is the poller's own.
fn key(index: usize) -> usize {
    usize::MAX - 1 - index
}

/// Without a descriptor to spare, accepting again at once would fail again at once.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poller::Events;

    /// Whoever gave it to us may have kept a copy, and then it lives on.
    #[test]
    fn a_closed_listener_is_not_heard_of_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = listener.try_clone().unwrap();
        let poller = Arc::new(Poller::new().unwrap());
        let mut listeners = Listeners::new(vec![listener], &poller, &KeepAlive::default()).unwrap();
        listeners.close();
        let _peer = TcpStream::connect(held.local_addr().unwrap()).unwrap();
        let mut events = Events::new();
        poller.wait(&mut events).unwrap();
        assert!(events.is_empty(), "{:?}", events.iter().next());
    }
}
