//! The server of flashgate-smol as a task of tokio's current-thread runtime.
//!
//! The runtime needs no IO driver: the server's sockets are in a poller of its own, which the thread of async-io
//! waits for. It does need its timer for what the test does beside the server.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use flashgate_core::{Answer, Config, Denial, MemberStore, Query, Reply};
use flashgate_smol::{Host, Server};

#[test]
fn a_server_runs_beside_other_tasks_until_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(vec![listener], Host::new(Config::default(), NoMembers)).unwrap();
    let handle = server.handle();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).unwrap();
        stream.write_all(b"PING hello\0IDENTIFY 1 x\0").unwrap();
        let expected = b"<pong value=\"hello\"/>\0<error value=\"Identification failed.\"/>\0";
        let mut answer = vec![0; expected.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, expected);
        stream
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = tokio::spawn(server.run());
        while !client.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        handle.shutdown();
        server.await.unwrap().unwrap();
    });
    let mut stream = client.join().unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
}

/// A task that is aborted closes everything, as a dropped server does.
#[test]
fn an_aborted_task_closes_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(vec![listener], Host::new(Config::default(), NoMembers)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"PING x\0").unwrap();
        let mut answer = [0; 18];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"<pong value=\"x\"/>\0");
        stream
    });
    runtime.block_on(async {
        let server = tokio::spawn(server.run());
        while !client.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
    });
    let mut stream = client.join().unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert!(TcpStream::connect(address).is_err());
}

struct NoMembers;

impl MemberStore for NoMembers {
    fn submit(&self, _query: Query, reply: Reply) {
        reply.send(Answer::Denied(Denial::WrongPassword, None));
    }
}
