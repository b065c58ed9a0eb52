//! Cuts a client's bytes into pieces: TCP keeps the bytes, but not the pieces.

use std::fmt;
use std::ops::Range;

use super::frames;
use crate::random::Random;
use flashgate_core::MAX_READ;

/// One way to cut every payload of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// One piece for each line of the transcript.
    Whole,
    /// Every byte by itself. Of a payload over 2 KiB: the first and last 512 bytes and the bytes around frame
    /// headers; the rest in larger pieces.
    Bytes,
    /// Pieces of 2, 3, 5, 7, 11, … 127 bytes, repeated.
    Primes,
    /// Pieces of random sizes, small ones more often.
    Seeded(u64),
}

impl Cut {
    /// Splits `payload` into pieces, none of them empty. Each payload of a transcript starts at another place of the
    /// sequence, chosen by `nth`.
    pub fn pieces<'a>(&self, nth: usize, payload: &'a [u8]) -> Vec<&'a [u8]> {
        let mut sizes = Sizes {
            cut: *self,
            step: nth,
            single: single(payload),
            random: Random::new(seed(*self, nth)),
        };
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < payload.len() {
            let size = sizes.next(at, payload.len());
            let end = payload.len().min(at + size);
            pieces.push(&payload[at..end]);
            at = end;
        }
        pieces
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Bytes => f.write_str("one byte at a time"),
            Self::Primes => f.write_str("cut at primes"),
            Self::Seeded(seed) => write!(f, "cut by seed {seed}"),
        }
    }
}

struct Sizes {
    cut: Cut,
    step: usize,
    /// The ranges that [`Cut::Bytes`] cuts into single bytes, in order.
    single: Vec<Range<usize>>,
    random: Random,
}

impl Sizes {
    fn next(&mut self, at: usize, len: usize) -> usize {
        self.step += 1;
        match self.cut {
            Cut::Whole => MAX_READ,
            Cut::Bytes => match self.single.iter().find(|part| part.end > at) {
                Some(part) if part.start > at => MIDDLE.min(part.start - at),
                Some(_) | None => 1,
            },
            Cut::Primes => PRIMES[self.step % PRIMES.len()],
            Cut::Seeded(_) => {
                let limit = 1_u64 << self.random.below(if len <= LONG { 7 } else { 13 });
                1 + self.random.below(limit) as usize
            }
        }
    }
}

/// The ranges of a payload that are cut into single bytes.
fn single(payload: &[u8]) -> Vec<Range<usize>> {
    let len = payload.len();
    let mut parts = Vec::new();
    if len <= LONG {
        parts.push(0..len);
        return parts;
    }
    let headers = frames::headers(payload).into_iter();
    parts.push(0..EDGE);
    parts.extend(headers.map(|header| header.start..header.end + BEHIND_HEADER));
    parts.push(len - EDGE..len);
    parts
}

fn seed(cut: Cut, nth: usize) -> u64 {
    match cut {
        Cut::Seeded(seed) => seed ^ (nth as u64) << 32,
        Cut::Whole | Cut::Bytes | Cut::Primes => 0,
    }
}

const PRIMES: [usize; 31] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127,
];

/// A longer payload is a long text, of which only parts are cut into single bytes.
const LONG: usize = 2048;

/// How many bytes at both ends of a long payload are cut into single bytes.
const EDGE: usize = 512;

/// How many bytes of payload after a frame's header are cut into single bytes: the length of the mask.
const BEHIND_HEADER: usize = 4;

/// The size of the pieces between them, which is no power of two.
const MIDDLE: usize = 509;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::frames::Frames;
    use crate::transcript::text::unescape;
    use std::collections::BTreeSet;
    use std::vec;

    #[test]
    fn pieces_make_the_payload() {
        let cuts = [Cut::Whole, Cut::Bytes, Cut::Primes, Cut::Seeded(7)];
        for len in [0, 1, 2, 100, LONG, LONG + 1, 5 * MAX_READ] {
            let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
            for cut in cuts {
                let pieces = cut.pieces(3, &payload);
                assert_eq!(pieces.concat(), payload, "{cut} {len}");
                assert!(pieces.iter().all(|p| !p.is_empty() && p.len() <= MAX_READ));
            }
        }
        assert_eq!(Cut::Bytes.pieces(0, b"abc"), vec![b"a", b"b", b"c"]);
    }

    #[test]
    fn the_headers_of_frames_are_cut_everywhere() {
        let text = "{binary- {x*70000}}{ping a}{more {y*3000}}";
        let payload = unescape(text, Frames::Masked).unwrap();
        let pieces = Cut::Bytes.pieces(0, &payload);
        let mut at = 0;
        let cuts: BTreeSet<usize> = pieces
            .iter()
            .map(|piece| (at += piece.len(), at).1)
            .collect();
        let headers = frames::headers(&payload);
        assert_eq!(headers.len(), 3);
        for header in headers {
            let missing = header.clone().find(|at| *at > 0 && !cuts.contains(at));
            assert_eq!(missing, None, "{header:?}");
        }
        assert!(pieces.len() < 1500, "{}", pieces.len());
    }

    #[test]
    fn a_seed_is_a_sequence() {
        let payload = [0; 500];
        let sizes = |seed| -> Vec<usize> {
            let cut = Cut::Seeded(seed);
            cut.pieces(0, &payload).iter().map(|p| p.len()).collect()
        };
        assert_eq!(sizes(1), sizes(1));
        assert_ne!(sizes(1), sizes(2));
    }
}
