//! A runtime without sockets: the contract of the crate's front page, to the letter.
//!
//! It is also the referee. What a runtime may rely on is checked here: no action for a connection
//! that is gone, nothing written after the last word, pauses and resumes that alternate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use super::driver::{Appetite, Arrival, Driver, Patience};
use super::step::End;
use flashgate_core::{
    Accepted, Action, Answer, Cause, Chunk, Chunks, Config, ConnId, Gateway, Input, ListenerId,
    Login, MAX_READ, MemberEvent, Now, Peer, Refused, Reply, Ticket,
};
use flashgate_host::Host;

/// The bare core as a server.
#[derive(Debug)]
pub struct Bare {
    host: Host,
    gateway: Gateway,
    pipes: Vec<Pipe>,
    clients: BTreeMap<ConnId, usize>,
    answers: Arc<Mutex<VecDeque<(Ticket, Answer)>>>,
    asked: BTreeSet<Ticket>,
    reached: u64,
    fault: Option<String>,
}

/// Both directions of one connection.
#[derive(Debug)]
struct Pipe {
    life: Life,
    /// Sent by the client, not yet read by the server.
    incoming: VecDeque<u8>,
    sending: Sending,
    paused: bool,
    /// Written by the server, not yet taken by the client.
    queue: Chunks,
    /// The queue has grown, or must be looked at for another reason.
    dirty: bool,
    appetite: Appetite,
    /// Taken by the client, not yet read by the transcript.
    inbox: Vec<u8>,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open(ConnId),
    /// The writing side is shut down, or will be once the queue is empty.
    Finishing(ConnId),
    /// The connection is closed once the queue is empty.
    Closing(ConnId),
    /// The runtime has ended the connection, and has not reported it to the core yet.
    Ending(ConnId, Cause),
    Gone,
}

/// The client's sending side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Open,
    Closed,
    /// Closed, and reported to the core.
    Told,
}

impl Bare {
    /// A server without connections.
    pub fn new(mut host: Host) -> Self {
        let observer = host.observer.take();
        Self {
            gateway: Gateway::observed(host.config.clone(), host.clock.now(), observer),
            host,
            pipes: Vec::new(),
            clients: BTreeMap::new(),
            answers: Arc::default(),
            asked: BTreeSet::new(),
            reached: 0,
            fault: None,
        }
    }

    fn now(&self) -> Now {
        self.host.clock.now()
    }

    fn input(&mut self, input: Input<'_>) {
        self.gateway.handle(self.now(), input);
        self.take_actions();
    }

    fn take_actions(&mut self) {
        while let Some(action) = self.gateway.poll() {
            if let Err(fault) = self.act(action.clone()) {
                self.fault
                    .get_or_insert(format!("{fault}: {action:?} (a fault of the core)"));
            }
        }
    }

