//! The command rate: a bucket of tokens for each chat, and what is paid from it.

use super::Chat;
use crate::config::Limits;
use crate::time::Millis;

/// What something that a client sends costs of its command rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// This many tokens, at most a full bucket: a command.
    Command(u8),
    /// One token, and one more for each KiB of these bytes: a command that is too long.
    Long(usize),
    /// A 16th of a token, and one for each KiB of these bytes: something that leads to no command.
    Idle(usize),
    /// One token for each KiB of these bytes: part of the rest of a command that was too long.
    Rest(usize),
}

impl Cost {
    /// In 1,024ths of a token.
    fn parts(self) -> u64 {
        match self {
            Self::Command(price) => PARTS * u64::from(price),
            Self::Long(rest) => PARTS + rest as u64,
            Self::Idle(bytes) => (PARTS / 16).max(bytes as u64),
            Self::Rest(bytes) => bytes as u64,
        }
    }

    /// How much of it the bucket must hold before it is taken, in the same unit: all of a command, one byte of a rest,
    /// and of anything else at most one token.
    fn needed(self) -> u64 {
        match self {
            Self::Command(_) => self.parts(),
            Self::Long(_) | Self::Idle(_) => self.parts().min(PARTS),
            Self::Rest(bytes) => u64::from(bytes > 0),
        }
    }
}

impl Chat {
    /// Takes the cost out of a bucket of `burst` tokens that fills with `rate` tokens a second, or returns when the
    /// bucket will hold enough.
    ///
    /// A command waits for all its tokens, or for a full bucket. Anything else that costs more than one token is
    /// taken when the bucket holds one, and leaves it in debt. The rest of a command that was too long waits for one
    /// byte's part of a token only, so that it costs the same in however many pieces it comes.
    pub(crate) fn take(&mut self, cost: Cost, limits: &Limits, now: Millis) -> Result<(), Millis> {
        let Some(rate) = limits.rate else {
            return Ok(());
        };
        // The generic cell rate algorithm: one number instead of a count and a time.
        let interval = 1_000_000 / u64::from(rate.get());
        let token = interval * PARTS;
        let bucket = token.saturating_mul(u64::from(limits.burst.max(1)));
        let needed = cost.needed().saturating_mul(interval).min(bucket);
        let cost = match cost {
            Cost::Command(_) => needed,
            Cost::Long(_) | Cost::Idle(_) | Cost::Rest(_) => cost.parts().saturating_mul(interval),
        };
        let ahead = bucket - needed;
        let now = now.0.saturating_mul(MILLI);
        let earliest = self.next_command.saturating_sub(ahead);
        if now < earliest {
            return Err(Millis(earliest.div_ceil(MILLI)));
        }
        self.next_command = self.next_command.max(now).saturating_add(cost);
        Ok(())
    }
}

/// Parts of a token: there are as many bytes in a KiB.
const PARTS: u64 = 1024;

/// A millisecond in the unit of the command rate, which is a microsecond's 1,024th: the cost of one byte is
/// a whole number of them.
const MILLI: u64 = 1000 * PARTS;

#[cfg(test)]
mod tests {
    use core::num::NonZeroU32;

    use super::*;
    use crate::conn::Wire;

    #[test]
    fn rate_and_burst() {
        let limits = Limits {
            rate: NonZeroU32::new(20),
            burst: 3,
            ..Limits::default()
        };
        let mut chat = Chat::new(Wire::Stream);
        for _ in 0..3 {
            assert_eq!(chat.take(Cost::Command(1), &limits, Millis(1000)), Ok(()));
        }
        assert_eq!(
            chat.take(Cost::Command(1), &limits, Millis(1000)),
            Err(Millis(1050))
        );
        assert_eq!(
            chat.take(Cost::Command(1), &limits, Millis(1049)),
            Err(Millis(1050))
        );
        assert_eq!(chat.take(Cost::Command(1), &limits, Millis(1050)), Ok(()));
        assert_eq!(
            chat.take(Cost::Command(1), &limits, Millis(1050)),
            Err(Millis(1100))
        );
        // A long silence earns a burst, no more.
        for _ in 0..3 {
            assert_eq!(chat.take(Cost::Command(1), &limits, Millis(90_000)), Ok(()));
        }
        assert_eq!(
            chat.take(Cost::Command(1), &limits, Millis(90_000)),
            Err(Millis(90_050))
        );
    }

