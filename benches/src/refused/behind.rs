//! Whether the time of a refusal tells why, when it is asked for behind a queue.
//!
//! Sixty logins by names that do not exist fill the pool. Behind them come the refusals that are measured,
//! each between two more such names. What is measured are the gaps: from the answer before to a refusal,
//! and from the refusal to the answer behind it. If the work of one login delayed the next one, the gaps
//! would show how long a hash takes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::fault::Fault;
use crate::server::Kind;

use super::distance::Sample;
use super::kinds::{Refusal, Store};
use super::{PATIENCE, REFUSED, shuffle};

/// The gaps of each kind of refusal, in milliseconds.
pub(super) struct Gaps {
    pub(super) before: Vec<(String, Sample)>,
    pub(super) after: Vec<(String, Sample)>,
    /// Refusals a second while the queue was full.
    pub(super) rate: f64,
}

pub(super) fn run(bench: &Bench, kind: Kind, store: &Store) -> Result<Gaps, Fault> {
    let server = store.programs.start(kind, &store.options)?;
    let refusals = store.refusals();
    let mut order: Vec<(usize, usize)> = (0..refusals.len() * bench.tries)
        .map(|n| (n % refusals.len(), n / refusals.len()))
        .collect();
    shuffle(&mut order);
    let mut nobodies = 0;
    let mut nobody = || {
        nobodies += 1;
        format!("IDENTIFY made-up-{nobodies} x\0")
    };
    let mut found = vec![(Vec::new(), Vec::new()); refusals.len()];
    let (mut answers, mut seconds) = (0.0, 0.0);
    for measured in order.chunks(AT_ONCE) {
        let mut commands: Vec<String> = (0..IN_FRONT).map(|_| nobody()).collect();
        for (which, attempt) in measured {
            commands.extend([nobody(), command(&refusals[*which], *attempt), nobody()]);
        }
        let times = ask_all(server.address, &commands)?;
        let (first, last) = (times.iter().min(), times.iter().max());
        if let (Some(first), Some(last)) = (first, last) {
            answers += times.len() as f64;
            seconds += last.duration_since(*first).as_secs_f64();
        }
        for ((which, _), times) in measured.iter().zip(times[IN_FRONT..].chunks(3)) {
            let (before, after) = &mut found[*which];
            before.push(gap(times[0], times[1]));
            after.push(gap(times[1], times[2]));
        }
    }
    let mut gaps = Gaps {
        before: Vec::new(),
        after: Vec::new(),
        rate: answers / seconds,
    };
    for (refusal, (before, after)) in refusals.into_iter().zip(found) {
        gaps.before
            .push((refusal.name.clone(), Sample::new(before)));
        gaps.after.push((refusal.name, Sample::new(after)));
    }
    Ok(gaps)
}

fn command(refusal: &Refusal, attempt: usize) -> String {
    let (id, password) = (refusal.id(attempt), refusal.password(attempt));
    format!("IDENTIFY {id} {password}\0")
}

/// Sends each command on a connection of its own, in order. Says when each was refused.
fn ask_all(server: SocketAddr, commands: &[String]) -> Result<Vec<Instant>, Fault> {
    let sockets = commands.iter().map(|_| connect(server));
    let sockets: Vec<TcpStream> = sockets.collect::<Result<_, _>>()?;
    thread::scope(|scope| {
        let readers: Vec<_> = sockets
            .iter()
            .map(|socket| scope.spawn(|| refused_at(socket)))
            .collect();
        for (mut socket, command) in sockets.iter().zip(commands) {
            socket.write_all(command.as_bytes())?;
            // So that the server takes them in this order.
            thread::sleep(Duration::from_millis(1));
        }
        let panicked = |_| Err(Fault::new("a thread of the load has panicked"));
        let join = |reader: thread::ScopedJoinHandle<'_, _>| reader.join().unwrap_or_else(panicked);
        readers.into_iter().map(join).collect()
    })
}

/// A connection that is accepted and told apart.
fn connect(server: SocketAddr) -> Result<TcpStream, Fault> {
    let mut socket = TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(b"PING x\0")?;
    let mut answer = Vec::new();
    BufReader::new(&socket).read_until(0, &mut answer)?;
    Ok(socket)
}

fn refused_at(socket: &TcpStream) -> Result<Instant, Fault> {
    let mut answer = Vec::new();
    BufReader::new(socket).read_until(0, &mut answer)?;
    let now = Instant::now();
    if answer != REFUSED {
        return Err(Fault::wrong("behind a queue", &answer));
    }
    Ok(now)
}

/// Milliseconds, below zero if the other came first.
fn gap(one: Instant, other: Instant) -> f64 {
    let later = other.saturating_duration_since(one).as_secs_f64();
    (later - one.saturating_duration_since(other).as_secs_f64()) * 1e3
}

/// Logins by names that do not exist, in front of those that are measured.
const IN_FRONT: usize = 60;

/// Refusals that are measured behind one queue. With the names around them the last one waits less than
/// the 10 s after which the gateway gives a lookup up.
const AT_ONCE: usize = 8;