    fn act(&mut self, action: Action) -> Result<(), &'static str> {
        match action {
            Action::Write(conn, chunk) => self.write(conn, chunk)?,
            Action::Broadcast(recipients, chunk) => {
                for conn in recipients.iter() {
                    self.write(conn, chunk.clone())?;
                }
            }
            Action::Finish(conn) => {
                let pipe = self.pipe(conn)?;
                let Life::Open(_) = pipe.life else {
                    return Err("finished twice, or after its close");
                };
                pipe.life = Life::Finishing(conn);
                pipe.dirty = true;
            }
            Action::Close(conn) => {
                let pipe = self.pipe(conn)?;
                if pipe.life == Life::Closing(conn) {
                    return Err("closed twice");
                }
                pipe.life = Life::Closing(conn);
                pipe.dirty = true;
            }
            Action::Abort(conn) => {
                let pipe = self.pipe(conn)?;
                pipe.end.get_or_insert(End::Cut);
                pipe.life = Life::Ending(conn, Cause::Closed);
            }
            Action::Pause(conn) => self.pause(conn, true)?,
            Action::Resume(conn) => self.pause(conn, false)?,
            Action::Lookup(ticket, query) => {
                if !self.asked.insert(ticket) {
                    return Err("a ticket came back");
                }
                let answers = self.answers.clone();
                let reply = move |ticket, answer| {
                    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                    answers.push_back((ticket, answer));
                };
                self.host.members.submit(query, Reply::new(ticket, reply));
            }
            Action::Note(note) => {
                let now = self.now();
                (self.host.log)(now, note);
            }
        }
        Ok(())
    }

    fn write(&mut self, conn: ConnId, chunk: Chunk) -> Result<(), &'static str> {
        let pipe = self.pipe(conn)?;
        let Life::Open(_) = pipe.life else {
            return Err("written after its finish or close");
        };
        if chunk.to_vec().is_empty() {
            return Err("an empty chunk");
        }
        pipe.queue.push(chunk);
        pipe.dirty = true;
        Ok(())
    }

    fn pause(&mut self, conn: ConnId, paused: bool) -> Result<(), &'static str> {
        let pipe = self.pipe(conn)?;
        if pipe.paused == paused {
            return Err("paused or resumed twice");
        }
        pipe.paused = paused;
        Ok(())
    }

    /// The connection that an action is about.
    fn pipe(&mut self, conn: ConnId) -> Result<&mut Pipe, &'static str> {
        let client = self.clients.get(&conn).ok_or("no such connection")?;
        let pipe = &mut self.pipes[*client];
        match pipe.life {
            Life::Open(_) | Life::Finishing(_) | Life::Closing(_) => Ok(pipe),
            Life::Ending(..) | Life::Gone => Err("an action for a connection that has ended"),
        }
    }

    /// A network error ends a connection.
    fn lose(&mut self, client: usize, cause: Cause) -> Result<(), String> {
        let pipe = &mut self.pipes[client];
        pipe.end.get_or_insert(End::Cut);
        if let Some(conn) = pipe.conn() {
            pipe.life = Life::Ending(conn, cause);
            self.reached += 1;
        }
        self.work()
    }

    /// Does everything there is to do at this moment of time.
    fn work(&mut self) -> Result<(), String> {
        for _ in 0..MANY {
            let busy = self.flush_one()
                || self.bury_one()
                || self.answer_one()
                || self.read_one()
                || self.fire_timers();
            if let Some(fault) = &self.fault {
                return Err(fault.clone());
            }
            if !busy {
                let alive = self.pipes.iter().any(|p| p.life != Life::Gone);
                if alive == self.gateway.is_empty() {
                    return Err(format!("connections live: {alive}, the core denies it"));
                }
                return Ok(());
            }
        }
        Err(format!(
            "the core does not come to rest in {MANY} inputs; next timeout {:?}",
            self.gateway.poll_timeout()
        ))
    }

    /// Writes one queue as far as its client takes it, and reports what is left.
    fn flush_one(&mut self) -> bool {
        let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.dirty) else {
            return false;
        };
        pipe.flush();
        if let Life::Open(conn) | Life::Finishing(conn) | Life::Closing(conn) = pipe.life {
            let left = pipe.queue.left();
            self.input(Input::Backlog(conn, left));
        }
        true
    }

    fn bury_one(&mut self) -> bool {
        for client in 0..self.pipes.len() {
            let Life::Ending(conn, cause) = self.pipes[client].life else {
                continue;
            };
            self.pipes[client].bury();
            self.input(Input::Gone(conn, cause));
            return true;
        }
        false
    }

    fn answer_one(&mut self) -> bool {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = answers.pop_front();
        drop(answers);
        let Some((ticket, answer)) = next else {
            return false;
        };
        self.input(Input::Answer(ticket, answer));
        true
    }

    fn read_one(&mut self) -> bool {
        for client in 0..self.pipes.len() {
            let pipe = &mut self.pipes[client];
            let (Life::Open(conn) | Life::Finishing(conn)) = pipe.life else {
                continue;
            };
            if pipe.paused {
                continue;
            }
            if !pipe.incoming.is_empty() {
                let len = pipe.incoming.len().min(MAX_READ);
                let bytes: Vec<u8> = pipe.incoming.drain(..len).collect();
                self.reached += len as u64;
                self.input(Input::Bytes(conn, &bytes));
                return true;
            }
            if pipe.sending == Sending::Closed {
                pipe.sending = Sending::Told;
                self.reached += 1;
                self.input(Input::Eof(conn));
                return true;
            }
        }
        false
    }

    fn fire_timers(&mut self) -> bool {
        let due = self.gateway.poll_timeout();
        if due.is_none_or(|due| due > self.now().mono) {
            return false;
        }
        self.input(Input::Timeout);
        true
    }
}

impl Pipe {
    fn new(life: Life) -> Self {
        Self {
            life,
            incoming: VecDeque::new(),
            sending: Sending::Open,
            paused: false,
            queue: Chunks::default(),
            dirty: false,
            appetite: Appetite::All,
            inbox: Vec::new(),
            end: (life == Life::Gone).then_some(End::Refused),
        }
    }

