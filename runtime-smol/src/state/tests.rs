//! The loop, whose turns each test makes itself.

use super::*;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use flashgate_core::{Answer, Login, Member, Query, Reply};

use flashgate_host::Bell;

use crate::poller::Events;

/// A connection that leaves frees a descriptor, so accepting goes on before its pause is over.
#[test]
fn a_connection_that_leaves_ends_the_pause_of_accepting() {
    let (mut state, address) = state(Config::default());
    let (first, id) = connect(&mut state, address);
    state.listeners.pause(LONG).expect("it is watched");
    let _second = TcpStream::connect(address).expect("there is a backlog");
    drop(first);
    until(&mut state, |state| find(&mut state.conns, id).is_none());
    assert_eq!(state.listeners.paused_until(), None);
    until(&mut state, |state| {
        state.conns.iter().flatten().count() == 1
    });
}

/// One turn may make more for a connection than its backlog may hold.
#[test]
fn a_queue_that_grows_within_a_turn_is_written_in_it() {
    let (mut state, address) = state(unlimited());
    let (_reader, id) = connect(&mut state, address);
    log_in(&mut state, id, 1);
    let (_sender, sender) = connect(&mut state, address);
    log_in(&mut state, sender, 2);
    let mut sent = 0;
    while sent < FLUSH_AT {
        sent += send_to_first(&mut state, sender);
        // The actions alone, without the flush that follows the last of them.
        while let Some(action) = state.gateway.poll() {
            state.apply(action);
        }
    }
    let queued = find(&mut state.conns, id).map(|conn| conn.queue.left());
    assert!(queued.is_some_and(|queued| queued < sent), "{queued:?}");
}

/// Without a report, one turn could queue any amount for a client that does not read.
#[test]
fn a_queue_that_grows_within_a_turn_is_reported_in_it() {
    let mut config = unlimited();
    config.limits.backlog = FLUSH_AT / 2;
    let (mut state, address) = state(config);
    let (_deaf, id) = connect(&mut state, address);
    log_in(&mut state, id, 1);
    let (_sender, sender) = connect(&mut state, address);
    log_in(&mut state, sender, 2);
    find(&mut state.conns, id).expect("it is in").flow = Flow::Blocked;
    let mut sent = 0;
    while sent < 2 * FLUSH_AT && find(&mut state.conns, id).is_some() {
        sent += send_to_first(&mut state, sender);
        state.pump();
    }
    assert!(find(&mut state.conns, id).is_none(), "{sent} bytes wait");
}

/// A loop and the address it serves; it makes a turn only when [`until`] calls for one.
fn state(config: Config) -> (State, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let host = Host::new(config, Everybody);
    let poller = Arc::new(Poller::new().expect("a poller"));
    let (handle, mailbox) = Handle::new(Arc::clone(&poller) as Arc<dyn Bell>);
    let keepalive = &host.config.limits.keepalive;
    let listeners =
        Listeners::new(vec![listener.into()], &poller, keepalive).expect("it can be watched");
    let state = State::new(host, listeners, poller, handle, mailbox);
    (state, address)
}

/// Without a limit on how much a member sends before its own answers are written.
fn unlimited() -> Config {
    let mut config = Config::default();
    (config.limits.rate, config.limits.own_backlog) = (None, usize::MAX);
    config
}

/// A client and the id of its connection.
fn connect(state: &mut State, address: SocketAddr) -> (TcpStream, ConnId) {
    let known = ids(state);
    let client = TcpStream::connect(address).expect("there is a backlog");
    until(state, |state| ids(state).len() > known.len());
    let id = ids(state).into_iter().find(|id| !known.contains(id));
    (client, id.expect("it was accepted"))
}

fn ids(state: &State) -> Vec<ConnId> {
    state.conns.iter().flatten().map(|conn| conn.id).collect()
}

fn log_in(state: &mut State, id: ConnId, number: u32) {
    let bytes = format!("IDENTIFY {number} x\0");
    let input = Input::Bytes(id, bytes.as_bytes());
    state.gateway.handle(state.now, input);
    state.pump();
    state.take_mailbox();
    state.flush_dirty();
}

/// Has a member send a message to member 1; the length of the message.
fn send_to_first(state: &mut State, from: ConnId) -> usize {
    let bytes = format!("MSG m1 {}\0", "x".repeat(7000));
    let input = Input::Bytes(from, bytes.as_bytes());
    state.gateway.handle(state.now, input);
    bytes.len()
}

/// Makes turns until the condition holds.
fn until(state: &mut State, condition: impl Fn(&mut State) -> bool) {
    let (mut events, end) = (Events::new(), Instant::now() + PATIENCE);
    while !condition(state) {
        assert!(Instant::now() < end, "the condition never holds");
        state.poller.wait(&mut events).expect("a poller");
        state.turn(&events).expect("the loop goes on");
        thread::yield_now();
    }
}

/// Every number is a member, and every password right.
struct Everybody;

impl MemberStore for Everybody {
    fn submit(&self, query: Query, reply: Reply) {
        let Query::Identify { login, .. } = query else {
            return reply.send(Answer::Claimed);
        };
        let Login::Id(id) = login else {
            return;
        };
        let nick = format!("m{}", id.0).into();
        let name = "Member".into();
        reply.send(Answer::Member(Member { id, nick, name }));
    }
}

/// As good as for ever.
const LONG: Duration = Duration::from_secs(3600);

/// Longer than any of this takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
