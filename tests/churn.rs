//! Members come, chat and go in every way there is, and afterwards nothing is left of them.
//!
//! The program runs as a user starts it. What it holds is measured after a first round, which warms
//! it up, and after the churn: descriptors, threads, connections and members online must be back
//! where they began, and so must memory, but for what an allocator keeps. A few seconds by default;
//! `CHURN_SECONDS=600 cargo test --release --test churn -- --nocapture` is the long run.

#[path = "program/outside.rs"]
mod outside;

use std::fs;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use argon2::Params;
use flashgate::members::Hash;
use flashgate_core::Secret;
use outside::{Client, PATIENCE, Server, run_in};

#[test]
fn smol_is_back_where_it_began() {
    churn("smol");
}

#[test]
fn std_is_back_where_it_began() {
    churn("std");
}

fn churn(runtime: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("members.csv"), members()).unwrap();
    let imported = run_in(folder.path(), &["members", "import", "members.csv"], "");
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let server = Server::start(folder.path(), &["--runtime", runtime, "--rate", "0"]);

    let seconds = std::env::var("CHURN_SECONDS")
        .map_or(4, |seconds| seconds.parse().expect("a number of seconds"));
    round(&server, Duration::from_secs(seconds / 10 + 2), 0);
    let before = Held::by(&server);
    let done = round(&server, Duration::from_secs(seconds), 1);
    let after = Held::by(&server);
    eprintln!("{runtime}: {seconds} s, {done}\n  before {before:?}\n  after  {after:?}");

    assert_eq!(
        (after.descriptors, after.threads),
        (before.descriptors, before.threads)
    );
    assert!(
        after.kib <= before.kib + SLACK_KIB,
        "{} KiB grew to {}",
        before.kib,
        after.kib
    );
    server.stop();
}

/// What a server with nobody connected holds.
#[derive(Debug)]
struct Held {
    kib: u64,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn by(server: &Server) -> Self {
        // The server lets a peer that is slow to close linger for two seconds.
        let end = Instant::now() + PATIENCE;
        while !server
            .get("/server-status?json")
            .contains("\"clients\":0,\"max_clients\":4096,\"online\":0,\"connections\":1,")
        {
            assert!(
                Instant::now() < end,
                "somebody stays: {}",
                server.get("/server-status?json")
            );
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(server.connect().ask("LIST"), "<nicklist></nicklist>");
        let proc = format!("/proc/{}", server.running.child.id());
        let count = |folder: &str| fs::read_dir(format!("{proc}/{folder}")).unwrap().count();
        // The connections of these questions end, too.
        let idle = || (count("fd"), count("task"));
        let mut last = idle();
        loop {
            thread::sleep(Duration::from_millis(300));
            let next = idle();
            if next == last {
                break;
            }
            last = next;
        }
        let status = fs::read_to_string(format!("{proc}/status")).unwrap();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kib = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self {
            kib,
            descriptors: last.0,
            threads: last.1,
        }
    }
}

/// Lets the workers work for some time; what they have done.
fn round(server: &Server, time: Duration, round: usize) -> String {
    let (end, to) = (Instant::now() + time, server.addresses[0]);
    let (visits, messages) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (visits, messages) = (&visits, &messages);
            scope.spawn(move || {
                let mut visit = round;
                while Instant::now() < end {
                    messages.fetch_add(visit_as(to, worker, visit), Ordering::Relaxed);
                    visits.fetch_add(1, Ordering::Relaxed);
                    visit += 1;
                    // What is tested is that nothing is left, not how fast it goes.
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    format!(
        "{} visits, {} messages",
        visits.into_inner(),
        messages.into_inner()
    )
}

/// One visit of one worker's member, a different kind each time; how many messages it sent.
fn visit_as(to: SocketAddr, worker: usize, visit: usize) -> u64 {
    let mut client = Client::connect(to);
    match visit % 8 {
        0 => {
            client.write(b"<policy-file-request/>\0");
            assert!(client.rest().ends_with("</cross-domain-policy>\0"));
            return 0;
        }
        1 => {
            client.write(b"GET /metrics HTTP/1.0\r\n\r\n");
            assert!(client.rest().starts_with("HTTP/1.1 200 OK\r\n"));
            return 0;
        }
        2 => {
            client.write(b"GET /half-a-reque");
            return 0;
        }
        _ => {}
    }
    client.send(&format!("IDENTIFY {} x", worker + 1));
    loop {
        let answer = client.answer();
        if answer.starts_with("<identify ") {
            break;
        }
        // The connection before may not be known to be gone yet.
        if answer == "<error value=\"Already online.\"/>" {
            thread::sleep(Duration::from_millis(1));
            client.send(&format!("IDENTIFY {} x", worker + 1));
        }
    }
    let mut sent = 0;
    for other in 0..WORKERS {
        client.send(&format!("MSG m{} hello from visit {visit}", other + 1));
        sent += 1;
    }
    client.send("PING done");
    while client.answer() != "<pong value=\"done\"/>" {}
    match visit % 4 {
        0 => {
            client.send("QUIT");
            client.rest();
        }
        1 => {
            client.socket.shutdown(Shutdown::Write).unwrap();
            client.rest();
        }
        // Closed with answers unread: a reset.
        2 => client.send("LIST"),
        _ => {}
    }
    sent
}

/// A member for each worker, with the cheapest hash there is.
fn members() -> String {
    let params = Params::new(8, 1, 1, None).unwrap();
    let hash = Hash::with(&Secret::new("x"), params).unwrap();
    let rows = (1..=WORKERS).map(|n| format!("{n},m{n},Member {n},\"{}\",1\n", hash.as_str()));
    ["id,nick,name,password,active\n".to_owned()]
        .into_iter()
        .chain(rows)
        .collect()
}

const WORKERS: usize = 16;

/// What an allocator may keep of the memory it once had, in pieces it cannot give back.
const SLACK_KIB: u64 = 4096;
