//! What a client has used up of its command rate.
//!
//! When the core takes what leads to no command is not seen: the rest of a command that was too long is
//! taken in pieces, each as soon as there is room for one byte of it, and the pieces depend on how the
//! bytes came. So there are two accounts. One pays for everything as soon as it can, one as late as it
//! can, and the core's is in between: what the first refuses may not happen, what the second allows must.

use std::collections::VecDeque;

use crate::sim::ask::IDLE;
use flashgate_core::{Limits, Millis};

#[derive(Debug)]
pub(super) struct Rate {
    soonest: Debt,
    latest: Debt,
    /// The costs, in order, that the second account has not paid yet.
    unpaid: VecDeque<u64>,
}

/// How the core takes the rest of a command that was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All that has come, at once.
    Together,
    /// As frames and telnet sequences cut it.
    InPieces,
}

/// What is used up, in 1,024ths of a microsecond, as of a time.
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

    /// Whether something that costs so many 1,024ths of a command may be within the rate.
    pub(super) fn may_allow(&self, cost: u64, limits: &Limits, now: Millis) -> bool {
        self.soonest.allows(cost, limits, now)
    }

    /// Whether it is for certain.
    pub(super) fn must_allow(&self, cost: u64, limits: &Limits, now: Millis) -> bool {
        let (latest, paid) = self.paid(limits, now);
        paid == self.unpaid.len() && latest.allows(cost, limits, now)
    }

    /// Whether the core may not have taken everything yet that leads to no command.
    pub(super) fn has_unpaid(&self, limits: &Limits, now: Millis) -> bool {
        self.paid(limits, now).1 < self.unpaid.len()
    }

    /// Pays for what leads to no command, the first of which is within the rate.
    pub(super) fn pay_idle(&mut self, costs: &[u64], taken: Taken, limits: &Limits, now: Millis) {
        self.soonest.pay(costs.iter().sum(), limits, now);
        match taken {
            Taken::Together => self.latest.pay(costs.iter().sum(), limits, now),
            Taken::InPieces => self.unpaid.extend(costs),
        }
        self.settle(limits, now);
    }

    /// Pays for bytes that may cost something.
    pub(super) fn pay_perhaps(&mut self, bytes: usize) {
        self.unpaid.extend(std::iter::repeat_n(1, bytes));
    }

    /// Pays for something that has happened, after everything before it: now, or as early as `soonest`.
    pub(super) fn pay(&mut self, cost: u64, soonest: Millis, limits: &Limits, now: Millis) {
        let before = self.unpaid.drain(..).sum();
        self.latest.pay(before, limits, now);
        // There was room for it.
        let most = bucket(limits).saturating_sub(room(cost, limits));
        self.latest.owed = self.latest.owed.min(most);
        self.latest.pay(cost, limits, now);
        self.soonest.pay(cost, limits, soonest);
    }

    /// When something was paid for last.
    pub(super) fn last_paid(&self) -> Millis {
        self.soonest.at
    }

    /// Since when a command may be within the rate.
    pub(super) fn may_since(&self, limits: &Limits) -> Millis {
        let most = bucket(limits) - room(COMMAND, limits);
        let over = self.soonest.owed.saturating_sub(most);
        self.soonest.at + Millis(over.div_ceil(1000 * COMMAND))
    }

    /// Lets the second account pay what it can pay by now.
    pub(super) fn settle(&mut self, limits: &Limits, now: Millis) {
        let (latest, paid) = self.paid(limits, now);
        self.latest = latest;
        self.unpaid.drain(..paid);
    }

    fn paid(&self, limits: &Limits, now: Millis) -> (Debt, usize) {
        let mut latest = self.latest;
        let payable = |cost: &&u64| {
            let allows = latest.allows(**cost, limits, now);
            if allows {
                latest.pay(**cost, limits, now);
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

    fn allows(self, cost: u64, limits: &Limits, now: Millis) -> bool {
        cost == 0 || self.owed(now) + room(cost, limits) <= bucket(limits)
    }

    fn pay(&mut self, cost: u64, limits: &Limits, now: Millis) {
        let owed = self.owed(now) + cost * part(limits);
        *self = Self { owed, at: now };
    }
}

/// How much there has to be room for: a command at the most, and of the rest of one that was too long one
/// byte.
fn room(cost: u64, limits: &Limits) -> u64 {
    let parts = if (1..IDLE).contains(&cost) { 1 } else { cost };
    parts.min(COMMAND) * part(limits)
}

fn bucket(limits: &Limits) -> u64 {
    part(limits) * COMMAND * u64::from(limits.burst.max(1))
}

/// What a 1,024th of a command costs; 0 where there is no rate.
fn part(limits: &Limits) -> u64 {
    limits
        .rate
        .map_or(0, |rate| 1_000_000 / u64::from(rate.get()))
}

/// Parts of a command that make one.
pub(super) const COMMAND: u64 = 1024;
