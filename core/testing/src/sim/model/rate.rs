//! How much of its command rate a client has used.
//!
//! The model cannot see when the core takes bytes that lead to no command. The rest of a command that was too long is
//! taken in pieces, each as soon as the rate has capacity for one byte of it, and the pieces depend on how the bytes
//! arrived. So there are two accounts: one pays for everything as early as possible, the other as late as possible.
//! The core's is between them: what the first refuses must not happen, and what the second allows must happen.

use std::collections::VecDeque;

use crate::sim::ask::IDLE;
use flashgate_core::{Limits, Millis};

#[derive(Debug)]
pub(super) struct Rate {
    soonest: Debt,
    latest: Debt,
    /// The costs that the second account has not paid yet, in order.
    unpaid: VecDeque<u64>,
}

/// How the core takes the rest of a command that was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Everything that has arrived, at once.
    Together,
    /// In the pieces that frames and telnet sequences make.
    InPieces,
}

/// What something costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    Nothing,
    /// This many commands, at most a full burst.
    Commands(u64),
    /// In 1,024ths of a command: bytes that lead to none.
    Idle(u64),
}

/// An account: what is used up at a time, in 1,024ths of a microsecond.
#[derive(Clone, Copy, Debug)]
struct Debt {
    owed: u64,
    at: Millis,
}

impl Rate {
    pub(super) fn new(now: Millis) -> Self {
        let debt = Debt { owed: 0, at: now };
        Self {
            soonest: debt,
            latest: debt,
            unpaid: VecDeque::new(),
        }
    }

    /// Whether something of this cost may be within the rate.
    pub(super) fn may_allow(&self, cost: Cost, limits: &Limits, now: Millis) -> bool {
        self.soonest.allows(cost, limits, now)
    }

    /// Whether it certainly is.
    pub(super) fn must_allow(&self, cost: Cost, limits: &Limits, now: Millis) -> bool {
        let (latest, paid) = self.paid(limits, now);
        paid == self.unpaid.len() && latest.allows(cost, limits, now)
    }

    /// Whether the core may still have bytes to take that lead to no command.
    pub(super) fn has_unpaid(&self, limits: &Limits, now: Millis) -> bool {
        self.paid(limits, now).1 < self.unpaid.len()
    }

    /// Pays for bytes that lead to no command; the first cost is within the rate.
    pub(super) fn pay_idle(&mut self, costs: &[u64], taken: Taken, limits: &Limits, now: Millis) {
        let all = Cost::Idle(costs.iter().sum());
        self.soonest.pay(all, limits, now);
        match taken {
            Taken::Together => self.latest.pay(all, limits, now),
            Taken::InPieces => self.unpaid.extend(costs),
        }
        self.settle(limits, now);
    }

    /// Pays for bytes that may cost something.
    pub(super) fn pay_perhaps(&mut self, bytes: usize) {
        self.unpaid.extend(std::iter::repeat_n(1, bytes));
    }

    /// Pays for something that happened between `soonest` and now, and for everything before it.
    pub(super) fn pay(&mut self, cost: Cost, soonest: Millis, limits: &Limits, now: Millis) {
        let before = Cost::Idle(self.unpaid.drain(..).sum());
        self.latest.pay(before, limits, now);
        // It happened, so the rate allowed it.
        let most = bucket(limits).saturating_sub(cost.needed(limits));
        self.latest.owed = self.latest.owed.min(most);
        self.latest.pay(cost, limits, now);
        self.soonest.pay(cost, limits, soonest);
    }

    /// The time of the last payment.
    pub(super) fn last_paid(&self) -> Millis {
        self.soonest.at
    }

    /// Since when a command that counts once may be within the rate.
    pub(super) fn may_since(&self, limits: &Limits) -> Millis {
        let most = bucket(limits) - Cost::Commands(1).needed(limits);
        let over = self.soonest.owed.saturating_sub(most);
        self.soonest.at + Millis(over.div_ceil(1000 * COMMAND))
    }

    /// Lets the second account pay what it can pay until now.
    pub(super) fn settle(&mut self, limits: &Limits, now: Millis) {
        let (latest, paid) = self.paid(limits, now);
        self.latest = latest;
        self.unpaid.drain(..paid);
    }

    fn paid(&self, limits: &Limits, now: Millis) -> (Debt, usize) {
        let mut latest = self.latest;
        let payable = |cost: &&u64| {
            let cost = Cost::Idle(**cost);
            let allows = latest.allows(cost, limits, now);
            if allows {
                latest.pay(cost, limits, now);
            }
            allows
        };
        let paid = self.unpaid.iter().take_while(payable).count();
        (latest, paid)
    }
}

impl Debt {
    fn owed(self, now: Millis) -> u64 {
        let paid = (now - self.at).0.saturating_mul(1000 * COMMAND);
        self.owed.saturating_sub(paid)
    }

    fn allows(self, cost: Cost, limits: &Limits, now: Millis) -> bool {
        cost == Cost::Nothing || self.owed(now) + cost.needed(limits) <= bucket(limits)
    }

    fn pay(&mut self, cost: Cost, limits: &Limits, now: Millis) {
        let owed = self.owed(now) + cost.parts(limits) * part(limits);
        *self = Self { owed, at: now };
    }
}

impl Cost {
    /// In 1,024ths of a command.
    fn parts(self, limits: &Limits) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Commands(count) => count.min(u64::from(limits.burst.max(1))) * COMMAND,
            Self::Idle(parts) => parts,
        }
    }

    /// How much of the rate must be free before it is taken: all of it for a command, at most one command for bytes
    /// that lead to none, and one byte for the rest of a command that was too long.
    fn needed(self, limits: &Limits) -> u64 {
        let parts = match self {
            Self::Nothing | Self::Commands(_) => self.parts(limits),
            Self::Idle(1..IDLE) => 1,
            Self::Idle(parts) => parts.min(COMMAND),
        };
        parts * part(limits)
    }
}

fn bucket(limits: &Limits) -> u64 {
    part(limits) * COMMAND * u64::from(limits.burst.max(1))
}

/// The cost of a 1,024th of a command; 0 without a rate.
fn part(limits: &Limits) -> u64 {
    limits
        .rate
        .map_or(0, |rate| 1_000_000 / u64::from(rate.get()))
}

/// The cost of a command, in its 1,024ths.
const COMMAND: u64 = 1024;
