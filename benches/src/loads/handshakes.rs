//! The latency of messages while other clients connect over TLS, one handshake after the other, and while they do not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::nice;

use crate::crowd;
use crate::fault::Fault;
use crate::load::Seat;
use crate::loads::noise::Talkers;
use crate::tls::Clients;

/// The 99th percentile of the latencies, in microseconds, and the handshakes a second meanwhile.
pub(crate) struct Found {
    pub(crate) without: f64,
    pub(crate) with: f64,
    pub(crate) handshakes: f64,
}

/// Measures the talkers without handshakes, then with them.
pub(crate) fn measure(
    talkers: &mut Talkers,
    seat: &mut Seat,
    clients: &Clients,
    length: Duration,
) -> Result<Found, Fault> {
    let without = talkers.latency(seat, length, PERCENT)?;
    let server = seat.server.address;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let connect = |n| {
            let is_over = &is_over;
            scope.spawn(move || connect_until(is_over, server, n, clients))
        };
        let start = Instant::now();
        let all: Vec<_> = (0..CLIENTS).map(connect).collect();
        let with = talkers.latency(seat, length, PERCENT);
        is_over.store(true, SeqCst);
        let mut handshakes = 0;
        for client in all {
            let panicked = |_| Err(Fault::new("a thread of the load has panicked"));
            handshakes += client.join().unwrap_or_else(panicked)?;
        }
        Ok(Found {
            without,
            with: with?,
            handshakes: f64::from(handshakes) / start.elapsed().as_secs_f64(),
        })
    })
}

/// Connects again and again. Returns how many handshakes were done.
fn connect_until(
    is_over: &AtomicBool,
    server: SocketAddr,
    n: u8,
    clients: &Clients,
) -> Result<u32, Fault> {
    // The talkers' own work must not wait for that of these clients.
    nice(LEAST)?;
    let mut done = 0;
    while !is_over.load(SeqCst) {
        let address = Ipv4Addr::new(127, 0, 2, 1 + n);
        let stream = clients.handshake(crowd::connect_from(server, address)?)?;
        drop(stream);
        done += 1;
    }
    Ok(done)
}

/// Handshakes at once.
const CLIENTS: u8 = 8;

const PERCENT: usize = 99;

/// The lowest priority.
const LEAST: i32 = 19;
