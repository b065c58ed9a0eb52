//! How the formats write bytes: in hexadecimal, and six bits to a character in the alphabets and
//! orders of `crypt()`, none of which is that of MIME.

use zeroize::Zeroizing;

/// Six bits to a character, those of the first byte's low end first: MD5-crypt, SHA-crypt, phpass.
pub(super) fn low_first(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = room_for(bytes);
    for three in bytes.chunks(3) {
        let value = three
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u32::from(*byte));
        for at in 0..=three.len() {
            text.push(digit(CRYPT, value >> (6 * at)));
        }
    }
    text
}

/// Six bits to a character, those of the first byte's high end first: DES.
pub(super) fn high_first(bytes: &[u8]) -> Zeroizing<String> {
    high_first_in(CRYPT, bytes)
}

/// The same in bcrypt's alphabet.
pub(super) fn bcrypt(bytes: &[u8]) -> Zeroizing<String> {
    high_first_in(BCRYPT, bytes)
}

/// The 16 bytes that 22 characters of bcrypt stand for.
pub(super) fn of_bcrypt_salt(text: &str) -> Option<[u8; 16]> {
    let (mut salt, mut at) = ([0; 16], 0);
    let (mut value, mut bits) = (0_u32, 0);
    for byte in text.bytes() {
        value = (value << 6 | worth(BCRYPT, byte)?) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            *salt.get_mut(at)? = (value >> bits) as u8;
            at += 1;
        }
    }
    (at == salt.len()).then_some(salt)
}

/// A number in up to four characters, its low end first.
pub(super) fn little_endian(text: &str) -> Option<u32> {
    let worth = |value, byte| Some(value << 6 | worth(CRYPT, byte)?);
    text.bytes().rev().try_fold(0, worth)
}

/// Small letters.
pub(super) fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(half)]));
        }
    }
    text
}

fn high_first_in(alphabet: &[u8; 64], bytes: &[u8]) -> Zeroizing<String> {
    let mut text = room_for(bytes);
    for three in bytes.chunks(3) {
        let value = three
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte));
        let value = value << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            text.push(digit(alphabet, value >> (18 - 6 * at)));
        }
    }
    text
}

/// All of it at once: a text that grows leaves copies behind.
fn room_for(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4))
}

fn digit(alphabet: &[u8; 64], value: u32) -> char {
    char::from(alphabet[(value & 63) as usize])
}

fn worth(alphabet: &[u8; 64], byte: u8) -> Option<u32> {
    let at = alphabet.iter().position(|digit| *digit == byte);
    at.map(|at| at as u32)
}

const CRYPT: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BCRYPT: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
