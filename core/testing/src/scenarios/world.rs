//! A server under test, and the host around it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flashgate_core::{
    Answer, CloseReason, Config, Denial, Login, Member, MemberId, MemberStore, Note, Query, Reply,
    What,
};
use flashgate_host::{Handle, Host, Listener};
use socket2::SockRef;

use super::Start;
use super::client::Client;

/// A server that runs in a thread of its own.
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<io::Result<()>>,
    handle: Handle,
}

impl Running {
    /// Calls `run`, which must return soon after the handle's `shutdown` is called.
    pub fn new(run: impl FnOnce() -> io::Result<()> + Send + 'static, handle: Handle) -> Self {
        Self {
            thread: thread::spawn(run),
            handle,
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
        Self::start_with(start, config, bound().into(), |_| (), || ())
    }

    /// Starts one on this listener; the loop calls `hear` with each note, and `beat` once a turn.
    pub fn start_with(
        start: Start,
        config: Config,
        listener: Listener,
        mut hear: impl FnMut(&Note) + Send + 'static,
        beat: impl FnMut() + Send + 'static,
    ) -> Self {
        let address = SockRef::from(&listener).local_addr();
        let address = address.ok().and_then(|address| address.as_socket());
        let (log, notes) = mpsc::channel();
        let host = Host::new(config, Members).beat(beat).log(move |_, note| {
            hear(&note);
            let _ = log.send(note);
        });
        Self {
            address: address.expect("a bound listener knows where"),
            running: start(vec![listener], host),
            notes,
        }
    }

    /// Makes the loop turn.
    pub fn wake(&self) {
        self.running.handle.wake();
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
        self.running.handle.shutdown();
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
        self.running.handle.shutdown();
    }
}

/// A listener on a free port.
pub(super) fn bound() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us")
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
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
