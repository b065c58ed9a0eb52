//! Conversations that TCP cuts in different ways.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use super::world::{self, UPGRADE};
use crate::filter::FakeFilter;
use flashgate_core::{
    Accepted, Action, Answer, Cause, Config, ConnId, Denial, Filter, Gateway, Input, ListenerId,
    Millis, Now, Ticket, UnixSeconds,
};

/// Cuts change neither the answers to a stream nor its end. The same bytes get the same answers whole, byte by byte
/// and cut anywhere, on raw connections, HTTP, policy requests and WebSockets.
pub fn chunks_agree(data: &[u8]) {
    let [kind, cuts, rest @ ..] = data else {
        return;
    };
    let (cuts, rest) = rest.split_at(usize::from(cuts % 16).min(rest.len()));
    let stream = stream(*kind, rest);
    let whole = Client::talk(*kind, &stream, &[usize::MAX]);
    assert_eq!(whole, Client::talk(*kind, &stream, &[1]), "byte by byte");
    let sizes: Vec<_> = cuts.iter().map(|cut| usize::from(*cut).max(1)).collect();
    let cut = Client::talk(*kind, &stream, &sizes);
    assert_eq!(whole, cut, "in pieces of {sizes:?}");
}

/// A filter does not change the plain conversation: the same stream in records, cut anywhere, gets the same plain
/// bytes and the same end. No wire bytes make the gateway panic.
pub fn filtered(data: &[u8]) {
    let [kind, cuts, rest @ ..] = data else {
        return;
    };
    let (cuts, rest) = rest.split_at(usize::from(cuts % 16).min(rest.len()));
    let stream = stream(*kind, rest);
    let plain = Client::talk(*kind, &stream, &[usize::MAX]);
    let sizes: Vec<_> = cuts.iter().map(|cut| usize::from(*cut).max(1)).collect();
    for sizes in [&[usize::MAX][..], &[1], &sizes] {
        if !sizes.is_empty() && !stream.is_empty() {
            let mut wire = Vec::new();
            let mut client = Client::new(*kind, Wire::Filtered);
            client
                .filter
                .as_mut()
                .expect("has one")
                .send(&stream, &mut wire);
            let talked = client.talks(&wire, sizes);
            assert_eq!(plain, talked, "in pieces of {sizes:?}");
        }
    }
    let wire = [b"\x16\x03", rest].concat();
    Client::new(*kind, Wire::Filtered).talks(&wire, &[usize::MAX]);
}

/// A client's bytes, with a first part that leads to each protocol without luck.
fn stream(kind: u8, rest: &[u8]) -> Vec<u8> {
    match kind % 8 {
        0 => [b"GET ", rest].concat(),
        1 => [b"<policy-file-request/>", rest].concat(),
        2 => [UPGRADE, rest].concat(),
        // Every line is a frame of its own, with a key that leaves it as it is.
        3 | 4 => {
            let mut stream = UPGRADE.to_vec();
            let first = if kind % 8 == 3 { 0x82 } else { 0x81 };
            for line in rest
                .split_inclusive(|byte| *byte == b'\n')
                .flat_map(|line| line.chunks(125))
            {
                stream.extend([first, 0x80 | line.len() as u8, 0, 0, 0, 0]);
                stream.extend_from_slice(line);
            }
            stream
        }
        _ => rest.to_vec(),
    }
}

/// Settings without pings and keep-alives, which depend on the time at which pieces come.
fn config(kind: u8) -> Config {
    let mut config = world::config(kind >> 5 & !1);
    (config.limits.ping, config.limits.silence) = (None, None);
    config
}

/// A client that reads everything at once, chunk by chunk, and what it has received.
struct Client {
    gateway: Gateway,
    now: Now,
    id: ConnId,
    /// The member store denies every login.
    denied: bool,
    /// Its side of the filter.
    filter: Option<FakeFilter>,
    /// The plain bytes that it received.
    heard: Vec<u8>,
    /// The memory of the chunks that were written for the present input.
    queue: VecDeque<usize>,
    reading: bool,
    /// It has sent everything, and waits for the answers.
    done: bool,
    end: Option<End>,
    lookups: VecDeque<Ticket>,
}

/// What carries its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Plain,
    Filtered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Closed,
    Aborted,
}

