//! Drives a [flashgate](flashgate_core) gateway with blocking sockets and std threads.
//!
//! [`Server::run`] keeps the time on the calling thread; a thread for each listener accepts, and
//! each connection has one thread that reads. It is the simplest runtime that is right: for up to a
//! thousand connections or so, for places where no async is wanted, and as a second opinion on the
//! other runtime in tests.
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
//! The gateway is behind one mutex, which goes to whoever has waited for it longest. Whoever feeds it moves what it decided into the outboxes of its
//! connections before giving the lock back, takes those outboxes that nobody else is writing, writes
//! without the lock what each socket has room for, and reports how much is left, all in one. So an
//! answer wakes no other thread. Where a socket has no room, a thread is started that writes to it,
//! and ends when nothing is left. Before it waits for the client, it says so, and after 100 ms it reports
//! that nothing went out: that is how the gateway learns that a client does not read, and such a client
//! keeps only its own writer busy. To those threads falls also what others keep adding to: whoever
//! came with an input looks after what is new four times, and then goes back to its own socket. A
//! reader that makes more for a connection than its writer has had the time to write waits for that
//! writer. To end a thread that waits for a socket, the socket is shut down.
//!
//! # What it promises
//!
//! - The contract of [`flashgate_core`], "What a runtime does".
//! - No client, however slow, delays another, and neither does the member store. Where more than 256 KiB
//!   wait for a connection whose socket has room, the readers that add to it wait for its writer. Only the
//!   host's [`Log`](flashgate_core::Log) is called with the lock held.
//! - A thread that cannot be started costs the connection that wanted it, not the server.
//! - Without a free descriptor, accepting pauses until a socket has closed, 100 ms at most.
//! - After [`Handle::shutdown`] the listeners are closed at once. When the last connection is gone
//!   every thread has ended, and `run` returns.
//! - A panic, of the host's log, clock or store for example, ends the server and leaves by `run`.
//! - Time is the host's [`Clock`](flashgate_core::Clock), but for that pause and the writing limit.
//!
//! # Platforms
//!
//! Anywhere with std threads and sockets; run on Linux. Each connection takes a thread, 256 KiB of
//! address space and measured 19 KB of memory, and twice that while its socket has no room. Elsewhere
//! than on Linux and Android no socket is written to in passing, so each answer starts a thread.

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

pub use flashgate_host::{Handle, Host, SystemClock};
pub use server::Server;
