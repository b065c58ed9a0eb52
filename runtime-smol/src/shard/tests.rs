//! The loop, whose turns each test makes itself.

use super::*;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use flashgate_core::{Answer, Login, Member, Query, Reply};

use flashgate_host::Bell;

/// A connection that leaves frees a descriptor, so accepting goes on before its pause is over.
#[test]
fn a_connection_that_leaves_ends_the_pause_of_accepting() {
    let (mut shard, address) = shard(Config::default());
    let (first, id) = connect(&mut shard, address);
    shard.listeners.pause(LONG).expect("it is watched");
    let _second = TcpStream::connect(address).expect("there is a backlog");
    drop(first);
    until(&mut shard, |shard| find(&mut shard.conns, id).is_none());
    assert_eq!(shard.listeners.paused_until(), None);
    until(&mut shard, |shard| {
        shard.conns.iter().flatten().count() == 1
    });
}

/// One turn may make more for a connection than its backlog may hold.
#[test]
fn a_queue_that_grows_within_a_turn_is_written_in_it() {
    let (mut shard, address) = shard(unlimited());
    let (_reader, id) = connect(&mut shard, address);
    log_in(&mut shard, id, 1);
    let (_sender, sender) = connect(&mut shard, address);
    log_in(&mut shard, sender, 2);
    let mut sent = 0;
    while sent < FLUSH_AT {
        sent += send_to_first(&mut shard, sender);
        // The actions alone, without the flush that follows the last of them.
        while let Some(action) = shard.gateway.poll() {
            shard.apply(action);
        }
    }
    let queued = find(&mut shard.conns, id).map(|conn| conn.queued());
    assert!(queued.is_some_and(|queued| queued < sent), "{queued:?}");
}

/// Without a report, one turn could queue any amount for a client that does not read.
#[test]
fn a_queue_that_grows_within_a_turn_is_reported_in_it() {
    let mut config = unlimited();
    config.limits.backlog = FLUSH_AT / 2;
    let (mut shard, address) = shard(config);
    let (_deaf, id) = connect(&mut shard, address);
    log_in(&mut shard, id, 1);
    let (_sender, sender) = connect(&mut shard, address);
    log_in(&mut shard, sender, 2);
    find(&mut shard.conns, id).expect("it is in").flow = Flow::Blocked;
    let mut sent = 0;
    while sent < 2 * FLUSH_AT && find(&mut shard.conns, id).is_some() {
        sent += send_to_first(&mut shard, sender);
        shard.pump();
    }
    assert!(find(&mut shard.conns, id).is_none(), "{sent} bytes wait");
}

/// A loop and the address it serves; it makes a turn only when [`until`] calls for one.
fn shard(config: Config) -> (Shard, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let host = Host::new(config, Everybody);
    let poller = Arc::new(Poller::new().expect("a poller"));
    let (handle, inbox) = Handle::new(Arc::clone(&poller) as Arc<dyn Bell>);
    let keepalive = &host.config.limits.keepalive;
    let listeners = Listeners::new(vec![listener], &poller, keepalive).expect("it can be watched");
    let shard = Shard::new(host, listeners, poller, handle, inbox);
    (shard, address)
}

/// Without a limit on how much a member sends before its own answers are written.
fn unlimited() -> Config {
    let mut config = Config::default();
    (config.limits.rate, config.limits.own_backlog) = (None, usize::MAX);
    config
}

/// A client and the id of its connection.
fn connect(shard: &mut Shard, address: SocketAddr) -> (TcpStream, ConnId) {
    let known = ids(shard);
    let client = TcpStream::connect(address).expect("there is a backlog");
    until(shard, |shard| ids(shard).len() > known.len());
    let id = ids(shard).into_iter().find(|id| !known.contains(id));
    (client, id.expect("it was accepted"))
}

fn ids(shard: &Shard) -> Vec<ConnId> {
    shard.conns.iter().flatten().map(Conn::id).collect()
}

fn log_in(shard: &mut Shard, id: ConnId, number: u32) {
    let bytes = format!("IDENTIFY {number} x\0");
    let input = Input::Bytes(id, bytes.as_bytes());
    shard.gateway.handle(shard.now, input);
    shard.pump();
    shard.take_inbox();
    shard.flush_dirty();
}

/// Has a member send a message to member 1; the length of the message.
fn send_to_first(shard: &mut Shard, from: ConnId) -> usize {
    let bytes = format!("MSG m1 {}\0", "x".repeat(7000));
    let input = Input::Bytes(from, bytes.as_bytes());
    shard.gateway.handle(shard.now, input);
    bytes.len()
}

/// Makes turns until the condition holds.
fn until(shard: &mut Shard, condition: impl Fn(&mut Shard) -> bool) {
    let (mut events, end) = (Events::new(), Instant::now() + PATIENCE);
    while !condition(shard) {
        assert!(Instant::now() < end, "the condition never holds");
        shard.poller.wait(&mut events).expect("a poller");
        shard.turn(&events).expect("the loop goes on");
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
