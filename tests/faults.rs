//! The program on both runtimes under faults, visited by the simulation's clients and judged by its
//! reference model.
//!
//! The server records everything, with secrets. Afterwards the recording is played on a fresh core, and the model checks
//! it: every action must have a reason and be the one that was recorded, and none may be missing. Each visitor must have
//! received what was written to it, and all of it if it has read to the end. Each test takes a few seconds;
//! `FAULT_SECONDS=60 cargo test --release --test faults -- --nocapture` is the long run. Seeds are fresh and printed.
//! `FAULT_SEED` chooses one, which decides what the visitors do, but not when.

#![cfg(target_os = "linux")] // every visitor has a loopback address of its own, and prlimit(2)

#[path = "faults/crowd.rs"]
mod crowd;
#[path = "faults/descriptors.rs"]
mod descriptors;
#[path = "program/outside.rs"]
mod outside;
#[path = "faults/rooms/swarm.rs"]
mod rooms;
#[path = "faults/scene.rs"]
mod scene;
#[path = "faults/store.rs"]
mod store;

use std::thread;

use crowd::{Manners, PASSING};
use descriptors::descriptors_run_out;
use rooms::a_thousand_rooms;
use scene::Scene;
use store::the_store_breaks;

macro_rules! on_both {
    ($($test:ident)*) => {
        mod on_smol {
            $(#[test] fn $test() { super::$test("smol"); })*
        }
        mod on_std {
            $(#[test] fn $test() { super::$test("std"); })*
        }
    };
}

on_both! {
    resets_and_stalls
    clients_that_do_not_read
    descriptors_run_out
    the_store_breaks
    killed_and_restarted
    a_thousand_rooms
}

/// Visitors do everything that they can do to a server with low limits.
fn resets_and_stalls(runtime: &'static str) {
    let manners = Manners {
        reset: 20,
        cut: 10,
        stall: 15,
        ..Manners::GOOD
    };
    let options = [
        "--on-duplicate=replace",
        "--max-clients=13",
        "--rate=100",
        "--burst=100",
    ];
    let scene = Scene::open(runtime, "resets and stalls", manners, &options);
    thread::sleep(scene.length());
    for what in ["reset", "end of stream", "replaced"] {
        let closed = format!("CLOSED {what} ");
        scene.server.running.stdout.wait_for(&closed);
    }
    scene.until_more("logins", |counts| &counts.logins, 1);
    scene.until_more("messages", |counts| &counts.messages, 1);
    let judged = scene.close();
    for what in [
        "login",
        "msg",
        "takeover",
        "reset",
        "end of stream",
        "visit",
    ] {
        assert!(
            judged[0].seen.contains_key(what),
            "no {what}: {}",
            judged[0]
        );
    }
}

/// Some visitors do not read: the server closes their connections, and no other client waits for them.
fn clients_that_do_not_read(runtime: &'static str) {
    let manners = Manners {
        deaf: 60,
        think: [60, 15],
        command: 8000,
        ..Manners::GOOD
    };
    let options = ["--max-backlog=4000", "--rate=0"];
    let scene = Scene::open(runtime, "deaf ones", manners, &options);
    scene.server.running.stdout.wait_for("CLOSED too slow");
    thread::sleep(scene.length() / 2);
    let judged = scene.close();
    assert!(judged[0].seen.contains_key("too slow"), "{}", judged[0]);
}

/// The server is killed and started again. All visitors reconnect to a server without members online.
fn killed_and_restarted(runtime: &'static str) {
    let mut scene = Scene::open(runtime, "killed", Manners::GOOD, &[]);
    let rounds = 2 + scene.length().as_secs() / 10;
    let time = scene.length() / rounds as u32;
    thread::sleep(time);
    scene.until_more("messages", |counts| &counts.messages, 1);
    for _ in 1..rounds {
        scene.kill_and_restart();
        scene.until_more("logins", |counts| &counts.logins, PASSING / 2);
        thread::sleep(time);
        scene.until_more("messages", |counts| &counts.messages, 1);
    }
    let judged = scene.close();
    assert_eq!(judged.len() as u64, rounds);
    for judged in judged {
        assert!(judged.seen.contains_key("msg"), "{judged}");
    }
}
