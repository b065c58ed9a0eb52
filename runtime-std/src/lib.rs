//! Drives a [flashgate](flashgate_core) gateway with blocking sockets and std threads.
//!
//! [`Server::run`] runs the timers on the calling thread. A thread for each listener accepts, and each connection
//! has one thread that reads. It is the simplest runtime that is correct: for up to about a thousand connections,
//! for programs without async code, and in tests as a second opinion on the other runtime.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use std::thread;
//!
//! use flashgate_core::{Answer, Config, Denial, MemberStore, Query, Reply};
//! use flashgate_std::{Host, Server};
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
//! server.run()?;
//! assert_eq!(&client.join().unwrap()?, b"<pong value=\"hello\"/>\0");
//! # std::io::Result::Ok(())
//! ```
//!
//! # How it works
//!
//! The gateway is behind one mutex, which goes to the thread that has waited longest. A thread that feeds the
//! gateway does four things: it moves what the gateway decided into the outboxes of the connections, releases the
//! lock, writes as much as each socket takes at once, and reports how much is left. So an answer wakes no other
//! thread.
//!
//! Where a socket has no space, a writer thread is started, which ends when nothing is left. Before it waits for the
//! client it reports the wait, and after 100 ms it reports that nothing went out. From that the gateway learns that
//! a client does not read, and such a client occupies only its own writer. After four rounds of flushing, a reader
//! leaves the rest to writer threads and returns to its own socket. A reader that fills the outbox of another
//! connection faster than its writer writes waits for that writer. To end a thread that waits for a socket, the
//! socket is shut down.
//!
//! # What it promises
//!
//! - The contract of [`flashgate_core`], "What a runtime does".
//! - A slow client delays no other, and neither does the member store. Where more than 256 KiB wait for a connection
//!   whose socket has space, the readers that add to it wait for its writer. Only the host's
//!   [`Log`](flashgate_core::Log) is called with the lock held.
//! - A thread that cannot be started costs the connection that needed it, not the server.
//! - Without a free descriptor, accepting pauses until a socket has closed, for at most 100 ms.
//! - After [`Handle::shutdown`] the listeners are closed at once. When the last connection has gone, every thread
//!   has ended, and `run` returns.
//! - A panic, for example of the host's log, clock or store, ends the server and leaves by `run`.
//! - Time is the host's [`Clock`](flashgate_core::Clock), except for that pause and the limit on writes.
//!
//! # Platforms
//!
//! Any system with std threads and sockets; tested on Linux. Each connection takes a thread, 256 KiB of address
//! space and 19 KB of memory (measured), and twice that while its socket has no space. On other systems than Linux
//! and Android a reader never writes, so that each answer starts a thread.

#![forbid(unsafe_code)]

mod accept;
mod bell;
mod closed;
mod conn;
mod lock;
mod queue;
mod server;
mod shared;
mod socket;
mod state;
mod threads;

pub use flashgate_host::{Handle, Host, Listener, SystemClock};
pub use server::Server;
