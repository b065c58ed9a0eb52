//! What a service manager relies on: a sign of life from the loop, and sockets that it keeps.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use flashgate_core::{Config, What};
use flashgate_host::Listener;

use super::Start;
use super::client::Client;
use super::world::{PATIENCE, World, bound};

/// An idle loop beats when it is woken. A loop that hangs while it holds the gateway does not.
pub fn a_loop_that_hangs(start: Start) {
    let beats = Arc::new(AtomicUsize::new(0));
    let (stuck, hangs) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let counts = Arc::clone(&beats);
    let world = World::start_with(
        start,
        Config::default(),
        bound().into(),
        move |note| {
            if let What::Connected { .. } = note.what {
                stuck.send(()).expect("the test waits");
                let _ = released.recv();
            }
        },
        move || {
            counts.fetch_add(1, Ordering::SeqCst);
        },
    );
    let count = || beats.load(Ordering::SeqCst);
    let comes_to_beat = |why: &str| {
        let (before, deadline) = (count(), Instant::now() + PATIENCE);
        while count() == before {
            assert!(Instant::now() < deadline, "{why}");
            world.wake();
            thread::sleep(Duration::from_millis(5));
        }
    };
    comes_to_beat("an idle server beats");

    let mut client = world.connect();
    client.send("PING x\0");
    hangs.recv().expect("a chat is noted");
    world.wake();
    // A turn that had begun before the hang may end after it.
    thread::sleep(Duration::from_millis(100));
    let before = count();
    for _ in 0..20 {
        world.wake();
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(count(), before, "a loop that hangs beats");

    release.send(()).expect("the loop waits");
    client.expect("<pong value=\"x\"/>\0");
    comes_to_beat("it beats again");
    // The client stays: its end is a note, too, but of another kind.
    world.stop();
}

/// A service manager keeps its socket: clients that come after the stop wait for the next server.
pub fn a_passed_listener(start: Start) {
    let kept = bound();
    let server = || {
        let copy = kept.try_clone().expect("a descriptor is free");
        let listener = Listener::passed(copy).expect("descriptors are free");
        World::start_with(start, Config::default(), listener, |_| (), || ())
    };
    let first = server();
    let mut client = first.connect();
    client.ping("first");
    first.shut_down();
    client.expect_end();
    let address = first.address;
    first.stop();

    let mut waits = Client::connect(address);
    waits.send("PING second\0");
    let second = server();
    waits.expect("<pong value=\"second\"/>\0");
    drop(waits);
    second.stop();
}
