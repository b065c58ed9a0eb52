//! What MySQL hashed passwords with before 4.1.

use zeroize::Zeroizing;

/// The 16 characters of `OLD_PASSWORD()`, of a password without the spaces and tabs, which it ignores.
pub(super) fn old_password(password: &[u8]) -> Zeroizing<String> {
    let (mut first, mut second, mut sum) = (0x5030_5735_u32, 0x1234_5671_u32, 7_u32);
    for byte in password.iter().copied().map(u32::from) {
        let mixed = (first & 63).wrapping_add(sum).wrapping_mul(byte);
        first ^= mixed.wrapping_add(first << 8);
        second = second.wrapping_add((second << 8) ^ first);
        sum = sum.wrapping_add(byte);
    }
    // Only 31 bits of each, so that a sign did not matter.
    let bits = [first, second].map(|half| (half & 0x7fff_ffff).to_be_bytes());
    super::digits::hex(&Zeroizing::new(bits.concat()))
}
