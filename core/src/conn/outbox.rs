//! What is on its way to one connection: how much, and whose.
//!
//! The bytes are in the runtime's queue; this counts them. A client is too slow when too many bytes
//! *of others* wait for it, and one that does not read its own answers just gets no further ones, so
//! the two have to be told apart, at a cost of three numbers and no allocation. They end at 4 GiB:
//! of more no more is known than that it is so much.

/// Bytes that were handed to the runtime and are, as far as is known, not written yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outbox {
    waiting: u32,
    /// Of these, the most that may be the connection's own answers. Never less than there are, and
    /// bounded: an answer is only begun while little waits.
    own: u32,
    /// Bytes of others behind the last own answer: when no more than these wait, none are own.
    behind_own: u32,
}

impl Outbox {
    /// An answer to the connection's own command goes out.
    pub(crate) fn own(&mut self, bytes: usize) {
        self.waiting = self.waiting.saturating_add(counted(bytes));
        self.own = self.own.saturating_add(counted(bytes));
        self.behind_own = 0;
    }

    /// Something that others caused goes out.
    pub(crate) fn others(&mut self, bytes: usize) {
        self.waiting = self.waiting.saturating_add(counted(bytes));
        self.behind_own = self.behind_own.saturating_add(counted(bytes));
    }

    /// The runtime has flushed, and so many bytes are left; whether that is progress.
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

    /// What waits that others caused, at the least.
    pub(crate) fn others_waiting(&self) -> usize {
        self.waiting.saturating_sub(self.own) as usize
    }
}

fn counted(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
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
        // Against a queue that knows the owner of every byte.
        for seed in 1..200_u64 {
            let mut state = seed;
            let mut random = move |n: u64| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                ((state >> 33) % n) as usize
            };
            let (mut outbox, mut model) = (Outbox::default(), VecDeque::new());
            for _ in 0..200 {
                let n = random(50);
                match random(3) {
                    0 => (outbox.own(n), model.extend((0..n).map(|_| true))).0,
                    1 => (outbox.others(n), model.extend((0..n).map(|_| false))).0,
                    _ => {
                        model.drain(..random(model.len() as u64 + 1));
                        outbox.flushed(model.len());
                    }
                }
                let others = model.iter().filter(|own| !**own).count();
                assert_eq!(outbox.waiting(), model.len(), "seed {seed}");
                assert!(outbox.others_waiting() <= others, "seed {seed}");
                if !model.iter().any(|own| *own) && outbox.own == 0 {
                    assert_eq!(outbox.others_waiting(), others, "seed {seed}");
                }
            }
        }
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
