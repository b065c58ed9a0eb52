//! A few clients and their manners.

use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use flashgate_core::{CloseReason, Config};

use super::{Start, World};

/// Two members log in, see each other, and write to each other.
pub fn a_conversation(start: Start) {
    let world = World::start(start, Config::default());
    let mut alice = world.login(1);
    let mut bob = world.login(2);
    alice.expect("<login aid=\"m2\" name=\"Member 2\" />\0");
    bob.send("LIST\0MSG m1 hi &");
    bob.send(" bye\0");
    bob.expect(
        "<nicklist><nick aid=\"m1\" name=\"Member 1\" /><nick aid=\"m2\" name=\"Member 2\" /></nicklist>\0",
    );
    let times = [&mut alice, &mut bob].map(|client| {
        client.expect("<msg aid=\"m2\" time=\"");
        let time = client.read("HH:MM:SS".len());
        client.expect("\" msg=\"hi &amp; bye\" from=\"m1\" />\0");
        time
    });
    assert_eq!(times[0], times[1]);
    bob.send("QUIT\0");
    bob.expect_end();
    drop(bob);
    alice.expect("<quit aid=\"m2\" />\0");
    assert_eq!(world.closed(), CloseReason::Quit);
    drop(alice);
    assert_eq!(world.closed(), CloseReason::EndOfStream);
    world.stop();
}

/// A policy request is answered, with its NUL and without.
pub fn a_policy_request(start: Start) {
    let world = World::start(start, Config::default());
    for request in ["<policy-file-request/>\0", "<policy-file-request/>"] {
        let mut flash = world.connect();
        flash.send(request);
        flash.expect("<?xml version=\"1.0\"?><cross-domain-policy><allow-access-from domain=\"*\" to-ports=\"80\" /></cross-domain-policy>\0");
        flash.expect_end();
    }
    world.stop();
}

/// What was sent before the end of a stream is answered, even what has to ask the store first.
pub fn a_half_closed_client(start: Start) {
    let world = World::start(start, Config::default());
    let mut client = world.connect();
    client.send("PING before\0IDENTIFY 2 secret\0PING after");
    client.close_sending();
    client.expect("<pong value=\"before\"/>\0<login aid=\"m2\" name=\"Member 2\" />\0");
    client.expect("<identify aid=\"m2\" name=\"Member 2\" />\0<pong value=\"after\"/>\0");
    client.expect_end();
    assert_eq!(world.closed(), CloseReason::EndOfStream);
    world.stop();
}

/// A client over the command rate is read more slowly, and loses nothing; no other client waits.
pub fn a_flood_of_commands(start: Start) {
    let mut config = Config::default();
    (config.limits.rate, config.limits.burst) = (NonZeroU32::new(2000), 100);
    let world = World::start(start, config);
    let mut calm = world.connect();
    let mut eager = world.connect();
    let began = Instant::now();
    let padding = "x".repeat(100);
    let commands: String = (0..2100).map(|i| format!("PING {i}{padding}\0")).collect();
    let reader = std::thread::spawn(move || {
        eager.send(&commands);
        for i in 0..2100 {
            eager.expect(&format!("<pong value=\"{i}{padding}\"/>\0"));
        }
        began.elapsed()
    });
    let mut waited = Vec::new();
    while !reader.is_finished() {
        let asked = Instant::now();
        calm.ping("me");
        waited.push(asked.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    // The median, since a busy machine may delay any single answer. A client that waited for the other would
    // have one answer, after a second.
    waited.sort();
    assert!(
        waited[waited.len() / 2] < Duration::from_millis(500),
        "nobody else waits: {waited:?}"
    );
    let took = reader.join().expect("every command was answered");
    assert!(
        took > Duration::from_millis(900),
        "2,000 a second: {took:?}"
    );
    world.stop();
}

/// The reset of a connection that the server does not read from is noticed.
pub fn a_reset_while_paused(start: Start) {
    let mut config = Config::default();
    (config.limits.rate, config.limits.burst) = (NonZeroU32::new(1), 1);
    let world = World::start(start, config);
    let mut client = world.connect();
    client.send(&"PING x\0".repeat(40_000));
    client.expect("<pong value=\"x\"/>\0");
    client.reset();
    // To read all of its commands, the server would take 11 hours.
    assert_eq!(world.closed(), CloseReason::Reset);
    world.stop();
}

/// At a stop the listener is closed at once, clients are closed, and a request under way is answered.
pub fn a_stop(start: Start) {
    // Nothing says when half a request has been read; on a busy machine it takes longer.
    let times = [100, 1000, 10_000].map(Duration::from_millis);
    let is_answered = times.iter().any(|time| stop_amid_a_request(start, *time));
    assert!(is_answered, "a request under way is not answered");
}

/// Whether the request was answered.
fn stop_amid_a_request(start: Start, time: Duration) -> bool {
    let world = World::start(start, Config::default());
    let mut silent = world.connect();
    let mut chatting = world.login(1);
    let mut asking = world.connect();
    asking.send("GET /healthz HTTP/1.0\r\n");
    chatting.ping("everybody-is-in");
    std::thread::sleep(time);
    let began = Instant::now();
    world.shut_down();
    silent.expect_end();
    chatting.expect_end();
    assert!(
        TcpStream::connect(world.address).is_err(),
        "nobody listens any more"
    );
    let is_answered = asking.finishes("\r\n").starts_with("HTTP/1.1 503 ");
    drop(asking);
    world.stop();
    // A client that does not close its side is given 2 s, and a request that has just begun 10 s.
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    is_answered
}

/// A server that had no client is stopped twice.
pub fn calls_after_the_end(start: Start) {
    let world = World::start(start, Config::default());
    world.shut_down();
    world.stop();
}
