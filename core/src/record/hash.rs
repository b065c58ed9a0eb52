//! Hashes of answers, by which a replay compares them.

use alloc::vec::Vec;

use super::redact::classes;

/// A number that is the same for two answers whenever they differ only in what a recording leaves
/// out: of each character its class alone goes in, and letters, digits and signs are one.
pub(crate) fn shape(parts: [&[u8]; 2]) -> u64 {
    let mut class = Vec::new();
    let mut hash = Fnv::default();
    for part in parts {
        class.clear();
        classes(beginning(part), &mut class);
        for byte in &class {
            hash.add(match byte {
                b'0' | b'.' => b'x',
                other => *other,
            });
        }
    }
    hash.0
}

/// A number for bytes as they are.
pub(crate) fn hash(parts: [&[u8]; 2]) -> u64 {
    let mut hash = Fnv::default();
    for byte in parts.into_iter().flat_map(beginning) {
        hash.add(*byte);
    }
    hash.0
}

/// A file of the site may have any size, and is not looked through at each request for it.
fn beginning(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(64 * 1024)]
}

/// FNV-1a, 64 bits. It distinguishes answers, except those made to collide.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}
