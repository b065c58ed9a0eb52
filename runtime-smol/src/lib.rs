//! Drives a [flashgate](flashgate_core) gateway from one async task.
//!
//! [`Server::run`] is one future that owns the gateway and all of its sockets: no lock, no channel,
//! no task per connection. Any executor of the smol family can run it, beside whatever else it
//! runs; the future is `Send`, and may be dropped at any time, which closes everything.
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
//! All sockets are in a poller of the server's own (epoll, or kqueue), and the executor sees only that
//! one: a wake-up is a turn of the loop over everything that is ready. A turn reads each ready
//! socket once into one shared buffer, appends what the gateway writes to a queue per connection, and
//! what it broadcasts to a log that all share; then it flushes each connection for which there is
//! anything, in one write. Interest in writing is registered only while a socket takes no more. A
//! connection that is idle costs about seventy bytes here.
//!
//! # What it promises
//!
//! - The contract of [`flashgate_core`], "What a runtime does".
//! - Nothing in it blocks: no client, however slow, delays another, and neither does the member
//!   store. Only the host's [`Log`](flashgate_core::Log) is called on the loop.
//! - What one turn does is bounded; then other futures of the executor have theirs.
//! - Without a free descriptor, accepting pauses until a connection has closed, 100 ms at most.
//! - After [`Handle::shutdown`] the listeners are closed at once, and `run` returns when the last
//!   connection is gone.
//! - Time is the host's [`Clock`](flashgate_core::Clock), but for that pause.
//!
//! # Platforms
//!
//! Unix with epoll or kqueue, since the poller is itself waited for. On kqueue a connection that
//! breaks while the gateway has paused it is found out when it is read again; epoll says it at
//! once. For other systems there is `flashgate-std`.

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

pub use flashgate_host::{Handle, Host, SystemClock};
pub use server::Server;
