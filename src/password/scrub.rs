//! Work on a password that leaves nothing of it on the stack.
//!
//! Hashers wipe themselves at their end. But they are moved before that, by crates and compilers, and a
//! move leaves a copy: in a frame that has been left, until another call happens to write there.

use zeroize::Zeroize;

/// Runs the work in a frame of its own, then wipes this many bytes of the stack from there on: that frame,
/// and those of its callees.
pub(crate) fn apart<const DEPTH: usize, T>(work: impl FnOnce() -> T) -> T {
    let done = below(work);
    wipe::<DEPTH>();
    done
}

/// For a hash. What takes a password in is among the first frames; those behind hold what came of it.
pub(crate) const HASH: usize = 8 * 1024;

/// For one block of BLAKE2. A repeated login is answered on the stack of a connection, where each page that
/// is written stays allocated.
pub(crate) const BLOCK: usize = 3 * 1024;

/// Not inlined, or its frame would be one with the caller's, which is not wiped.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Called from where [`below`] was, so that its frame begins where that one did.
#[inline(never)]
fn wipe<const DEPTH: usize>() {
    [0_u8; DEPTH].zeroize();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;

    /// The frame of a hasher that was moved.
    #[inline(never)]
    fn leave(masked: &[u8; 16]) {
        black_box([masked.map(unmasked); BLOCK / 32]);
    }

    /// How often it is found on the stack, from here on; only there is it without its mask.
    #[inline(never)]
    fn left(masked: &[u8; 16]) -> usize {
        let here = 0;
        let here = (&raw const here).addr() as u64;
        let mut stack = vec![0; 4 * HASH];
        let memory = File::open("/proc/self/mem").expect("one's own memory");
        let from = here - stack.len() as u64;
        memory.read_exact_at(&mut stack, from).expect("a stack");
        let is_left = |bytes: &&[u8]| bytes.iter().zip(masked).all(|(b, m)| unmasked(*b) == *m);
        stack.windows(masked.len()).filter(is_left).count()
    }

    fn unmasked(byte: u8) -> u8 {
        byte ^ 0x55
    }

    #[test]
    fn nothing_is_left_below() {
        let mut masked = [0; 16];
        getrandom::fill(&mut masked).expect("random numbers");
        below(|| leave(&masked));
        assert_ne!(left(&masked), 0, "it would be found");
        apart::<BLOCK, _>(|| leave(&masked));
        assert_eq!(left(&masked), 0);
    }
}
