//! The memory that argon2 works in, kept by a thread from one hash to the next.
//!
//! It is 19 MiB for a new hash. Taken and given back for each, it leaves holes that the allocator does not
//! find again: under a flood of logins the process grew to ten times what was in use. A thread with
//! nothing to do gives it back.

use std::cell::RefCell;

use argon2::{Argon2, Block, Error};

/// Hashes, in memory that this thread has, or takes.
pub(crate) fn hash_into(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    let count = argon2.params().block_count();
    BLOCKS.with_borrow_mut(|blocks| {
        if blocks.len() < count {
            // Not grown: the old content is not needed, and both would take memory for a moment.
            *blocks = Vec::new();
            let room = blocks.try_reserve_exact(count);
            room.map_err(|_| Error::OutOfMemory)?;
            blocks.resize(count, Block::new());
        }
        let hashed = argon2.hash_password_into_with_memory(password, salt, out, &mut blocks[..]);
        if blocks.len() > MOST_KEPT {
            *blocks = Vec::new();
        }
        hashed
    })
}

/// Gives back what this thread has kept.
pub(crate) fn give_back() {
    drop(BLOCKS.take());
}

/// Memory on its way from one thread to another.
pub(crate) struct Kept(Vec<Block>);

/// Gives this thread memory to hash in.
pub(crate) fn lend(kept: Kept) {
    BLOCKS.set(kept.0);
}

/// Takes what this thread has kept, for another one.
pub(crate) fn take_back() -> Kept {
    Kept(BLOCKS.take())
}

thread_local! {
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Blocks, of a KiB each: as many as a new hash takes, and some more. Hashes that take hundreds of MiB are
/// rare.
const MOST_KEPT: usize = 20 * 1024;

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Params, Version};

    use super::*;

    fn kept() -> usize {
        BLOCKS.with_borrow(Vec::len)
    }

    #[test]
    fn memory_that_was_used_before_makes_no_difference() {
        let hash = |memory: u32, passes: u32| {
            let params = Params::new(memory, passes, 1, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let (mut ours, mut theirs) = ([0; 32], [0; 32]);
            let (password, salt) = (b"secret", b"some salt or other");
            hash_into(&argon2, password, salt, &mut ours).unwrap();
            argon2
                .hash_password_into(password, salt, &mut theirs)
                .unwrap();
            assert_eq!(ours, theirs, "{memory} {passes}");
        };
        give_back();
        hash(64, 2);
        assert_eq!(kept(), 64);
        hash(8, 1);
        hash(64, 3);
        assert_eq!(kept(), 64);
        hash(200, 1);
        assert_eq!(kept(), 200);
        hash(MOST_KEPT as u32 + 8, 1);
        assert_eq!(kept(), 0);
        hash(64, 1);
        give_back();
        assert_eq!(kept(), 0);
    }
}
