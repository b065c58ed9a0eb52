//! What was broadcast in this turn, kept once for each wire form, however many are to hear it.
//!
//! Everybody online hears the same messages in the same order. So a connection does not hold them: it
//! holds from where to where they go in the log of its form, and writes that part as it is. A turn
//! ends with empty logs; what a socket did not take by then becomes a queue of the connection's own.

use flashgate_core::{Chunk, Form};

/// The logs of one turn.
#[derive(Debug, Default)]
pub(crate) struct Logs([Log; Form::ALL.len()]);

/// What those of one form are to hear, in order.
#[derive(Debug, Default)]
struct Log {
    bytes: Vec<u8>,
    /// The same in chunks, each with its end in the bytes: they outlive the turn.
    chunks: Vec<(u32, Chunk)>,
}

/// What one connection has yet to hear of a log, from byte to byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    form: Form,
    start: u32,
    end: u32,
    /// What its chunks would take in a queue.
    memory: u32,
}

impl Logs {
    /// Puts a broadcast at the end of its log; which part of it that is. Nothing when the log is full:
    /// then each connection has to keep the chunk.
    pub(crate) fn append(&mut self, form: Form, chunk: &Chunk) -> Option<Part> {
        let log = &mut self.0[form as usize];
        let start = log.bytes.len();
        if start + chunk.len() > MAX_LOG {
            return None;
        }
        for slice in chunk.slices(0) {
            log.bytes.extend_from_slice(slice);
        }
        // At most MAX_LOG, and MAX_LOG times what a byte may take.
        let numbers = [start, log.bytes.len(), chunk.memory()];
        let [start, end, memory] = numbers.map(|number| number as u32);
        log.chunks.push((end, chunk.clone()));
        Some(Part {
            form,
            start,
            end,
            memory,
        })
    }

    pub(crate) fn bytes(&self, part: Part) -> &[u8] {
        &self.0[part.form as usize].bytes[part.start as usize..part.end as usize]
    }

    /// The chunks of a part, of which the first may have been begun before; and how many of its bytes
    /// that are.
    pub(crate) fn chunks(&self, part: Part) -> (impl Iterator<Item = &Chunk>, usize) {
        let chunks = &self.0[part.form as usize].chunks;
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

    /// The turn is over, and nobody has a part of it any more.
    pub(crate) fn clear(&mut self) {
        for log in &mut self.0 {
            // One turn of many logins should not cost their memory for ever.
            if log.bytes.capacity() > KEPT {
                *log = Log::default();
            }
            log.bytes.clear();
            log.chunks.clear();
        }
    }
}

impl Part {
    /// Makes it longer by what comes right behind it; whether that is so.
    pub(crate) fn extend(&mut self, by: Self) -> bool {
        let follows = self.is_empty() || (self.form == by.form && self.end == by.start);
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

    /// What it takes in a queue, its begun chunk as a whole.
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

    /// So many bytes of its beginning were written.
    pub(crate) fn advance(&mut self, written: usize) {
        debug_assert!(written <= self.len(), "more written than there is");
        self.start += written as u32;
    }
}

/// The most bytes of a log. A turn that says more than this to everybody is seldom, and only slower.
const MAX_LOG: usize = 1024 * 1024;

/// The most bytes of messages that a log keeps room for from turn to turn.
const KEPT: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_grows_by_what_follows_it() {
        let part = |form, start, end| Part {
            form,
            start,
            end,
            memory: 10 * (end - start),
        };
        let mut mine = Part::default();
        assert!(mine.extend(part(Form::Text, 5, 9)) && mine == part(Form::Text, 5, 9));
        assert!(mine.extend(part(Form::Text, 9, 12)) && mine == part(Form::Text, 5, 12));
        assert!(!mine.extend(part(Form::Text, 13, 14)), "a gap");
        assert!(!mine.extend(part(Form::Binary, 12, 14)), "another log");
        assert_eq!((mine, mine.len()), (part(Form::Text, 5, 12), 7));
        assert_eq!(mine.memory(), 70);
        mine.advance(7);
        assert_eq!(mine.memory(), 0);
        assert!(mine.is_empty() && mine.extend(part(Form::Binary, 0, 3)));
    }
}
