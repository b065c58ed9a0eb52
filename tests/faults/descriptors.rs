//! A server without free descriptors.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use flashgate_testing::cpu_ticks;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::crowd::Manners;
use crate::outside::PATIENCE;
use crate::scene::Scene;

/// Connected clients are served, the server does not spin, and new clients connect once there are descriptors again.
pub(crate) fn descriptors_run_out(runtime: &'static str) {
    let scene = Scene::open(runtime, "no descriptors", Manners::GOOD, &[]);
    let start = Instant::now();
    scene.until_settled();
    loop {
        one_round(&scene);
        if start.elapsed() >= scene.length() {
            break;
        }
    }
    let judged = scene.close();
    assert!(judged[0].seen.contains_key("msg"), "{}", judged[0]);
}

fn one_round(scene: &Scene) {
    scene.crowd.hush();
    thread::sleep(Duration::from_millis(100));
    let pid = Pid::from_child(&scene.server.running.child);
    let before = limit(pid, None);
    // Closed connections free descriptors for a few new ones. All others wait in vain.
    limit(pid, Some(open_files(pid) + SPARE));
    let outside: Vec<TcpStream> = (0..SPARE + 20).map(|_| knock(scene)).collect();
    thread::sleep(Duration::from_millis(300));
    let spent = cpu_ticks(scene.server.running.child.id());
    thread::sleep(Duration::from_millis(700));
    let spent = cpu_ticks(scene.server.running.child.id()) - spent;
    assert!(spent < 20, "the server spins: {spent} of 70 ticks");
    let waiting = outside.iter().filter(|stream| !is_answered(stream));
    assert!(waiting.count() > 0, "there were descriptors to spare");

    scene.crowd.play();
    scene.until_more("answers", |counts| &counts.pongs, 10);
    scene.until_more("messages", |counts| &counts.messages, 5);
    let waiting = outside.iter().filter(|stream| !is_answered(stream));
    assert!(waiting.count() > 0, "nobody can have come in");

    limit(pid, before.current);
    for stream in &outside {
        let end = Instant::now() + PATIENCE;
        while !is_answered(stream) {
            assert!(Instant::now() < end, "a newcomer does not get in");
            thread::sleep(Duration::from_millis(5));
        }
    }
    scene.until_more("logins", |counts| &counts.logins, 3);
}

/// A connection that the judge need not know.
fn knock(scene: &Scene) -> TcpStream {
    let mut stream = TcpStream::connect(scene.server.addresses[0]).expect("a backlog");
    stream
        .write_all(b"PING outside\0")
        .expect("the socket has space");
    stream.set_nonblocking(true).expect("a socket");
    stream
}

fn is_answered(stream: &TcpStream) -> bool {
    let mut answer = [0; 64];
    match stream.peek(&mut answer) {
        Ok(0) => panic!("a newcomer is turned away"),
        Ok(length) => {
            assert!(b"<pong value=\"outside\"/>\0".starts_with(&answer[..length]));
            true
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("a newcomer is turned away: {error}"),
    }
}

/// Changes the limit on descriptors of a running process, if a new one is given. Returns the old limit.
fn limit(pid: Pid, to: Option<u64>) -> Rlimit {
    let is = || {
        let limits = fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero()));
        let limits = limits.expect("Linux knows its processes");
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let mut numbers = line.expect("a limit").split_whitespace().skip(3);
        let mut number = || numbers.next().and_then(|number| number.parse().ok());
        Rlimit {
            current: number(),
            maximum: number(),
        }
    };
    let before = is();
    if to.is_some() {
        let new = Rlimit {
            current: to,
            maximum: before.maximum,
        };
        prlimit(Some(pid), Resource::Nofile, new).expect("it is our own process");
    }
    before
}

fn open_files(pid: Pid) -> u64 {
    let files = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()));
    files.expect("Linux knows its processes").count() as u64
}

/// Descriptors that are free at first.
const SPARE: u64 = 3;
