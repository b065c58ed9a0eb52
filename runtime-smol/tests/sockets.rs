//! The runtime with real sockets.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flashgate_core::{Clock, Config, MemberStore, Millis, Now, Query, Reply};
use flashgate_smol::{Host, Listener, Server, SystemClock};
use flashgate_testing::scenarios::{Client, Nobody, Running};
use futures_lite::future;

flashgate_testing::scenarios!(start);

/// The server's future may be dropped at any time, and leaves nothing behind.
#[test]
fn a_dropped_server_closes_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
    let address = listener.local_addr().expect("a bound listener knows where");
    let host = Host::new(Config::default(), Nobody);
    let server = Server::new(vec![listener], host).expect("a server can be made");
    let handle = server.handle();
    let clients = thread::spawn(move || {
        let mut client = Client::connect(address);
        client.ping("hello");
        client
    });
    // `Send`, so that any executor can spawn it.
    let mut running: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(server.run());
    async_io::block_on(async {
        while !clients.is_finished() {
            let pause = async_io::Timer::after(Duration::from_millis(5));
            let served = async { (&mut running).await.map(|()| "it has ended") };
            let ended = future::or(served, async { Ok(pause.await).map(|_| "") }).await;
            assert_eq!(ended.expect("the server serves"), "");
        }
    });
    drop(running);
    let mut client = clients.join().expect("the client was answered");
    client.expect_end();
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
    handle.shutdown(); // The server is gone, and this has no effect.
}

/// The poller reports the end of a stream for as long as the socket is watched for reading.
#[test]
fn an_end_that_waits_for_an_answer_lets_the_loop_sleep() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
    let address = listener.local_addr().expect("a bound listener knows where");
    let (asks, asked) = mpsc::channel();
    let clock = Arc::new(Counting(SystemClock::new(), AtomicUsize::new(0)));
    let host = Host::new(Config::default(), Silent(asks)).clock(Arc::clone(&clock));
    let _running = start(vec![listener.into()], host);
    let mut client = TcpStream::connect(address).expect("somebody listens");
    client
        .write_all(b"IDENTIFY 1 x\0")
        .expect("the socket has space");
    client.shutdown(Shutdown::Write).expect("it is open");
    let asked = asked.recv_timeout(Duration::from_secs(20));
    let _unanswered = asked.expect("the store is asked");
    let before = clock.1.load(Ordering::SeqCst);
    thread::sleep(Duration::from_millis(100));
    let turns = clock.1.load(Ordering::SeqCst) - before;
    assert!(before > 0 && turns < 10, "{before}, and {turns} since");
}

/// Each turn of the loop reads it.
struct Counting(SystemClock, AtomicUsize);

impl Clock for Counting {
    fn now(&self) -> Now {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.now()
    }

    fn until(&self, deadline: Millis) -> Option<Duration> {
        self.0.until(deadline)
    }
}

/// Reports that it was asked, and does not answer.
struct Silent(mpsc::Sender<Reply>);

impl MemberStore for Silent {
    fn submit(&self, _: Query, reply: Reply) {
        // The test may have ended.
        let _ = self.0.send(reply);
    }
}

fn start(listeners: Vec<Listener>, host: Host) -> Running {
    let server = Server::new(listeners, host).expect("a server can be made");
    let handle = server.handle();
    Running::new(move || async_io::block_on(server.run()), handle)
}
