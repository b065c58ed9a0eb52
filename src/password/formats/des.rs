//! Unix's `crypt()` on DES, of 1979, and BSDi's extension of it.
//!
//! No crate for DES can do it: the salt swaps bits inside each round. The tables are those of FIPS 46;
//! what a round does to eight groups of six bits is worked out once into [`ROUND`]. Half a block is a
//! `u32`, its bit 1 as the standard counts being the highest.

use zeroize::Zeroizing;

use super::digits;

/// The 11 characters of a traditional hash. Seven bits of eight characters count.
pub(super) fn crypt(password: &[u8], salt: &[u8]) -> Zeroizing<String> {
    let keys = Keys::of(key(password));
    let salt = std::str::from_utf8(salt)
        .ok()
        .and_then(digits::little_endian);
    hash(&keys, salt, 25)
}

/// The 11 characters of an extended hash: any length, 24 bits of salt, and a number of rounds.
pub(super) fn crypt_extended(password: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<String> {
    let mut folded = Zeroizing::new(*key(password));
    for part in password.chunks(8).skip(1) {
        let block = Keys::of(Zeroizing::new(*folded)).encrypt(u64::from_be_bytes(*folded), 0, 1);
        let next = key(part);
        for (at, byte) in block.to_be_bytes().iter().enumerate() {
            folded[at] = byte ^ next[at];
        }
    }
    let keys = Keys::of(folded);
    let salt = std::str::from_utf8(salt)
        .ok()
        .and_then(digits::little_endian);
    hash(&keys, salt, rounds)
}

fn hash(keys: &Keys, salt: Option<u32>, rounds: u32) -> Zeroizing<String> {
    let salt = salt.expect("a salt outside the alphabet is not read");
    let block = Zeroizing::new(keys.encrypt(0, salt, rounds).to_be_bytes());
    digits::high_first(&*block)
}

/// DES ignores the lowest bit of each byte, and characters have seven.
fn key(password: &[u8]) -> Zeroizing<[u8; 8]> {
    let mut key = Zeroizing::new([0; 8]);
    for (byte, of) in key.iter_mut().zip(password) {
        *byte = of << 1;
    }
    key
}

/// The keys of the sixteen rounds, 48 bits each in two halves of 24.
struct Keys(Zeroizing<[[u32; 2]; 16]>);

impl Keys {
    fn of(key: Zeroizing<[u8; 8]>) -> Self {
        let key = Zeroizing::new(u64::from_be_bytes(*key));
        let chosen = Zeroizing::new(permuted(*key, 64, &PC1));
        let mut halves = Zeroizing::new([*chosen >> 28, *chosen & LOW_28]);
        let mut keys = Zeroizing::new([[0; 2]; 16]);
        for (round, shift) in SHIFTS.iter().enumerate() {
            for half in halves.iter_mut() {
                *half = (*half << shift | *half >> (28 - shift)) & LOW_28;
            }
            let key = permuted(halves[0] << 28 | halves[1], 56, &PC2);
            keys[round] = [(key >> 24) as u32, (key & LOW_24) as u32];
        }
        Self(keys)
    }

    /// A block through DES some times over, with bits swapped where the salt has its own.
    fn encrypt(&self, block: u64, salt: u32, times: u32) -> u64 {
        // The salt's lowest bit is for the first bit of each half.
        let swapped = (salt << 8).reverse_bits();
        let block = permuted(block, 64, &IP);
        let (mut left, mut right) = ((block >> 32) as u32, block as u32);
        for _ in 0..times {
            for key in self.0.iter() {
                let mixed = left ^ round(right, *key, swapped);
                (left, right) = (right, mixed);
            }
            // The last round does not swap, and the permutations between two times undo each other.
            (left, right) = (right, left);
        }
        unpermuted(u64::from(left) << 32 | u64::from(right), &IP)
    }
}

/// The standard's f.
fn round(right: u32, key: [u32; 2], salt: u32) -> u32 {
    let [mut high, mut low] = [expanded(right), expanded(right.rotate_left(16))];
    let swap = (high ^ low) & salt;
    high ^= swap ^ key[0];
    low ^= swap ^ key[1];
    let six = |half: u32, at: u32| ((half >> (18 - 6 * at)) & 63) as usize;
    (0..4).fold(0, |all, at| {
        all | ROUND[at as usize][six(high, at)] | ROUND[at as usize + 4][six(low, at)]
    })
}

/// The first four groups of six bits; each shares its outer two with its neighbours.
fn expanded(right: u32) -> u32 {
    (0..4).fold(0, |all, at| {
        all << 6 | right.rotate_left((4 * at + 31) % 32) >> 26
    })
}

/// Picks bits, which the standard counts from 1 and from the highest of `width`.
const fn permuted(from: u64, width: u32, picks: &[u8]) -> u64 {
    let (mut to, mut at) = (0, 0);
    while at < picks.len() {
        to = to << 1 | (from >> (width - picks[at] as u32)) & 1;
        at += 1;
    }
    to
}

fn unpermuted(from: u64, picks: &[u8; 64]) -> u64 {
    let bits = picks.iter().enumerate();
    bits.fold(0, |to, (at, pick)| {
        to | (from >> (63 - at) & 1) << (64 - pick)
    })
}

/// What each six bits become: four by the S-box, put in their places by P.
static ROUND: [[u32; 64]; 8] = {
    let mut all = [[0; 64]; 8];
    let mut at = 0;
    while at < 8 * 64 {
        let (group, six) = (at / 64, at % 64);
        let row = six >> 4 & 2 | six & 1;
        let four = S[group][row * 16 + (six >> 1 & 15)] as u64;
        all[group][six] = permuted(four << (28 - 4 * group), 32, &P) as u32;
        at += 1;
    }
    all
};

const LOW_28: u64 = (1 << 28) - 1;
const LOW_24: u64 = (1 << 24) - 1;

const SHIFTS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

#[rustfmt::skip]
const IP: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
    62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
    57, 49, 41, 33, 25, 17,  9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
    61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
];

