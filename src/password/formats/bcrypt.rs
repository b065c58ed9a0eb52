//! bcrypt as PHP's `crypt()` makes it.

use zeroize::Zeroizing;

use super::digits;

/// The 31 characters of a hash. It looks at 72 bytes, which are the most a password may have here.
pub(super) fn hash(password: &[u8], salt: [u8; 16], cost: u32) -> Zeroizing<String> {
    // The NUL at a password's end counts, unless the 72 bytes are full.
    let mut key = Zeroizing::new([0; 72]);
    key[..password.len()].copy_from_slice(password);
    let key = &key[..key.len().min(password.len() + 1)];
    let hash = Zeroizing::new(::bcrypt::bcrypt(cost, salt, key));
    // The last byte is left out, by every implementation since the first.
    digits::bcrypt(&hash[..23])
}
