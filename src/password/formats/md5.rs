//! What has been built on MD5: MD5-crypt (Poul-Henning Kamp, FreeBSD 2.0) and phpass (Solar Designer).

use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::digits;

/// The 22 characters of MD5-crypt, and of apr1 with its own magic.
pub(super) fn crypt(password: &[u8], magic: &[u8], salt: &[u8]) -> Zeroizing<String> {
    let inner = of(&[password, salt, password]);
    let mut first = Md5::new_with_prefix(password);
    first.update(magic);
    first.update(salt);
    for part in password.chunks(inner.len()) {
        first.update(&inner[..part.len()]);
    }
    // A NUL for each bit of the length that is set, the first character for each that is not.
    let mut length = password.len();
    while length > 0 {
        first.update(if length & 1 == 1 {
            &[0]
        } else {
            &password[..1]
        });
        length >>= 1;
    }
    let mut hash = finished(first);
    for round in 0..1000 {
        let is_odd = round % 2 == 1;
        let mut next = Md5::new_with_prefix(if is_odd { password } else { &*hash });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if is_odd { &*hash } else { password });
        hash = finished(next);
    }
    let order = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];
    digits::low_first(&*Zeroizing::new(order.map(|at| hash[at])))
}

/// The 22 characters of phpass. The number of rounds is given by its logarithm.
pub(super) fn phpass(password: &[u8], salt: &[u8], log2_rounds: u32) -> Zeroizing<String> {
    let mut hash = of(&[salt, password]);
    for _ in 0..1_u64 << log2_rounds {
        hash = of(&[&*hash, password]);
    }
    digits::low_first(&*hash)
}

/// MD5 of several texts one after the other.
pub(super) fn of(parts: &[&[u8]]) -> Zeroizing<[u8; 16]> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    finished(md5)
}

fn finished(md5: Md5) -> Zeroizing<[u8; 16]> {
    let mut digest = Zeroizing::new([0; 16]);
    md5.finalize_into((&mut *digest).into());
    digest
}
