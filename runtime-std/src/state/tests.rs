//! The state without threads of its own.

use super::*;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use flashgate_core::ListenerId;
use flashgate_host::Handle;

use crate::bell::Bell;
use crate::lock::Lock;

#[test]
fn a_connection_without_a_thread_keeps_its_bytes_and_is_tried_again() {
    let (mut state, id, _) = with_one();

    assert!(state.received(id, Ok(b"PING 1\0")).is_continue());
    state.pump();
    assert!(state.hand_out(Hand::Writer).is_empty());
    assert_eq!(mem::take(&mut state.after).writers.len(), 1);
    state.starve(id);
    assert!(state.is_flushed(), "as far as it goes");
    assert!(state.received(id, Ok(b"PING 2\0")).is_continue());
    state.pump();
    state.feed_starved();
    assert!(state.hand_out(Hand::Passing).is_empty(), "too soon");
    assert!(state.starve_on().is_some_and(|time| time <= STARVE));

    state.starved_since = Instant::now().checked_sub(STARVE);
    state.feed_starved();
    assert_eq!(state.starve_on(), None);
    let mut jobs = state.hand_out(Hand::Passing);
    let mut bytes = Vec::new();
    let written = jobs[0].work.write_to(&mut bytes);
    assert!(written.is_ok() && jobs.len() == 1);
    assert_eq!(bytes, b"<pong value=\"1\"/>\0<pong value=\"2\"/>\0");
}

/// A reader that waits for a writer is woken by what the writer writes, and not by its time limit alone.
#[test]
fn an_outbox_that_is_drained_wakes_the_waiting_reader() {
    wakes(|state, id| {
        let mut work = state.work(id).expect("it is to be written");
        let written = work.write_to(io::sink());
        state.wrote(Hand::Writer, id, work, written);
    });
}

/// And by a writer that has to wait for the client: nobody else waits for that.
#[test]
fn a_full_socket_wakes_the_reader_that_waits_for_its_writer() {
    wakes(State::stuck);
}

#[test]
fn a_writer_that_cannot_be_started_wakes_the_waiting_reader() {
    wakes(State::starve);
}

fn wakes(how: impl FnOnce(&mut State, ConnId)) {
    let (mut state, id, link) = with_one();
    state.crowd(id);
    let lock = Lock::new(state);
    let ((waits, waiting), (wakes, woken)) = (mpsc::channel(), mpsc::channel());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = lock.lock();
            // The lock is free only once this thread waits for the condition.
            waits.send(()).expect("the test waits for it");
            state.wait_while(&link.drained, LONG, |state| state.is_crowded(id));
            wakes.send(()).expect("the test waits for it");
        });
        waiting.recv().expect("the thread begins");
        how(&mut lock.lock(), id);
        let woken = woken.recv_timeout(PATIENCE);
        lock.lock().conns.clear();
        link.drained.notify_all(); // So that a failure ends too.
        assert_eq!(woken, Ok(()));
    });
}

impl State {
    /// Has more made for a connection than its writer thread has had the time to write.
    pub(crate) fn crowd(&mut self, id: ConnId) {
        let chunk = Chunk::from(&[b'x'; 200][..]);
        while !self.is_crowded(id) {
            self.push(id, chunk.clone());
        }
        assert!(self.hand_out(Hand::Writer).is_empty());
        self.after = After::default();
    }
}

/// The state of a server with one connection.
fn with_one() -> (State, ConnId, Arc<Link>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let stream = TcpStream::connect(address).expect("there is a backlog");
    let (config, now) = (Arc::new(Config::default()), Now::default());
    let gateway = Gateway::new(Arc::clone(&config), now);
    let progress = Progress::new(&Handle::new(Arc::new(Bell::default())).0);
    let mut state = State::new(gateway, config, Box::new(|_, _| {}), now, progress);
    let (listener, peer) = (ListenerId(0), address);
    let link = Arc::new(Link::new(stream, &Arc::default()));
    let entered = state.accept(
        Accepted {
            listener,
            peer: peer.into(),
            user: None,
        },
        &link,
    );
    let (id, _) = entered.expect("the first is welcome");
    (state, id, link)
}

/// As good as for ever.
const LONG: Duration = Duration::from_secs(3600);

/// Longer than any of this takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