    fn flush(&mut self) {
        self.dirty = false;
        let mut taken: Vec<u8> = self.queue.parts().flatten().copied().collect();
        if let Appetite::Bytes(left) = &mut self.appetite {
            taken.truncate(*left);
            *left -= taken.len();
        }
        self.queue.advance(taken.len());
        self.inbox.extend(taken);
        if !self.queue.is_empty() {
            return;
        }
        match self.life {
            Life::Open(_) | Life::Ending(..) | Life::Gone => {}
            Life::Finishing(_) => {
                self.end.get_or_insert(End::Closed);
            }
            Life::Closing(conn) => {
                self.end.get_or_insert(End::Closed);
                self.life = Life::Ending(conn, Cause::Closed);
            }
        }
    }

    fn bury(&mut self) {
        self.life = Life::Gone;
        self.incoming.clear();
        self.queue = Chunks::default();
        self.dirty = false;
    }

    fn conn(&self) -> Option<ConnId> {
        match self.life {
            Life::Open(conn) | Life::Finishing(conn) | Life::Closing(conn) => Some(conn),
            Life::Ending(..) | Life::Gone => None,
        }
    }
}

impl Driver for Bare {
    fn connect(&mut self, from: Option<IpAddr>, to: ListenerId) -> Result<Peer, String> {
        let port = FIRST_PORT + self.pipes.len() as u16;
        let peer = from.map_or(Peer::Unix, |from| SocketAddr::new(from, port).into());
        let origin = Accepted {
            listener: to,
            peer,
            user: None,
        };
        let life = match self.gateway.accept(self.now(), origin) {
            Ok(conn) => {
                self.clients.insert(conn, self.pipes.len());
                Life::Open(conn)
            }
            Err(Refused::Full | Refused::AddressLimit | Refused::ShuttingDown) => Life::Gone,
        };
        self.pipes.push(Pipe::new(life));
        self.take_actions();
        self.work()?;
        Ok(peer)
    }

    fn send(&mut self, client: usize, piece: &[u8]) -> Result<(), String> {
        let pipe = &mut self.pipes[client];
        if pipe.conn().is_some() {
            pipe.incoming.extend(piece);
        }
        self.work()
    }

    fn half_close(&mut self, client: usize) -> Result<(), String> {
        self.pipes[client].sending = Sending::Closed;
        self.work()
    }

    fn reset(&mut self, client: usize) -> Result<(), String> {
        self.lose(client, Cause::Reset)
    }

    fn vanish(&mut self, client: usize) -> Result<(), String> {
        self.lose(client, Cause::TimedOut)
    }

    fn appetite(&mut self, client: usize, appetite: Appetite) -> Result<(), String> {
        let pipe = &mut self.pipes[client];
        pipe.appetite = appetite;
        pipe.dirty = !pipe.queue.is_empty();
        self.work()
    }

    fn read(&mut self, client: usize, _patience: Patience) -> Result<Arrival, String> {
        let pipe = &mut self.pipes[client];
        Ok(match pipe.end {
            _ if !pipe.inbox.is_empty() => Arrival::Bytes(std::mem::take(&mut pipe.inbox)),
            Some(end) => Arrival::End(end),
            None => Arrival::Nothing,
        })
    }

    fn settle(&mut self) -> Result<(), String> {
        self.work()
    }

    fn member(&mut self, event: MemberEvent) -> Result<(), String> {
        self.input(Input::Member(event));
        self.work()
    }

    fn announce(&mut self, text: &Arc<str>) -> Result<(), String> {
        self.input(Input::Announce(Arc::clone(text)));
        self.work()
    }

    fn kick(&mut self, member: &Login, reason: Option<&str>) -> Result<(), String> {
        self.input(Input::Kick {
            member: member.clone(),
            reason: reason.map(Arc::from),
        });
        self.work()
    }

    fn configure(&mut self, config: Arc<Config>) -> Result<(), String> {
        self.input(Input::Configure(config));
        self.work()
    }

    fn shutdown(&mut self) -> Result<(), String> {
        self.input(Input::Shutdown);
        self.work()
    }

    fn ended(&mut self, _patience: Patience) -> Result<bool, String> {
        Ok(self.gateway.is_empty())
    }

    fn reached(&self) -> u64 {
        self.reached
    }

    fn wait(&self, done: &dyn Fn() -> bool) -> bool {
        done()
    }

    fn knows_ends(&self) -> bool {
        true
    }
}

/// The port of the first client; the others count up from it.
const FIRST_PORT: u16 = 40_001;

/// More inputs than any step of a transcript leads to.
const MANY: usize = 1_000_000;
