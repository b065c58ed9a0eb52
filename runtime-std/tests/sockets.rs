//! The runtime with real sockets.

mod scenarios;

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use flashgate_core::{Answer, Config, Denial, MemberStore, Query, Reply, What};
use flashgate_std::{Host, Server, SystemClock};
use scenarios::{Client, Running};

#[test]
fn a_conversation() {
    scenarios::a_conversation(start, clock());
}

#[test]
fn a_policy_request() {
    scenarios::a_policy_request(start, clock());
}

#[test]
fn a_half_closed_client() {
    scenarios::a_half_closed_client(start, clock());
}

#[test]
fn a_flood_of_commands() {
    scenarios::a_flood_of_commands(start, clock());
}

#[test]
fn a_reset_while_paused() {
    scenarios::a_reset_while_paused(start, clock());
}

#[test]
fn a_stop() {
    scenarios::a_stop(start, clock());
}

#[test]
fn calls_after_the_end() {
    scenarios::calls_after_the_end(start, clock());
}

#[test]
fn a_client_that_never_reads() {
    scenarios::a_client_that_never_reads(start, clock());
}

#[test]
fn a_late_reader() {
    scenarios::a_late_reader(start, clock());
}

#[test]
fn a_reader_among_flooders() {
    scenarios::a_reader_among_flooders(start, clock());
}

#[test]
fn many_clients_at_once() {
    scenarios::many_clients_at_once(start, clock());
}

#[test]
fn descriptors_run_out() {
    scenarios::descriptors_run_out("descriptors_run_out", start, clock());
}

/// A gateway may be half changed when the log panics under it: nobody goes on with it, or hangs.
#[test]
fn a_panic_ends_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
    let address = listener.local_addr().expect("a bound listener knows where");
    let host = Host::new(Config::default(), NoMembers).log(|_, note| {
        if let What::Connected { clients: 2, .. } = note.what {
            panic!("as this test wants it");
        }
    });
    let server = Server::new(vec![listener], host).expect("a server can be made");
    let running = thread::spawn(move || server.run());
    let mut first = Client::connect(address);
    first.ping("one");
    let mut second = Client::connect(address);
    second.send("PING two\0");
    first.expect_end();
    second.expect_end();
    assert!(running.join().is_err(), "the panic leaves by run");
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}

struct NoMembers;

impl MemberStore for NoMembers {
    fn submit(&self, _query: Query, reply: Reply) {
        reply.send(Answer::Denied(Denial::WrongPassword, None));
    }
}

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::new())
}

fn start(listeners: Vec<TcpListener>, host: Host) -> Running {
    let server = Server::new(listeners, host).expect("a server can be made");
    let handle = server.handle();
    Running::new(move || server.run(), move || handle.shutdown())
}
