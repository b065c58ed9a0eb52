//! The listeners, and their pauses when there is no descriptor for the next connection.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::{KeepAlive, ListenerId, Peer};
use flashgate_host::Listener as Bound;
use flashgate_host::socket::{ACCEPT_PAUSE, concerns_one_peer};

use crate::poller::{Interest, Poller, Registered};
use crate::socket;

/// All listeners of a server.
#[derive(Debug)]
pub(crate) struct Listeners {
    listeners: Vec<Listener>,
    /// The number of this turn.
    turn: u64,
    /// Until when nothing is accepted, on the machine's clock and not the host's: the machine is short of
    /// something.
    paused_until: Option<Instant>,
}

#[derive(Debug)]
struct Listener {
    socket: Registered<Bound>,
    /// The last turn in which connections waited, and the most that were accepted then.
    ready_in: u64,
    batch: usize,
}

impl Listeners {
    pub(crate) fn new(
        listeners: Vec<Bound>,
        poller: &Arc<Poller>,
        keepalive: &KeepAlive,
    ) -> io::Result<Self> {
        let mut registered = Vec::with_capacity(listeners.len());
        for (index, listener) in listeners.into_iter().enumerate() {
            socket::prepare_listener(&listener, keepalive)?;
            registered.push(Listener {
                socket: Registered::new(listener, poller, key(index))?,
                ready_in: 0,
                batch: 1,
            });
        }
        Ok(Self {
            listeners: registered,
            turn: 1,
            paused_until: None,
        })
    }

    /// The listener that an event with this key belongs to.
    pub(crate) fn find(&self, event_key: usize) -> Option<ListenerId> {
        let index = key(0).checked_sub(event_key)?;
        (index < self.listeners.len()).then_some(ListenerId(index))
    }

    /// Begins a turn.
    pub(crate) fn begin_turn(&mut self) {
        self.turn += 1;
    }

    /// The most connections to accept from a listener in this turn. It starts at one, so that a lone client
    /// costs no extra `accept` that would block. While the listener stays ready, the number grows eightfold
    /// each turn.
    pub(crate) fn batch(&mut self, id: ListenerId) -> usize {
        let Some(listener) = self.listeners.get_mut(id.0) else {
            return 0;
        };
        let again = listener.ready_in + 1 == self.turn;
        listener.ready_in = self.turn;
        listener.batch = if again {
            MAX_ACCEPTS.min(listener.batch * 8)
        } else {
            1
        };
        listener.batch
    }

    /// The next connection that waits at a listener.
    pub(crate) fn accept(
        &mut self,
        id: ListenerId,
        keepalive: &KeepAlive,
    ) -> io::Result<Option<(TcpStream, Peer)>> {
        let Some(listener) = self.listeners.get(id.0) else {
            return Ok(None);
        };
        if self.paused_until.is_some() {
            return Ok(None);
        }
        match socket::accept(listener.socket.get(), keepalive) {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // The other connections still wait in the next turn.
            Err(error) if concerns_one_peer(&error) => Ok(None),
            Err(_) => {
                self.pause(ACCEPT_PAUSE)?;
                Ok(None)
            }
        }
    }

    /// Sets the keep-alive probes of connections that are accepted from now on.
    pub(crate) fn set_keepalive(&self, keepalive: &KeepAlive) {
        for listener in &self.listeners {
            socket::set_for_accepted(listener.socket.get(), keepalive);
        }
    }

    /// Stops accepting for this long.
    pub(crate) fn pause(&mut self, length: Duration) -> io::Result<()> {
        self.paused_until = Some(Instant::now() + length);
        self.watch(Interest::NONE)
    }

    /// Ends a pause: its time is over, or a descriptor is free.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        if self.paused_until.is_some() {
            self.watch(Interest::READ)?;
            self.paused_until = None;
        }
        Ok(())
    }

    /// When the pause ends, if there is one.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Closes the listeners. Connections in their backlogs are refused.
    pub(crate) fn close(&mut self) {
        // The program may have kept a copy of a listener. Then closing ours does not remove it from the poller,
        // which would report each new connection for ever.
        let _ = self.watch(Interest::NONE);
        self.listeners.clear();
        self.paused_until = None;
    }

    fn watch(&mut self, interest: Interest) -> io::Result<()> {
        self.listeners
            .iter_mut()
            .try_for_each(|l| l.socket.watch(interest))
    }
}

/// Listeners have the highest keys below the poller's own; connections have the low ones (see
/// [`ConnId::to_bits`](flashgate_core::ConnId::to_bits)).
fn key(index: usize) -> usize {
    usize::MAX - 1 - index
}

/// The most connections that are accepted from one listener in a turn, some milliseconds of work; the others
/// wait in its backlog. When everybody reconnects at once, turns with many logins are long. With fewer accepts
/// a backlog of 4,096 would overflow, and the clients outside it would try again after 1 s, 3 s, 7 s and so on.
const MAX_ACCEPTS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::poller::Events;

    #[test]
    fn a_crowd_is_taken_in_many_at_a_time_and_one_alone_without_a_second_look() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (poller, keepalive) = (Arc::new(Poller::new().unwrap()), KeepAlive::default());
        let mut listeners = Listeners::new(vec![listener.into()], &poller, &keepalive).unwrap();
        let mut events = Events::new();
        let mut turn = || {
            listeners.begin_turn();
            poller.wait(&mut events).unwrap();
            let id = events.iter().find_map(|event| listeners.find(event.key));
            let Some(id) = id else {
                return (0, 0);
            };
            let most = listeners.batch(id);
            let accept = |_| listeners.accept(id, &keepalive).unwrap();
            (most, (0..most).map_while(accept).count())
        };
        let come = |count| -> Vec<TcpStream> {
            let connect = |_| TcpStream::connect(address).unwrap();
            (0..count).map(connect).collect()
        };

        let _crowd = come(200);
        let taken = [(); 5].map(|()| turn());
        assert_eq!(taken, [(1, 1), (8, 8), (64, 64), (512, 127), (0, 0)]);
        for _ in 0..3 {
            let _one = come(1);
            assert_eq!([turn(), turn()], [(1, 1), (0, 0)]);
        }
    }

    /// The program may have kept a copy, which keeps the socket open.
    #[test]
    fn a_closed_listener_is_not_heard_of_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = listener.try_clone().unwrap();
        let poller = Arc::new(Poller::new().unwrap());
        let mut listeners =
            Listeners::new(vec![listener.into()], &poller, &KeepAlive::default()).unwrap();
        listeners.close();
        let _peer = TcpStream::connect(held.local_addr().unwrap()).unwrap();
        let mut events = Events::new();
        poller.wait(&mut events).unwrap();
        assert!(events.is_empty(), "{:?}", events.iter().next());
    }
}