#[rustfmt::skip]
const PC1: [u8; 56] = [
    57, 49, 41, 33, 25, 17,  9,  1, 58, 50, 42, 34, 26, 18,
    10,  2, 59, 51, 43, 35, 27, 19, 11,  3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15,  7, 62, 54, 46, 38, 30, 22,
    14,  6, 61, 53, 45, 37, 29, 21, 13,  5, 28, 20, 12,  4,
];

#[rustfmt::skip]
const PC2: [u8; 48] = [
    14, 17, 11, 24,  1,  5,  3, 28, 15,  6, 21, 10,
    23, 19, 12,  4, 26,  8, 16,  7, 27, 20, 13,  2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48,
    44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

#[rustfmt::skip]
const P: [u8; 32] = [
    16,  7, 20, 21, 29, 12, 28, 17,  1, 15, 23, 26,  5, 18, 31, 10,
     2,  8, 24, 14, 32, 27,  3,  9, 19, 13, 30,  6, 22, 11,  4, 25,
];

#[rustfmt::skip]
const S: [[u8; 64]; 8] = [
    [
        14,  4, 13,  1,  2, 15, 11,  8,  3, 10,  6, 12,  5,  9,  0,  7,
         0, 15,  7,  4, 14,  2, 13,  1, 10,  6, 12, 11,  9,  5,  3,  8,
         4,  1, 14,  8, 13,  6,  2, 11, 15, 12,  9,  7,  3, 10,  5,  0,
        15, 12,  8,  2,  4,  9,  1,  7,  5, 11,  3, 14, 10,  0,  6, 13,
    ],
    [
        15,  1,  8, 14,  6, 11,  3,  4,  9,  7,  2, 13, 12,  0,  5, 10,
         3, 13,  4,  7, 15,  2,  8, 14, 12,  0,  1, 10,  6,  9, 11,  5,
         0, 14,  7, 11, 10,  4, 13,  1,  5,  8, 12,  6,  9,  3,  2, 15,
        13,  8, 10,  1,  3, 15,  4,  2, 11,  6,  7, 12,  0,  5, 14,  9,
    ],
    [
        10,  0,  9, 14,  6,  3, 15,  5,  1, 13, 12,  7, 11,  4,  2,  8,
        13,  7,  0,  9,  3,  4,  6, 10,  2,  8,  5, 14, 12, 11, 15,  1,
        13,  6,  4,  9,  8, 15,  3,  0, 11,  1,  2, 12,  5, 10, 14,  7,
         1, 10, 13,  0,  6,  9,  8,  7,  4, 15, 14,  3, 11,  5,  2, 12,
    ],
    [
         7, 13, 14,  3,  0,  6,  9, 10,  1,  2,  8,  5, 11, 12,  4, 15,
        13,  8, 11,  5,  6, 15,  0,  3,  4,  7,  2, 12,  1, 10, 14,  9,
        10,  6,  9,  0, 12, 11,  7, 13, 15,  1,  3, 14,  5,  2,  8,  4,
         3, 15,  0,  6, 10,  1, 13,  8,  9,  4,  5, 11, 12,  7,  2, 14,
    ],
    [
         2, 12,  4,  1,  7, 10, 11,  6,  8,  5,  3, 15, 13,  0, 14,  9,
        14, 11,  2, 12,  4,  7, 13,  1,  5,  0, 15, 10,  3,  9,  8,  6,
         4,  2,  1, 11, 10, 13,  7,  8, 15,  9, 12,  5,  6,  3,  0, 14,
        11,  8, 12,  7,  1, 14,  2, 13,  6, 15,  0,  9, 10,  4,  5,  3,
    ],
    [
        12,  1, 10, 15,  9,  2,  6,  8,  0, 13,  3,  4, 14,  7,  5, 11,
        10, 15,  4,  2,  7, 12,  9,  5,  6,  1, 13, 14,  0, 11,  3,  8,
         9, 14, 15,  5,  2,  8, 12,  3,  7,  0,  4, 10,  1, 13, 11,  6,
         4,  3,  2, 12,  9,  5, 15, 10, 11, 14,  1,  7,  6,  0,  8, 13,
    ],
    [
         4, 11,  2, 14, 15,  0,  8, 13,  3, 12,  9,  7,  5, 10,  6,  1,
        13,  0, 11,  7,  4,  9,  1, 10, 14,  3,  5, 12,  2, 15,  8,  6,
         1,  4, 11, 13, 12,  3,  7, 14, 10, 15,  6,  8,  0,  5,  9,  2,
         6, 11, 13,  8,  1,  4, 10,  7,  9,  5,  0, 15, 14,  2,  3, 12,
    ],
    [
        13,  2,  8,  4,  6, 15, 11,  1, 10,  9,  3, 14,  5,  0, 12,  7,
         1, 15, 13,  8, 10,  3,  7,  4, 12,  5,  6, 11,  0, 14,  9,  2,
         7, 11,  4,  1,  9, 12, 14,  2,  0,  6, 10, 13, 15,  3,  5,  8,
         2,  1, 14,  7,  4, 10,  8, 13, 15, 12,  9,  0,  3,  5,  6, 11,
    ],
];
