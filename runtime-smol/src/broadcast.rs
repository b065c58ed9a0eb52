//! What was broadcast in this turn, stored once for each audience and wire form, however many connections
//! receive it.
//!
//! All connections of an audience get the same messages in the same order. So a connection does not hold them:
//! it holds a start and an end in the log of its audience and form, and writes that part as it is. A turn ends
//! with empty logs; what a socket did not take by then moves into the connection's own queue.

use std::mem;

use flashgate_core::{Chunk, Form};

/// The logs of one turn.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Those in use come first. A log that was used once keeps its place for the next turns.
    logs: Vec<Log>,
    used: usize,
    /// A hash table of the logs in use: the place of each plus one, or 0. A log whose entry is taken has the next
    /// free one. Half of the table is always free, so that each search ends.
    table: Box<[u16; TABLE]>,
}

/// What one audience gets in one form, in order.
#[derive(Debug, Default)]
struct Log {
    /// The audience's number, and the form.
    of: (u64, Form),
    /// The log's entry in the table.
    entry: usize,
    bytes: Vec<u8>,
    /// The same in chunks, each with its end in `bytes`. Chunks outlive the turn.
    chunks: Vec<(u32, Chunk)>,
}

/// What one connection has yet to write of a log, from byte to byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// The log's place.
    log: u32,
    start: u32,
    end: u32,
    /// What its chunks would take in a queue.
    memory: u32,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            logs: Vec::new(),
            used: 0,
            table: Box::new([0; TABLE]),
        }
    }
}

impl Logs {
    /// Puts a broadcast to an audience, given by its number, at the end of its log, and returns which part
    /// of the log that is. `None` if the log is full, or there are too many logs: then each connection has
    /// to keep the chunk.
    pub(crate) fn append(&mut self, audience: u64, form: Form, chunk: &Chunk) -> Option<Part> {
        let place = self.place((audience, form))?;
        let log = &mut self.logs[place];
        let start = log.bytes.len();
        if start + chunk.len() > MAX_LOG {
            return None;
        }
        for slice in chunk.slices(0) {
            log.bytes.extend_from_slice(slice);
        }
        // At most MAX_LOG, and MAX_LOG times the memory of one byte.
        let numbers = [place, start, log.bytes.len(), chunk.memory()];
        let [place, start, end, memory] = numbers.map(|number| number as u32);
        log.chunks.push((end, chunk.clone()));
        Some(Part {
            log: place,
            start,
            end,
            memory,
        })
    }

    /// The place of a log, which is begun if it is not in use yet.
    fn place(&mut self, of: (u64, Form)) -> Option<usize> {
        let mut entry = hash(of);
        while let Some(place) = usize::from(self.table[entry]).checked_sub(1) {
            if self.logs[place].of == of {
                return Some(place);
            }
            entry = (entry + 1) % TABLE;
        }
        let place = self.used;
        if place == MAX_LOGS {
            return None;
        }
        if place == self.logs.len() {
            self.logs.push(Log::default());
        }
        (self.logs[place].of, self.logs[place].entry) = (of, entry);
        self.used += 1;
        self.table[entry] = self.used as u16;
        Some(place)
    }

    pub(crate) fn bytes(&self, part: Part) -> &[u8] {
        // An empty part may be of no log.
        let log = self.logs.get(part.log as usize);
        log.map_or(&[], |log| {
            &log.bytes[part.start as usize..part.end as usize]
        })
    }

    /// The chunks of a part, and how many bytes of the first are before its start.
    pub(crate) fn chunks(&self, part: Part) -> (impl Iterator<Item = &Chunk>, usize) {
        let chunks = self.logs.get(part.log as usize);
        let chunks = chunks.map_or(&[][..], |log| &log.chunks);
        let first = chunks.partition_point(|(end, _)| *end <= part.start);
        let last = chunks.partition_point(|(end, _)| *end < part.end);
        let inside = if part.is_empty() {
            &[]
        } else {
            &chunks[first..=last]
        };
        let before = first.checked_sub(1).map_or(0, |before| chunks[before].0);
        let skipped = (part.start - before) as usize;
        (inside.iter().map(|(_, chunk)| chunk), skipped)
    }

    /// Ends the turn, when no connection has a part any more.
    pub(crate) fn clear(&mut self) {
        let used = &mut self.logs[..mem::take(&mut self.used)];
        for (place, log) in used.iter_mut().enumerate() {
            self.table[log.entry] = 0;
            let kept = if place < FEW { KEPT } else { KEPT_OF_MANY };
            // One turn with many logins, or many busy rooms, does not keep its memory for ever.
            if log.bytes.capacity() > kept {
                *log = Log::default();
            }
            log.bytes.clear();
            log.chunks.clear();
        }
    }
}

impl Part {
    /// Extends the part by the one right behind it. False if the other does not follow.
    pub(crate) fn extend(&mut self, by: Self) -> bool {
        let follows = self.is_empty() || (self.log == by.log && self.end == by.start);
        if follows {
            *self = if self.is_empty() {
                by
            } else {
                Self {
                    start: self.start,
                    memory: self.memory + by.memory,
                    ..by
                }
            };
        }
        follows
    }

