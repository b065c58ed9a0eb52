//! Many clients, and one that does not read.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use flashgate_core::{CloseReason, Config};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Start, World};

/// A client that does not read is flooded until the server closes it. No other client waits for it.
pub fn a_client_that_never_reads(start: Start) {
    let mut config = Config::default();
    config.limits.rate = None;
    let world = World::start(start, config);
    let deaf = world.login(2);
    let mut witness = world.login(4);
    let mut flooder = world.login(6);
    witness.expect("<login aid=\"m6\" name=\"Member 6\" />\0");

    let flood = thread::spawn(move || {
        let text = "x".repeat(8000);
        let mut sent = 0;
        loop {
            flooder.send(&format!("MSG m2 {text}\0"));
            sent += text.len();
            if flooder.answer() == "<quit aid=\"m2\" />" {
                return sent;
            }
        }
    });
    let mut waited = Vec::new();
    loop {
        let asked = Instant::now();
        witness.send("PING me\0");
        let answer = witness.answer();
        waited.push(asked.elapsed());
        if answer == "<quit aid=\"m2\" />" {
            break;
        }
        assert_eq!(answer, "<pong value=\"me\"/>");
    }
    assert_eq!(world.closed(), CloseReason::TooSlow);
    // If others waited for the client that never reads, they would wait until a write is given up. A busy
    // machine delays each for a moment.
    waited.sort();
    assert!(
        waited[waited.len() / 2] < Duration::from_secs(5),
        "a witness waited {waited:?}"
    );
    // All but one is in the kernel, which lends a socket some of them.
    let megabytes = flood.join().expect("the flooder is served to the end") >> 20;
    assert!(megabytes < 32, "{megabytes} MB to find out");
    drop(deaf);
    world.stop();
}

/// A client that begins to read when its socket has long been full gets everything, in order.
pub fn a_late_reader(start: Start) {
    const MESSAGES: u32 = 2000;
    let mut config = Config::default();
    (config.limits.rate, config.limits.backlog) = (None, usize::MAX);
    let world = World::start(start, config);
    let mut late = world.login(2);
    let mut sender = world.login(4);
    late.expect("<login aid=\"m4\" name=\"Member 4\" />\0");
    let text = "x".repeat(7900);
    for n in 0..MESSAGES {
        sender.send(&format!("MSG m2 {n} {text}\0"));
        assert!(sender.answer().starts_with("<msg "));
    }
    for n in 0..MESSAGES {
        let answer = late.answer();
        assert!(
            answer.contains(&format!(" msg=\"{n} x")),
            "{n}: {answer:.80}"
        );
    }
    late.ping("everything");
    world.stop();
}

/// A client that reads promptly among others that send without pause gets everything.
pub fn a_reader_among_flooders(start: Start) {
    const FLOODERS: u32 = 4;
    const MESSAGES: u32 = 20_000;
    let mut config = Config::default();
    config.limits.rate = None;
    let world = World::start(start, config);
    let mut reader = world.login(1);
    for id in 2..2 + FLOODERS {
        let flooder = world.login(id);
        thread::spawn(move || flooder.flood("MSG m1 hello\0", MESSAGES));
    }
    let mut messages = 0;
    while messages < FLOODERS * MESSAGES {
        messages += u32::from(reader.answer().starts_with("<msg "));
    }
    drop(reader);
    world.stop();
}

/// 1,200 clients connect and log in. The original server froze at 1,020.
pub fn many_clients_at_once(start: Start) {
    const CLIENTS: u32 = 1200;
    // Both ends of every connection are ours.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may go up to the hard one");

    let world = World::start(start, Config::default());
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| world.connect()).collect();
    for round in 0..3 {
        for client in &mut clients {
            client.send(&format!("PING {round}\0"));
        }
        for client in &mut clients {
            client.expect(&format!("<pong value=\"{round}\"/>\0"));
        }
    }
    // The first client logs in, then all others, and the first is notified of each.
    let logs_in = |id: u32| format!("<login aid=\"m{id}\" name=\"Member {id}\" />");
    let welcome = |id: u32| format!("<identify aid=\"m{id}\" name=\"Member {id}\" />");
    clients[0].send("IDENTIFY 1 secret\0");
    assert_eq!(clients[0].answer(), logs_in(1));
    assert_eq!(clients[0].answer(), welcome(1));
    for (client, id) in clients.iter_mut().zip(1..).skip(1) {
        client.send(&format!("IDENTIFY {id} secret\0"));
    }
    for (client, id) in clients.iter_mut().zip(1..).skip(1) {
        while client.answer() != welcome(id) {}
    }
    let told: BTreeSet<_> = (1..CLIENTS).map(|_| clients[0].answer()).collect();
    assert_eq!(told, (2..=CLIENTS).map(logs_in).collect());
    drop(clients);
    for _ in 0..CLIENTS {
        // A client that leaves with unread bytes resets the connection.
        assert!([CloseReason::Reset, CloseReason::EndOfStream].contains(&world.closed()));
    }
    world.connect().ping("still-here");
    world.stop();
}
