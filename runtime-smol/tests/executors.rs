//! The server under an executor that is not async-io's own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use flashgate_core::{Answer, Config, Denial, MemberStore, Query, Reply};
use flashgate_smol::{Handle, Host, Server};
use futures_lite::future;

/// `async-executor` polls the server's task, and async-io's thread wakes it.
#[test]
fn a_task_of_an_executor() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address");
    let host = Host::new(Config::default(), NoMembers);
    let server = Server::new(vec![listener], host).expect("a server can be made");
    let handle = server.handle();
    let client = thread::spawn(move || talk(address, &handle));

    let executor = async_executor::Executor::new();
    let task = executor.spawn(server.run());
    let ended = future::block_on(executor.run(task));
    ended.expect("the server serves to its end");
    client.join().expect("the client is answered");
}

/// A failed login has its answer after a timer, the shutdown wakes the server without a socket.
fn talk(address: SocketAddr, handle: &Handle) {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).expect("a socket");
    let sent = stream.write_all(b"PING hello\0IDENTIFY 1 x\0");
    sent.expect("the server reads");
    let expected = b"<pong value=\"hello\"/>\0<error value=\"Identification failed.\"/>\0";
    let mut answer = vec![0; expected.len()];
    let read = stream.read_exact(&mut answer);
    read.expect("the server answers");
    assert_eq!(answer, expected);
    handle.shutdown();
    let rest = stream.read_to_end(&mut Vec::new());
    assert_eq!(rest.expect("the server closes"), 0);
}

struct NoMembers;

impl MemberStore for NoMembers {
    fn submit(&self, _query: Query, reply: Reply) {
        reply.send(Answer::Denied(Denial::WrongPassword, None));
    }
}
