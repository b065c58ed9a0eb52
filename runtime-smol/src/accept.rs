//! The listeners, and the pauses they take.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::{KeepAlive, ListenerId};
use flashgate_host::socket::{ACCEPT_PAUSE, concerns_one_peer};

use crate::poller::{Interest, Poller, Registered};
use crate::socket;

/// All listeners of a server.
#[derive(Debug)]
pub(crate) struct Listeners {
    listeners: Vec<Listener>,
    /// The turn of the loop, counted.
    turn: u64,
    /// Until when nothing is accepted. On the machine's clock, not the host's: it is the machine
    /// that is short of something.
    paused_until: Option<Instant>,
}

#[derive(Debug)]
struct Listener {
    socket: Registered<TcpListener>,
    /// When somebody waited there last, and how many were taken then at most.
    ready_in: u64,
    batch: usize,
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

    /// The listener that an event with this key is about.
    pub(crate) fn find(&self, event_key: usize) -> Option<ListenerId> {
        let index = key(0).checked_sub(event_key)?;
        (index < self.listeners.len()).then_some(ListenerId(index))
    }

    /// Another turn of the loop begins.
    pub(crate) fn begin_turn(&mut self) {
        self.turn += 1;
    }

    /// How many to take at most of those that wait at a listener, in this turn. The poller says again
    /// that there are more: so one is taken, which spares a system call that finds nobody, and many
    /// of those who come in crowds.
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
    ) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        let Some(listener) = self.listeners.get(id.0) else {
            return Ok(None);
        };
        if self.paused_until.is_some() {
            return Ok(None);
        }
        match socket::accept(listener.socket.get(), keepalive) {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // The others are still there in the next turn.
            Err(error) if concerns_one_peer(&error) => Ok(None),
            Err(_) => {
                self.pause(ACCEPT_PAUSE)?;
                Ok(None)
            }
        }
    }

    /// From now on, connections are asked by these whether they live.
    pub(crate) fn set_keepalive(&self, keepalive: &KeepAlive) {
        for listener in &self.listeners {
            socket::set_for_accepted(listener.socket.get(), keepalive);
        }
    }

    /// Accepts nothing for this long.
    pub(crate) fn pause(&mut self, length: Duration) -> io::Result<()> {
        self.paused_until = Some(Instant::now() + length);
        self.watch(Interest::NONE)
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
            .try_for_each(|l| l.socket.watch(interest))
    }
}

/// Connections have the low keys (see [`ConnId::to_bits`](flashgate_core::ConnId::to_bits));
/// the highest is the poller's own.
fn key(index: usize) -> usize {
    usize::MAX - 1 - index
}

/// Connections taken from one listener in a turn, some milliseconds' work; the rest keep in its backlog.
/// When all come back at once, a turn in which many log in is long, and a backlog of 4,096 would
/// overflow meanwhile: those left outside try again after 1 s, 3 s, 7 s and so on.
const MAX_ACCEPTS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poller::Events;

    #[test]
    fn a_crowd_is_taken_in_many_at_a_time_and_one_alone_without_a_second_look() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (poller, keepalive) = (Arc::new(Poller::new().unwrap()), KeepAlive::default());
        let mut listeners = Listeners::new(vec![listener], &poller, &keepalive).unwrap();
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
