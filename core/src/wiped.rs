//! Buffers of a client's bytes, which may hold a password. They are overwritten wherever they would be left.
//!
//! [`Zeroizing`] wipes a buffer when it is dropped. But a vector leaves bytes behind before that, too: in memory
//! that it gives back when it grows or shrinks, and behind its length. These functions wipe those bytes, so
//! that there are never any behind the length. All code that changes such a buffer uses them.
//!
//! They wipe every command, not only IDENTIFY: a password may follow a misspelt word, and checking would cost
//! more than overwriting a few bytes.
//!
//! Safe code, and so the tests below, cannot see bytes that were left: `tests/program/memory.rs` searches a
//! server's memory for them.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use zeroize::{Zeroize, Zeroizing};

/// Appends bytes.
pub(crate) fn append(bytes: &mut Vec<u8>, more: &[u8]) {
    let length = bytes.len() + more.len();
    if length > bytes.capacity() {
        move_to(bytes, length.max(2 * bytes.capacity()));
    }
    bytes.extend_from_slice(more);
}

/// Drops the first bytes.
pub(crate) fn consume(bytes: &mut Vec<u8>, count: usize) {
    if count > 0 {
        bytes.copy_within(count.., 0);
        let left = bytes.len() - count;
        bytes[left..].zeroize();
        bytes.truncate(left);
    }
}

/// Drops the bytes after the first `length`.
pub(crate) fn truncate(bytes: &mut Vec<u8>, length: usize) {
    if let Some(rest) = bytes.get_mut(length..) {
        rest.zeroize();
        bytes.truncate(length);
    }
}

/// Drops all bytes and keeps the capacity. Memory that was never written to is not touched.
pub(crate) fn clear(bytes: &mut Vec<u8>) {
    bytes[..].zeroize();
    bytes.clear();
}

/// Frees capacity that is much larger than what is left: one byte must not keep a large buffer.
pub(crate) fn fit(bytes: &mut Vec<u8>) {
    if bytes.capacity() / 4 > bytes.len() {
        move_to(bytes, bytes.len());
    }
}

/// The text without its NULs, which no answer could carry.
pub(crate) fn without_nuls(text: &str) -> Zeroizing<String> {
    let nuls = text.bytes().filter(|byte| *byte == 0).count();
    let room = text.len() + nuls * (REPLACEMENT.len_utf8() - 1);
    let mut clean = Zeroizing::new(String::with_capacity(room));
    for part in text.split_inclusive('\0') {
        match part.strip_suffix('\0') {
            Some(before) => {
                clean.push_str(before);
                clean.push(REPLACEMENT);
            }
            None => clean.push_str(part),
        }
    }
    clean
}

fn move_to(bytes: &mut Vec<u8>, capacity: usize) {
    let mut moved = Vec::with_capacity(capacity);
    moved.extend_from_slice(bytes);
    mem::replace(bytes, moved)[..].zeroize();
}

const REPLACEMENT: char = '\u{fffd}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_and_go_in_order() {
        let mut bytes = Vec::new();
        append(&mut bytes, b"IDEN");
        append(&mut bytes, b"");
        append(&mut bytes, b"TIFY 1 secret\0PIN");
        assert_eq!(bytes, b"IDENTIFY 1 secret\0PIN");
        consume(&mut bytes, 0);
        consume(&mut bytes, 18);
        assert_eq!(bytes, b"PIN");
        fit(&mut bytes);
        assert_eq!((&bytes[..], bytes.capacity()), (&b"PIN"[..], 3));
        append(&mut bytes, b"G x\0");
        consume(&mut bytes, 7);
        assert_eq!(bytes, b"");
        append(&mut bytes, b"LIST\0");
        let room = bytes.capacity();
        clear(&mut bytes);
        assert_eq!((bytes.len(), bytes.capacity()), (0, room));
    }

    /// Capacity grows by doubling, so that single bytes do not each copy the buffer.
    #[test]
    fn few_moves() {
        let (mut bytes, mut moves) = (Vec::new(), 0);
        for _ in 0..8192 {
            let before = bytes.capacity();
            append(&mut bytes, b"x");
            moves += usize::from(bytes.capacity() != before);
        }
        assert!(moves <= 14, "{moves}");
    }

    #[test]
    fn nuls() {
        for (text, clean) in [
            ("", ""),
            ("x", "x"),
            ("\0", "\u{fffd}"),
            ("a\0\0b", "a\u{fffd}\u{fffd}b"),
            ("\0ő\0", "\u{fffd}ő\u{fffd}"),
        ] {
            let made = without_nuls(text);
            assert_eq!((made.as_str(), made.capacity()), (clean, clean.len()));
        }
    }
}
