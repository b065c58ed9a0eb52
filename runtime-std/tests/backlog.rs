//! What waits for a client that does not read, in the memory of a server.

#![allow(
    dead_code,
    unused_imports,
    reason = "the scenarios of sockets are among those that are not used here"
)]
#![expect(clippy::print_stdout, reason = "who changes a figure has to see it")]

#[path = "scenarios/backlog.rs"]
mod backlog;
mod scenarios;

use std::net::TcpListener;
use std::sync::Arc;

use backlog::{Counting, a_full_backlog};
use flashgate_std::{Host, Server, SystemClock};
use scenarios::Running;

#[global_allocator]
static COUNTING: Counting = Counting;

/// The only test here: others would be counted, too.
#[test]
fn a_full_backlog_is_what_the_limits_say() {
    a_full_backlog(start, Arc::new(SystemClock::new()));
}

fn start(listeners: Vec<TcpListener>, host: Host) -> Running {
    let server = Server::new(listeners, host).expect("a server can be made");
    let handle = server.handle();
    Running::new(move || server.run(), move || handle.shutdown())
}
