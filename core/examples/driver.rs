//! A whole server over non-blocking sockets of the standard library, to be read and pasted.
//!
//! It looks at every socket each 5 ms, which is enough for a few clients; a runtime for thousands asks the system
//! which sockets are ready. Try it:
//!
//! ```text
//! cargo run -p flashgate-core --example driver &
//! printf 'IDENTIFY alice secret\0LIST\0QUIT\0' | nc 127.0.0.1 8080 | tr '\0' '\n'
//! ```
#![expect(clippy::disallowed_types, reason = "a driver has clocks")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flashgate_core::{
    Accepted, Action, Answer, Cause, Chunks, Config, ConnId, Denial, Gateway, Input, ListenerId,
    Login, MAX_READ, Member, MemberId, Millis, Now, Query, Unavailable, UnixSeconds,
};

/// Serves on port 8080 until the process is killed.
#[cfg_attr(test, expect(dead_code, reason = "a test brings its own listener"))]
fn main() -> io::Result<()> {
    serve(TcpListener::bind("127.0.0.1:8080")?)
}

struct Server {
    gateway: Gateway,
    started: Instant,
    conns: BTreeMap<ConnId, Conn>,
    /// Connections to flush: their queues have grown, or something follows what is in them.
    dirty: BTreeSet<ConnId>,
    /// Inputs that come of actions. They wait until all actions are taken.
    later: VecDeque<Input<'static>>,
}

struct Conn {
    stream: TcpStream,
    queue: Chunks,
    reading: Reading,
    then: Then,
}

#[derive(PartialEq)]
enum Reading {
    Open,
    Paused,
    Ended,
}

/// What follows when the queue is written.
#[derive(PartialEq)]
enum Then {
    Nothing,
    Finish,
    Close,
}

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let started = Instant::now();
    let mut server = Server {
        gateway: Gateway::new(Arc::new(Config::default()), now(started)),
        started,
        conns: BTreeMap::new(),
        dirty: BTreeSet::new(),
        later: VecDeque::new(),
    };
    loop {
        while let Ok((stream, peer)) = listener.accept() {
            stream.set_nonblocking(true)?;
            let listener = ListenerId(0);
            let accepted = Accepted {
                listener,
                peer: peer.into(),
                user: None,
            };
            if let Ok(id) = server.gateway.accept(now(started), accepted) {
                let (queue, reading, then) = (Chunks::default(), Reading::Open, Then::Nothing);
                let conn = Conn {
                    stream,
                    queue,
                    reading,
                    then,
                };
                server.conns.insert(id, conn);
            }
            server.carry_out();
        }
        for id in Vec::from_iter(server.conns.keys().copied()) {
            server.read(id);
            server.carry_out();
        }
        server.handle(Input::Timeout);
        server.carry_out();
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Server {
    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(now(self.started), input);
    }

    /// Takes every action, then flushes, then feeds what came of the actions, until nothing is left to do.
    fn carry_out(&mut self) {
        loop {
            if let Some(action) = self.gateway.poll() {
                self.act(action);
            } else if let Some(id) = self.dirty.pop_first() {
                self.flush(id);
            } else if let Some(input) = self.later.pop_front() {
                self.handle(input);
            } else {
                return;
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Write(id, chunk) => self.change(id, |conn| conn.queue.push(chunk)),
            Action::Broadcast(to, chunk) => to
                .iter()
                .for_each(|id| self.change(id, |conn| conn.queue.push(chunk.clone()))),
            Action::Finish(id) => self.change(id, |conn| conn.then = Then::Finish),
            Action::Close(id) => self.change(id, |conn| conn.then = Then::Close),
            Action::Abort(id) => self.gone(id, Cause::Closed),
            Action::Pause(id) => self.change(id, |conn| conn.reading = Reading::Paused),
            Action::Resume(id) => self.change(id, |conn| conn.reading = Reading::Open),
            Action::Lookup(ticket, query) => {
                self.later.push_back(Input::Answer(ticket, lookup(&query)));
            }
            Action::Note(note) => eprintln!("{note}"),
        }
    }

    fn change(&mut self, id: ConnId, change: impl FnOnce(&mut Conn)) {
        self.conns.get_mut(&id).map(change);
        self.dirty.insert(id);
    }

    /// Reads once, and flushes again what the socket did not take the last time.
    fn read(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        if !conn.queue.is_empty() {
            self.dirty.insert(id);
        }
        if conn.reading != Reading::Open || conn.then == Then::Close {
            if let Ok(Some(_)) = conn.stream.take_error() {
                self.gone(id, Cause::Reset);
            }
            return;
        }
        let mut buffer = [0; MAX_READ];
        match conn.stream.read(&mut buffer) {
            Ok(0) => {
                conn.reading = Reading::Ended;
                self.handle(Input::Eof(id));
            }
            Ok(length) => {
                self.handle(Input::Bytes(id, &buffer[..length]));
                buffer.fill(0); // It may have held a password.
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.gone(id, Cause::Reset),
        }
    }

    fn flush(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        loop {
            let next = conn.queue.parts().next();
            match next.map(|bytes| (&conn.stream).write(bytes)) {
                None => break,
                Some(Ok(written)) => conn.queue.advance(written),
                Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Some(Err(_)) => return self.gone(id, Cause::Reset),
            }
        }
        let left = conn.queue.left();
        if left == 0 && conn.then == Then::Close {
            return self.gone(id, Cause::Closed);
        }
        if left == 0 && conn.then == Then::Finish {
            conn.then = Then::Nothing;
            let _ = conn.stream.shutdown(Shutdown::Write); // If it fails, the next read says why.
        }
        self.handle(Input::Backlog(id, left));
    }

    /// Closes a connection, by dropping its socket.
    fn gone(&mut self, id: ConnId, cause: Cause) {
        if self.conns.remove(&id).is_some() {
            self.later.push_back(Input::Gone(id, cause));
        }
    }
}

/// The member store of this example: Alice.
fn lookup(query: &Query) -> Answer {
    match query {
        Query::Identify {
            login, password, ..
        } if *login == Login::Nick("alice".into()) && password.expose() == "secret" => {
            let (id, [nick, name]) = (MemberId(1), ["alice", "Alice"].map(Arc::from));
            Answer::Member(Member { id, nick, name })
        }
        Query::Identify { .. } => Answer::Denied(Denial::WrongPassword, None),
        Query::Claim(_) => Answer::Claimed,
        // This store has no other nicks.
        Query::Rename { .. } => Answer::Taken,
        Query::ChangePassword { .. } | Query::Admin(_) => Answer::Unavailable(Unavailable::Failed),
    }
}

/// What the clocks say: milliseconds since the start, and UTC.
fn now(started: Instant) -> Now {
    let utc = SystemTime::now().duration_since(UNIX_EPOCH);
    Now {
        mono: Millis(started.elapsed().as_millis() as u64),
        utc: UnixSeconds(utc.map_or(0, |since| since.as_secs() as i64)),
        offset: 0,
    }
}
