//! A server under test, and the host around it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flashgate_core::{
    Answer, CloseReason, Config, Denial, Login, Member, MemberId, MemberStore, Note, Query, Reply,
    What,
};
use flashgate_host::Host;

use super::Start;
use super::client::Client;

/// A server that runs in a thread of its own.
pub struct Running {
    thread: JoinHandle<io::Result<()>>,
    shutdown: Box<dyn Fn() + Send>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Calls `run`, which must return soon after `shutdown` is called.
    pub fn new(
        run: impl FnOnce() -> io::Result<()> + Send + 'static,
        shutdown: impl Fn() + Send + 'static,
    ) -> Self {
        Self {
            thread: thread::spawn(run),
            shutdown: Box::new(shutdown),
        }
    }
}

/// A server, its address, and what it logs.
#[derive(Debug)]
pub struct World {
    /// Where it listens.
    pub address: SocketAddr,
    running: Running,
    notes: Receiver<Note>,
}

impl World {
    /// Starts one on a free port.
    pub fn start(start: Start, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
        let address = listener.local_addr().expect("a bound listener knows where");
        let (log, notes) = mpsc::channel();
        let host = Host::new(config, Members).log(move |_, note| drop(log.send(note)));
        Self {
            address,
            running: start(vec![listener], host),
            notes,
        }
    }

    /// A client that has just connected.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// A client that is logged in as this member.
    pub fn login(&self, id: u32) -> Client {
        let mut client = self.connect();
        client.send(&format!("IDENTIFY {id} secret\0"));
        client.expect(&format!("<login aid=\"m{id}\" name=\"Member {id}\" />\0"));
        client.expect(&format!(
            "<identify aid=\"m{id}\" name=\"Member {id}\" />\0"
        ));
        client
    }

    /// Waits for the end of a chat, and says why it ended.
    pub fn closed(&self) -> CloseReason {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let note = self.notes.recv_timeout(left).expect("a chat ends in time");
            if let What::Closed { reason } = note.what {
                return reason;
            }
        }
    }

    /// Begins the end.
    pub fn shut_down(&self) {
        (self.running.shutdown)();
    }

    /// Ends the server, and says how it ended.
    pub fn stop(self) {
        self.shut_down();
        let deadline = Instant::now() + PATIENCE;
        while !self.running.thread.is_finished() {
            assert!(Instant::now() < deadline, "the server ends in time");
            thread::sleep(Duration::from_millis(5));
        }
        let ended = self
            .running
            .thread
            .join()
            .expect("the server did not panic");
        ended.expect("the server ended well");
        // A handle may be used after the end.
        (self.running.shutdown)();
    }
}

/// Every number is a member with the password `secret`. Even numbers are answered from another thread, odd
/// ones before `submit` returns.
struct Members;

impl MemberStore for Members {
    fn submit(&self, query: Query, reply: Reply) {
        let Query::Identify {
            login, password, ..
        } = query
        else {
            return reply.send(Answer::Claimed);
        };
        let Login::Id(MemberId(id)) = login else {
            return reply.send(Answer::Denied(Denial::WrongPassword, None));
        };
        if password.expose() != "secret" {
            return reply.send(Answer::Denied(Denial::WrongPassword, None));
        }
        let member = Answer::Member(Member {
            id: MemberId(id),
            nick: format!("m{id}").into(),
            name: format!("Member {id}").into(),
        });
        if id % 2 == 0 {
            thread::spawn(move || reply.send(member));
        } else {
            reply.send(member);
        }
    }
}

/// A member store without members.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl MemberStore for Nobody {
    fn submit(&self, _query: Query, reply: Reply) {
        reply.send(Answer::Denied(Denial::WrongPassword, None));
    }
}

/// Longer than any of this takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
