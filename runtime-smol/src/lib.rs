//! Drives a [flashgate](flashgate_core) gateway from one async task.
//!
//! [`Server::run`] is one future that owns the gateway and all of its sockets: no lock, no channel, no task for
//! each connection. The future is `Send`, and may be dropped at any time, which closes everything.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use std::thread;
//!
//! use flashgate_core::{Answer, Config, Denial, MemberStore, Query, Reply};
//! use flashgate_smol::{Host, Server};
//!
//! struct NoMembers;
//!
//! impl MemberStore for NoMembers {
//!     fn submit(&self, _query: Query, reply: Reply) {
//!         reply.send(Answer::Denied(Denial::Unknown, None));
//!     }
//! }
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let server = Server::new(vec![listener], Host::new(Config::default(), NoMembers))?;
//!
//! let handle = server.handle();
//! let client = thread::spawn(move || {
//!     let mut answer = [0; 22];
//!     let talk = TcpStream::connect(address).and_then(|mut socket| {
//!         socket.write_all(b"PING hello\0")?;
//!         socket.read_exact(&mut answer)
//!     });
//!     handle.shutdown();
//!     talk.map(|()| answer)
//! });
//! async_io::block_on(server.run())?;
//! assert_eq!(&client.join().unwrap()?, b"<pong value=\"hello\"/>\0");
//! # std::io::Result::Ok(())
//! ```
//!
//! # How it works
//!
//! All sockets are in a poller of the server's own (epoll, or kqueue), and the executor sees only that one: a
//! wake-up is a turn of the loop over everything that is ready. A turn reads each ready socket once into one
//! shared buffer. It appends what the gateway writes to a queue for each connection, and what the gateway
//! broadcasts to a log that all connections share. Then it flushes each connection that has something to write, in
//! one write. A socket is watched for space only while it is full. An idle connection costs about 70 bytes here.
//!
//! # Executors
//!
//! Any executor can run the future, among whatever else it runs. async-io wakes it: with
//! `async_io::block_on` or smol on the same thread, otherwise from a thread that async-io starts. Tested are
//! `async_io::block_on`, `async-executor` alone, and tokio's current-thread runtime, which needs no IO driver for
//! it (`tests/tokio` in the repository). After 16 turns in a row the loop lets other tasks run.
//!
//! # What it promises
//!
//! - The contract of [`flashgate_core`], "What a runtime does".
//! - Nothing in it blocks: a slow client delays no other, and neither does the member store. Only the host's
//!   [`Log`](flashgate_core::Log) is called on the loop.
//! - The work of a turn is bounded.
//! - Without a free descriptor, accepting pauses until a connection has closed, for at most 100 ms.
//! - After [`Handle::shutdown`] the listeners are closed at once, and `run` returns when the last connection has
//!   gone.
//! - Time is the host's [`Clock`](flashgate_core::Clock), except for that pause.
//!
//! # Platforms
//!
//! Unix with epoll or kqueue, since the poller itself is waited for. On kqueue, a connection that breaks while the
//! gateway has paused it is noticed when it is read again; on epoll, at once. For other systems there is
//! `flashgate-std`.

#[cfg(not(unix))]
compile_error!("flashgate-smol needs epoll or kqueue; flashgate-std runs anywhere");

mod accept;
mod broadcast;
mod conn;
mod poller;
mod queue;
mod server;
mod socket;
mod state;
mod turns;

pub use flashgate_host::{Handle, Host, Listener, SystemClock};
pub use server::Server;
