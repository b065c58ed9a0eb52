//! What is on its way to one connection: how much memory it takes, and whose it is.
//!
//! The chunks are in the runtime's queue; this counts them. A client is too slow when too much *of others*
//! waits for it. A client that does not read its own answers only gets no further ones. So the two are
//! counted apart, in three numbers and without an allocation. The numbers saturate at 4 GiB.

/// The [memory](crate::Chunk::memory) of what was handed to the runtime and is, as far as is known, not
/// written yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outbox {
    waiting: u32,
    /// Of these, the most that may be the connection's own answers. Never less than there are, and
    /// bounded: an answer is only begun while little waits.
    own: u32,
    /// What is of others behind the last own answer: when no more than this waits, nothing is own.
    behind_own: u32,
}

impl Outbox {
    /// An answer to the connection's own command goes out.
    #[inline]
    pub(crate) fn own(&mut self, memory: usize) {
        self.waiting = self.waiting.saturating_add(counted(memory));
        self.own = self.own.saturating_add(counted(memory));
        self.behind_own = 0;
    }

    /// Something that others caused goes out.
    #[inline]
    pub(crate) fn others(&mut self, memory: usize) {
        self.waiting = self.waiting.saturating_add(counted(memory));
        self.behind_own = self.behind_own.saturating_add(counted(memory));
    }

    /// The runtime has flushed, and this is left; whether that is progress.
    pub(crate) fn flushed(&mut self, left: usize) -> Progress {
        let left = counted(left);
        let progress = if left < self.waiting {
            Progress::Some
        } else {
            Progress::None
        };
        self.waiting = left;
        self.behind_own = self.behind_own.min(left);
        self.own = self.own.min(left - self.behind_own);
        progress
    }

    /// All that waits.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting as usize
    }

    /// Whether an own answer waits, or a part of one.
    pub(super) fn has_own(&self) -> bool {
        self.own > 0
    }

    /// What waits that others caused, at the least.
    pub(crate) fn others_waiting(&self) -> usize {
        self.waiting.saturating_sub(self.own) as usize
    }
}

fn counted(memory: usize) -> u32 {
    u32::try_from(memory).unwrap_or(u32::MAX)
}

/// Whether a flush wrote anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Some,
    None,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;

    #[test]
    fn own_answers_never_count_as_others() {
        // Against a queue that knows every chunk: whose it is, its memory, and its bytes that are left.
        for seed in 1..200_u64 {
            let mut state = seed;
            let mut random = move |n: u64| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                ((state >> 33) % n) as usize
            };
            let (mut outbox, mut model) = (Outbox::default(), VecDeque::<Chunk>::new());
            let count = |chunks: &VecDeque<Chunk>, whose: &[bool]| -> usize {
                let of_these = chunks.iter().filter(|chunk| whose.contains(&chunk.own));
                of_these.map(|chunk| chunk.memory).sum()
            };
            for _ in 0..200 {
                let (own, bytes) = (random(2) == 0, 1 + random(50));
                let memory = bytes + random(100);
                match random(3) {
                    0 | 1 => {
                        if own {
                            outbox.own(memory);
                        } else {
                            outbox.others(memory);
                        }
                        model.push_back(Chunk { own, memory, bytes });
                    }
                    _ => {
                        let all: usize = model.iter().map(|chunk| chunk.bytes).sum();
                        for _ in 0..random(all as u64 + 1) {
                            let first = &mut model[0];
                            (first.bytes, first.memory) = (first.bytes - 1, first.memory - 1);
                            if first.bytes == 0 {
                                model.pop_front();
                            }
                        }
                        outbox.flushed(count(&model, &[true, false]));
                    }
                }
                let (all, others) = (count(&model, &[true, false]), count(&model, &[false]));
                assert_eq!(outbox.waiting(), all, "seed {seed}");
                assert!(outbox.others_waiting() <= others, "seed {seed}");
                assert_eq!(outbox.has_own(), others < all, "seed {seed}");
                if !outbox.has_own() {
                    assert_eq!(outbox.others_waiting(), others, "seed {seed}");
                }
            }
        }
    }

    struct Chunk {
        own: bool,
        /// Without the bytes that are written.
        memory: usize,
        bytes: usize,
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn ends_at_4_gib() {
        let most = u32::MAX as usize;
        let mut outbox = Outbox::default();
        outbox.own(most + 2);
        outbox.others(most);
        assert_eq!((outbox.waiting(), outbox.others_waiting()), (most, 0));
        assert_eq!(outbox.flushed(most + 1), Progress::None);
        assert_eq!(outbox.flushed(9), Progress::Some);
        assert_eq!((outbox.waiting(), outbox.others_waiting()), (9, 9));
    }

    #[test]
    fn exact_once_the_own_answers_are_gone() {
        let mut outbox = Outbox::default();
        outbox.others(100);
        outbox.own(50);
        outbox.others(30);
        assert_eq!(outbox.others_waiting(), 130);
        assert_eq!(outbox.flushed(40), Progress::Some);
        assert_eq!(outbox.others_waiting(), 30);
        assert_eq!(outbox.flushed(30), Progress::Some);
        outbox.others(5);
        assert_eq!((outbox.waiting(), outbox.others_waiting()), (35, 35));
        assert_eq!(outbox.flushed(35), Progress::None);
    }
}
