//! The frames of both sides, written and read without the codec; and a random generator with a seed.

use std::ops::Range;

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
/// The first byte of a text message that is continued.
pub(crate) const TEXT_BEGINS: u8 = 0x01;
pub(crate) const BINARY_BEGINS: u8 = 0x02;
pub(crate) const MORE: u8 = 0x00;
pub(crate) const LAST: u8 = 0x80;

/// A frame as a client sends it, with the shortest head.
pub(crate) fn masked(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

/// The first byte and the payload of each frame that a server sent. Panics if a frame is incomplete or not as a server
/// must send it.
pub(crate) fn unmasked(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (size, shortest, length) = match *second {
            126 => {
                let length = u16::from_be_bytes(rest[..2].try_into().unwrap());
                (2, 126, usize::from(length))
            }
            127 => {
                let length = u64::from_be_bytes(rest[..8].try_into().unwrap());
                (8, 0x1_0000, usize::try_from(length).unwrap())
            }
            length => (0, 0, usize::from(length)),
        };
        assert!(*second < 128, "a server masks nothing");
        assert!(length >= shortest, "a length is in its shortest form");
        assert_eq!(first & 0x70, 0, "no bit is reserved for anything");
        frames.push((*first, rest[size..size + length].to_vec()));
        bytes = &rest[size + length..];
    }
    assert_eq!(bytes, b"", "frames are whole");
    frames
}

/// A random generator: the same seed gives the same numbers.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.next() % range.len() as u64) as usize
    }

    pub(crate) fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.within(0..items.len())]
    }

    pub(crate) fn one_in(&mut self, chances: u64) -> bool {
        self.next().is_multiple_of(chances)
    }

    pub(crate) fn key(&mut self) -> [u8; 4] {
        (self.next() as u32).to_be_bytes()
    }
}