    /// Its memory in a queue, where a chunk that has begun counts as a whole.
    pub(crate) fn memory(&self) -> usize {
        if self.is_empty() {
            0
        } else {
            self.memory as usize
        }
    }

    fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops this many bytes at its start: they are written.
    pub(crate) fn advance(&mut self, written: usize) {
        debug_assert!(written <= self.len(), "more written than there is");
        self.start += written as u32;
    }
}

/// The most bytes of a log. A turn that broadcasts more than this is rare, and only slower.
const MAX_LOG: usize = 1024 * 1024;

/// The most logs of a turn, in which at most a few hundred sockets are read: broadcasts to more rooms than this
/// in one turn are only slower.
const MAX_LOGS: usize = 1024;

/// Entries of the hash table.
const TABLE: usize = 2 * MAX_LOGS;

// An entry has 16 bits.
const _: () = assert!(MAX_LOGS < u16::MAX as usize && TABLE.is_power_of_two());

/// The first entry to look at. Numbers of rooms are mostly consecutive; this spreads them evenly (Fibonacci hashing).
fn hash((audience, form): (u64, Form)) -> usize {
    let number = audience
        .wrapping_mul(Form::ALL.len() as u64)
        .wrapping_add(form as u64);
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - TABLE.ilog2())) as usize
}

/// The capacity in bytes that a log keeps from turn to turn: the first few, and all others, which hold 3 MiB
/// together with their chunks.
const KEPT: usize = 32 * 1024;
const KEPT_OF_MANY: usize = 1024;
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_grows_by_what_follows_it() {
        let part = |log, start, end| Part {
            log,
            start,
            end,
            memory: 10 * (end - start),
        };
        let mut mine = Part::default();
        assert!(mine.extend(part(2, 5, 9)) && mine == part(2, 5, 9));
        assert!(mine.extend(part(2, 9, 12)) && mine == part(2, 5, 12));
        assert!(!mine.extend(part(2, 13, 14)), "a gap");
        assert!(!mine.extend(part(1, 12, 14)), "another log");
        assert_eq!((mine, mine.len()), (part(2, 5, 12), 7));
        assert_eq!(mine.memory(), 70);
        mine.advance(7);
        assert_eq!(mine.memory(), 0);
        assert!(mine.is_empty() && mine.extend(part(1, 0, 3)));
    }
    #[test]
    fn each_audience_and_form_has_a_log() {
        let (one, other) = (Chunk::from(&b"one"[..]), Chunk::from(&b"other"[..]));
        let mut logs = Logs::default();
        for _ in 0..2 {
            let first = logs.append(0, Form::Stream, &one).unwrap();
            let room = logs.append(7, Form::Stream, &other).unwrap();
            let text = logs.append(0, Form::Text, &other).unwrap();
            let second = logs.append(0, Form::Stream, &other).unwrap();
            let mut mine = first;
            assert!(!mine.extend(room) && !mine.extend(text) && mine.extend(second));
            assert_eq!(logs.bytes(mine), b"oneother");
            assert_eq!(logs.bytes(room), b"other");
            assert_eq!(logs.chunks(text).0.count(), 1);
            logs.clear();
        }
    }

    #[test]
    fn a_turn_has_a_log_for_each_of_many_rooms() {
        let (chunk, mut logs) = (Chunk::from(&b"x"[..]), Logs::default());
        let most = MAX_LOGS as u64;
        // Rooms that are far apart, side by side, and old ones in another form.
        for step in [1, 7, 1 << 32, (1 << 32) + 1] {
            let number = |nth: u64| nth * step;
            for nth in 0..most {
                let part = logs.append(number(nth), Form::Stream, &chunk).unwrap();
                assert_eq!(u64::from(part.log), nth);
            }
            assert!(logs.append(number(most), Form::Stream, &chunk).is_none());
            assert!(logs.append(number(1), Form::Text, &chunk).is_none());
            for nth in 0..most {
                let part = logs.append(number(nth), Form::Stream, &chunk).unwrap();
                assert_eq!((u64::from(part.log), part.start), (nth, 1));
            }
            logs.clear();
            assert!(logs.table.iter().all(|entry| *entry == 0));
        }
        assert!(logs.append(most, Form::Stream, &chunk).is_some());
    }

    #[test]
    fn many_logs_keep_little_memory_and_allocate_nothing_in_the_next_turn() {
        let (short, long) = (Chunk::from(&[1; 200][..]), Chunk::from(&[1; 2000][..]));
        let mut logs = Logs::default();
        let kept = |logs: &Logs| {
            let bytes = logs.logs.iter().map(|log| log.bytes.capacity());
            bytes.sum::<usize>()
        };
        let turn = |logs: &mut Logs, chunk| {
            for room in 0..MAX_LOGS as u64 {
                logs.append(room, Form::Stream, chunk).unwrap();
            }
            let in_use = kept(logs);
            logs.clear();
            in_use
        };
        turn(&mut logs, &long);
        assert!(kept(&logs) <= FEW * KEPT);
        turn(&mut logs, &short);
        let before = kept(&logs);
        assert_eq!(turn(&mut logs, &short), before);
        assert!(kept(&logs) <= FEW * KEPT + MAX_LOGS * KEPT_OF_MANY);
    }
}
