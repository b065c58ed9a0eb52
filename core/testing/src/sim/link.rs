//! One TCP connection as two queues with a runtime at one end and a client at the other.

use std::collections::VecDeque;

use super::client::Client;
use crate::filter::{BEGINNING, FakeFilter};
use flashgate_core::{Cause, Chunk, Filter};

/// A connection, its client, and the bytes under way between them.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    /// The client's side of the filter, if there is one between them.
    pub(super) filter: Option<Filtered>,
    /// The gateway's side of a filter that the client does not have: its first bytes looked like those of one.
    mistaken: Option<FakeFilter>,
    /// Bytes from the client that the runtime has not read yet, and whether the end of the stream follows.
    pub(super) to_server: VecDeque<u8>,
    /// How many of them are a proxy's header, which is outside the filter.
    pub(super) header: usize,
    /// It begins with such a header.
    pub(super) is_proxied: bool,
    pub(super) fin: bool,
    /// Whether the runtime reads.
    pub(super) reading: Reading,
    pub(super) end: End,
    /// The runtime's queue, and the chunks in it.
    queue: VecDeque<u8>,
    chunks: VecDeque<Queued>,
    /// Bytes that the network has taken from the queue.
    pub(super) pipe: VecDeque<u8>,
    pub(super) dirty: bool,
    /// The connection is over for this cause, which the runtime has not reported yet.
    pub(super) broken: Option<Cause>,
    /// The client has vanished.
    pub(super) away: bool,
    /// An event of this kind is in the queue.
    pub(super) will_deliver: bool,
    pub(super) will_read: bool,
    /// The client reads nothing until then.
    pub(super) stalled_until: u64,
    /// The client has read to the end.
    pub(super) heard_all: bool,
    /// Bytes were lost: the client received only the beginning of what was written.
    pub(super) lossy: bool,
}

/// A chunk in the runtime's queue.
#[derive(Debug)]
struct Queued {
    wire: Size,
    /// Of what it stands for: itself, if there is no filter.
    plain: Size,
    /// Wire bytes that the network has taken.
    written: usize,
}

/// The size of a chunk in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) length: usize,
    pub(super) memory: usize,
}

impl Size {
    pub(super) fn of(chunk: &Chunk) -> Self {
        let (length, memory) = (chunk.len(), chunk.memory());
        Self { length, memory }
    }
}

/// The client's side of a filter, and a second one that decodes each chunk for the model as soon as it is written.
#[derive(Debug, Default)]
pub(super) struct Filtered {
    client: FakeFilter,
    model: FakeFilter,
}

impl Filtered {
    /// The wire bytes for these plain bytes of the client.
    pub(super) fn send(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        self.client.send(plain, &mut wire);
        wire
    }

    /// The plain bytes in these wire bytes, which the client has read.
    pub(super) fn read(&mut self, wire: &[u8]) -> Vec<u8> {
        opened(&mut self.client, wire)
    }
}

fn opened(filter: &mut FakeFilter, wire: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    filter.receive(wire, &mut plain, &mut Vec::new());
    plain
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Open,
    Paused,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Open,
    Finished,
    Closed,
    Aborted,
    Gone,
}

impl Link {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            filter: None,
            mistaken: None,
            to_server: VecDeque::new(),
            header: 0,
            is_proxied: false,
            fin: false,
            reading: Reading::Open,
            end: End::Open,
            queue: VecDeque::new(),
            chunks: VecDeque::new(),
            pipe: VecDeque::new(),
            dirty: false,
            broken: None,
            away: false,
            will_deliver: false,
            will_read: false,
            stalled_until: 0,
            heard_all: false,
            lossy: false,
        }
    }

    /// The plain bytes in a chunk, if the gateway has written it through a filter.
    pub(super) fn plain(&mut self, chunk: &Chunk) -> Option<Vec<u8>> {
        let wire = chunk.to_vec();
        if self.filter.is_none() && wire.starts_with(BEGINNING) {
            self.mistaken.get_or_insert_default();
        }
        let filter = self.filter.as_mut().map(|filter| &mut filter.model);
        let filter = filter.or(self.mistaken.as_mut())?;
        Some(opened(filter, &wire))
    }

    /// The runtime queues a chunk, which stands for a plain one of this size. It is copied, since the memory of the
    /// core's own is watched.
    pub(super) fn append(&mut self, chunk: &Chunk, plain: Size) {
        self.queue.extend(chunk.to_vec());
        self.chunks.push_back(Queued {
            wire: Size::of(chunk),
            plain,
            written: 0,
        });
        self.dirty = true;
    }

    /// The memory of the queue, as the runtime reports it.
    pub(super) fn left(&self) -> usize {
        let left = |chunk: &Queued| chunk.wire.memory - chunk.written;
        self.chunks.iter().map(left).sum()
    }

    /// What the core counts: plain bytes are written in proportion to those on the wire.
    pub(super) fn plain_left(&self) -> usize {
        let left = |chunk: &Queued| {
            chunk.plain.memory - chunk.written * chunk.plain.length / chunk.wire.length
        };
        self.chunks.iter().map(left).sum()
    }

    /// The runtime writes as much as the network takes, until no more than `least` is left.
    pub(super) fn flush(&mut self, capacity: usize, least: usize) {
        let mut room = capacity.saturating_sub(self.pipe.len());
        let mut above = self.left().saturating_sub(least);
        while let Some(first) = self.chunks.front_mut() {
            let bytes = first.wire.length - first.written;
            let some = room.min(above).min(bytes);
            if some == 0 {
                break;
            }
            self.pipe.extend(self.queue.drain(..some));
            first.written += some;
            room -= some;
            above -= some;
            if some == bytes {
                above = above.saturating_sub(first.wire.memory - first.written);
                self.chunks.pop_front();
            }
        }
        if self.end == End::Closed && self.queue.is_empty() {
            self.broken.get_or_insert(Cause::Closed);
        }
    }

    /// The next piece for the core, at most `most` bytes on the wire: its plain size, and its wire bytes.
    pub(super) fn piece(&mut self, most: usize) -> (usize, Vec<u8>) {
        // The records for a piece must fit into one read.
        let half = if self.filter.is_some() { 2 } else { 1 };
        let size = self.to_server.len().min((most / half).max(1));
        let mut piece: Vec<u8> = self.to_server.drain(..size).collect();
        let header = self.header.min(size);
        self.header -= header;
        if let Some(filter) = &mut self.filter
            && header < size
        {
            let wire = filter.send(&piece[header..]);
            piece.truncate(header);
            piece.extend(wire);
        }
        (size, piece)
    }

    /// Whether the client has read everything that it will ever get.
    pub(super) fn is_drained(&self) -> bool {
        self.end >= End::Finished && self.queue.is_empty() && self.pipe.is_empty()
    }

    /// The runtime aborts the connection. What it had not written is lost, and of the rest the client gets any
    /// beginning.
    pub(super) fn cut(&mut self, keep: usize) {
        self.queue.clear();
        self.chunks.clear();
        self.pipe.truncate(keep);
        self.lossy = true;
    }
}
