//! A server that runs out of descriptors, in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use flashgate_core::Config;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::client::Client;
use super::{Start, World};
use crate::cpu_ticks;

/// The server pauses accepting, without spinning and without harm to connected clients; then it goes on.
///
/// `test` is the name of the calling test, which this starts again as the process of the server.
pub fn descriptors_run_out(test: &str, start: Start) {
    if std::env::var_os(CHILD).is_some() {
        return serve(start);
    }
    let mut server = Command::new(std::env::current_exe().expect("a test has a program"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a test can be started again");
    let address = address(&mut server);

    let mut clients: Vec<_> = (0..DESCRIPTORS + 20)
        .map(|_| Client::connect(address))
        .collect();
    clients[0].ping("inside");
    let last = clients.last_mut().expect("there are many clients");
    last.send("PING outside\0");
    last.expect_silence(Duration::from_millis(300));
    let before = cpu_ticks(server.id());
    thread::sleep(Duration::from_secs(1));
    let spent = cpu_ticks(server.id()) - before;
    assert!(spent < 20, "the server spins: {spent} of 100 ticks");
    clients[0].ping("inside");

    let mut last = clients.pop().expect("there are many clients");
    clients.truncate(1);
    last.expect("<pong value=\"outside\"/>\0");
    clients[0].ping("inside");
    drop(server.stdin.take());
    let status = server.wait().expect("the server's process is ours");
    assert!(status.success(), "{status}");
}

/// The server's process: serves until its standard input ends.
fn serve(start: Start) {
    let limit = Some(DESCRIPTORS as u64);
    let few = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, few).expect("a limit may be lowered");
    let world = World::start(start, Config::default());
    let told = writeln!(std::io::stdout(), "\naddress {}", world.address);
    told.expect("somebody is to connect");
    let _ = std::io::stdin().read(&mut [0]);
    world.stop();
}

fn address(server: &mut Child) -> std::net::SocketAddr {
    let output = server.stdout.as_mut().expect("the output is piped");
    for line in BufReader::new(output).lines() {
        let line = line.expect("the server's process prints text");
        if let Some(address) = line.strip_prefix("address ") {
            return address.parse().expect("an address");
        }
    }
    panic!("the server's process printed no address");
}

const CHILD: &str = "FLASHGATE_TEST_SERVER";

/// For the server's process, of which a dozen are not for connections.
const DESCRIPTORS: usize = 40;