impl Client {
    /// Sends the stream in pieces of these sizes, then nothing more.
    fn talk(kind: u8, stream: &[u8], sizes: &[usize]) -> (String, Option<End>) {
        Self::new(kind, Wire::Plain).talks(stream, sizes)
    }

    fn new(kind: u8, wire: Wire) -> Self {
        let now = Now {
            mono: Millis(1000),
            utc: UnixSeconds(1_184_064_842),
            offset: 0,
        };
        let mut config = config(kind);
        let filter = match wire {
            Wire::Plain => None,
            Wire::Filtered => {
                config.filters.push(Some(FakeFilter::make()));
                Some(FakeFilter::default())
            }
        };
        let mut gateway = Gateway::new(Arc::new(config), now);
        let origin = Accepted {
            listener: ListenerId(0),
            peer: SocketAddr::from(([192, 0, 2, 1], 1)).into(),
            user: None,
        };
        Self {
            id: gateway.accept(now, origin).expect("there is a free slot"),
            gateway,
            now,
            denied: kind & 0x10 != 0,
            filter,
            heard: Vec::new(),
            queue: VecDeque::new(),
            reading: true,
            done: false,
            end: None,
            lookups: VecDeque::new(),
        }
    }

    fn talks(mut self, mut stream: &[u8], sizes: &[usize]) -> (String, Option<End>) {
        let mut sizes = sizes.iter().cycle();
        let client = &mut self;
        while !stream.is_empty() && client.listens() {
            let size = sizes
                .next()
                .map_or(stream.len(), |size| *size.min(&stream.len()));
            let (piece, rest) = stream.split_at(size);
            stream = rest;
            client.handle(Input::Bytes(client.id, piece));
        }
        if client.listens() {
            client.done = true;
            client.handle(Input::Eof(client.id));
        }
        client.listens();
        client
            .gateway
            .handle(client.now, Input::Gone(client.id, Cause::Closed));
        (self.heard.escape_ascii().to_string(), self.end)
    }

    /// Whether the server reads. While it does not, or nothing more comes, only time changes anything.
    fn listens(&mut self) -> bool {
        for _ in 0..100 {
            if self.reading && !self.done || matches!(self.end, Some(End::Closed | End::Aborted)) {
                break;
            }
            let Some(next) = self.gateway.poll_timeout() else {
                break;
            };
            self.now.mono = self.now.mono.max(next);
            self.handle(Input::Timeout);
        }
        self.reading && !matches!(self.end, Some(End::Closed | End::Aborted))
    }

    /// Gives an input, reads everything that is written, and answers every question.
    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(self.now, input);
        loop {
            while let Some(action) = self.gateway.poll() {
                self.take(&action);
            }
            if self.queue.pop_front().is_some() {
                let left = self.queue.iter().sum();
                self.gateway.handle(self.now, Input::Backlog(self.id, left));
            } else if let Some(ticket) = self.lookups.pop_front() {
                let answer = match self.denied {
                    true => Answer::Denied(Denial::WrongPassword, None),
                    false => Answer::Member(world::member(1)),
                };
                self.gateway.handle(self.now, Input::Answer(ticket, answer));
            } else {
                break;
            }
        }
        self.gateway.assert_consistent();
    }

    fn take(&mut self, action: &Action) {
        match action {
            Action::Write(_, chunk) | Action::Broadcast(_, chunk) => {
                self.queue.push_back(chunk.memory());
                let bytes = chunk.to_vec();
                match &mut self.filter {
                    Some(filter) => {
                        filter.receive(&bytes, &mut self.heard, &mut Vec::new());
                    }
                    None => self.heard.extend(bytes),
                }
            }
            Action::Finish(_) => self.ends(End::Finished),
            Action::Close(_) => self.ends(End::Closed),
            Action::Abort(_) => self.end = Some(End::Aborted),
            Action::Pause(_) => self.reading = false,
            Action::Resume(_) => self.reading = true,
            Action::Lookup(ticket, _) => self.lookups.push_back(*ticket),
            Action::Note(_) => {}
        }
    }
    fn ends(&mut self, end: End) {
        let is_over = self.filter.as_ref().is_none_or(FakeFilter::is_over);
        assert!(is_over, "the filter writes last");
        self.end = Some(end);
    }
}