    #[test]
    fn what_leads_to_no_command_costs_a_part() {
        let limits = Limits {
            rate: NonZeroU32::new(20),
            burst: 3,
            ..Limits::default()
        };
        let taken = |costs: &[(Cost, usize)]| {
            let mut chat = Chat::new(Wire::Stream);
            let all = costs
                .iter()
                .flat_map(|(cost, times)| core::iter::repeat_n(*cost, *times));
            all.take_while(|cost| chat.take(*cost, &limits, Millis(1000)).is_ok())
                .count()
        };
        assert_eq!(taken(&[(Cost::Idle(1), 100)]), 48, "16 for each token");
        assert_eq!(taken(&[(Cost::Idle(64), 100)]), 48);
        assert_eq!(taken(&[(Cost::Idle(128), 100)]), 24);
        assert_eq!(
            taken(&[(Cost::Rest(1), 4000)]),
            3072,
            "a KiB for each token"
        );
        assert_eq!(taken(&[(Cost::Idle(1), 16), (Cost::Command(1), 9)]), 18);
        // However it is cut, a KiB costs as much.
        for pieces in [1, 2, 1024] {
            let mut chat = Chat::new(Wire::Stream);
            for _ in 0..pieces {
                let part = Cost::Rest(2 * 1024 / pieces);
                assert_eq!(chat.take(part, &limits, Millis(1000)), Ok(()));
            }
            assert_eq!(chat.take(Cost::Command(1), &limits, Millis(1000)), Ok(()));
            let next = chat.take(Cost::Command(1), &limits, Millis(1000));
            assert_eq!(next, Err(Millis(1050)), "{pieces}");
        }
        // Nor does it have to wait for room for more than its first byte.
        for piece in [1, 2 * 1024] {
            let mut chat = Chat::new(Wire::Stream);
            for _ in 0..3 {
                assert_eq!(chat.take(Cost::Command(1), &limits, Millis(1000)), Ok(()));
            }
            let rest = Cost::Rest(piece);
            assert_eq!(chat.take(rest, &limits, Millis(1000)), Err(Millis(1001)));
            assert_eq!(chat.take(rest, &limits, Millis(1001)), Ok(()));
        }
        // What is larger than the bucket is taken, too, and paid afterwards.
        let mut chat = Chat::new(Wire::Stream);
        assert_eq!(
            chat.take(Cost::Idle(8 * 1024), &limits, Millis(1000)),
            Ok(())
        );
        let next = chat.take(Cost::Command(1), &limits, Millis(1000));
        assert_eq!(next, Err(Millis(1300)));
    }

    #[test]
    fn a_command_waits_for_its_whole_price_or_a_full_bucket() {
        let limits = |burst| Limits {
            rate: NonZeroU32::new(20),
            burst,
            ..Limits::default()
        };
        let mut chat = Chat::new(Wire::Stream);
        let limits_10 = limits(10);
        for at in [1000, 1000, 1250] {
            assert_eq!(chat.take(Cost::Command(5), &limits_10, Millis(at)), Ok(()));
            let next = chat.take(Cost::Command(5), &limits_10, Millis(at));
            assert!(at == 1000 || next == Err(Millis(at + 250)), "{next:?}");
            if next == Ok(()) {
                break;
            }
        }
        let next = chat.take(Cost::Command(5), &limits_10, Millis(1249));
        assert_eq!(next, Err(Millis(1250)));
        let next = chat.take(Cost::Command(1), &limits_10, Millis(1050));
        assert_eq!(next, Ok(()), "a cheap one waits less");
        // What costs more than the bucket holds costs all of it.
        let mut chat = Chat::new(Wire::Stream);
        for at in [1000, 1150] {
            assert_eq!(chat.take(Cost::Command(20), &limits(3), Millis(at)), Ok(()));
            let next = chat.take(Cost::Command(1), &limits(3), Millis(at));
            assert_eq!(next, Err(Millis(at + 50)));
            let next = chat.take(Cost::Command(20), &limits(3), Millis(at));
            assert_eq!(next, Err(Millis(at + 150)));
        }
    }

    #[test]
    fn odd_rates() {
        let taken = |rate, burst| {
            let limits = Limits {
                rate: NonZeroU32::new(rate),
                burst,
                ..Limits::default()
            };
            let mut chat = Chat::new(Wire::Stream);
            (0..100)
                .filter(|_| chat.take(Cost::Command(1), &limits, Millis(5)).is_ok())
                .count()
        };
        assert_eq!(taken(0, 0), 100, "no limit");
        assert_eq!(taken(1, 0), 1, "a burst of none would stop everything");
        assert_eq!(taken(u32::MAX, 1), 100, "faster than the clock");
    }
}
