//! The runtime with real sockets.

use std::net::{TcpListener, TcpStream};
use std::thread;

use flashgate_core::{Config, What};
use flashgate_std::{Host, Listener, Server};
use flashgate_testing::scenarios::{Client, Nobody, Running};

flashgate_testing::scenarios!(start);

/// When the log panics, the gateway may be half changed: no thread goes on with it, and none hangs.
#[test]
fn a_panic_ends_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
    let address = listener.local_addr().expect("a bound listener knows where");
    let host = Host::new(Config::default(), Nobody).log(|_, note| {
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

fn start(listeners: Vec<Listener>, host: Host) -> Running {
    let server = Server::new(listeners, host).expect("a server can be made");
    let handle = server.handle();
    Running::new(move || server.run(), handle)
}
