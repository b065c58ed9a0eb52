//! SHA-crypt and plain SHA-1.

use sha_crypt::Params;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::digits;

/// The 43 characters of a `$5$` hash.
pub(super) fn crypt256(password: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<String> {
    let hash = Zeroizing::new(sha_crypt::sha256_crypt(password, salt, params(rounds)));
    // One byte of each third, which change places by turns.
    let order = (0..10).flat_map(|turn| {
        let mut thirds = [20, 10, 0];
        thirds.rotate_left(turn % 3);
        thirds.map(|third| third + turn)
    });
    shuffled(&*hash, order.chain([30, 31]))
}

/// The 86 characters of a `$6$` hash.
pub(super) fn crypt512(password: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<String> {
    let hash = Zeroizing::new(sha_crypt::sha512_crypt(password, salt, params(rounds)));
    // The other way round.
    let order = (0..21).flat_map(|turn| {
        let mut thirds = [42, 21, 0];
        thirds.rotate_right(turn % 3);
        thirds.map(|third| third + turn)
    });
    shuffled(&*hash, order.chain([63]))
}

/// SHA-1 of one text.
pub(super) fn sha1(text: &[u8]) -> Zeroizing<[u8; 20]> {
    let mut digest = Zeroizing::new([0; 20]);
    Sha1::new_with_prefix(text).finalize_into((&mut *digest).into());
    digest
}

fn params(rounds: u32) -> Params {
    Params::new(rounds).expect("rounds outside the limits are not read")
}

fn shuffled(hash: &[u8], order: impl Iterator<Item = usize>) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(hash.len()));
    bytes.extend(order.map(|at| hash[at]));
    digits::low_first(&bytes)
}
