//! Pairs in which one member writes to the other at a fixed rate, whether or not the last message has arrived.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::check::{Messages, Order};
use crate::crowd::Crowd;
use crate::fault::Fault;
use crate::loads::pairs::TEXT;

/// Pairs, and which of their messages have arrived.
pub(crate) struct Paced {
    pairs: Vec<Pair>,
    a_second: f64,
    start: Instant,
    sent: u64,
}

struct Pair {
    from: usize,
    messages: Messages,
    /// When each message was sent that has not arrived.
    since: VecDeque<Instant>,
    sent: u32,
    echoed: Order,
    delivered: Order,
}

impl Paced {
    /// All pairs together send `a_second` messages a second. A pair is the place and the member of the sender, and the
    /// member of the recipient.
    pub(crate) fn new(
        a_second: f64,
        pairs: impl IntoIterator<Item = (usize, usize, usize)>,
    ) -> Self {
        let pair = |(from, sender, recipient)| Pair {
            from,
            messages: Messages::chat(sender, recipient, TEXT),
            since: VecDeque::new(),
            sent: 0,
            echoed: Order::default(),
            delivered: Order::default(),
        };
        Self {
            pairs: pairs.into_iter().map(pair).collect(),
            a_second,
            start: Instant::now(),
            sent: 0,
        }
    }

    /// Begins again after a pause in which nothing was due.
    pub(crate) fn restart(&mut self) {
        self.start = Instant::now();
        self.sent = 0;
    }

    /// Sends what is due.
    pub(crate) fn send(&mut self, crowd: &mut Crowd) {
        let mut due = self.start.elapsed().as_secs_f64() * self.a_second;
        // If other programs had the machine for a second, the missed messages are not all sent at once.
        if due - self.sent as f64 > self.a_second {
            self.start = Instant::now();
            (self.sent, due) = (0, 1.0);
        }
        while (self.sent as f64) < due {
            let n = self.sent as usize % self.pairs.len();
            let pair = &mut self.pairs[n];
            pair.since.push_back(Instant::now());
            crowd
                .outs()
                .send(pair.from, &pair.messages.command(pair.sent));
            pair.sent += 1;
            self.sent += 1;
        }
    }

    /// The sender's own copy has come.
    pub(crate) fn echoed(&mut self, n: usize, answer: &[u8]) -> Result<(), Fault> {
        let pair = &mut self.pairs[n];
        pair.echoed.take(pair.messages.number(answer)?)
    }

    /// A message has arrived. Returns its latency.
    pub(crate) fn delivered(&mut self, n: usize, answer: &[u8]) -> Result<Duration, Fault> {
        let pair = &mut self.pairs[n];
        pair.delivered.take(pair.messages.number(answer)?)?;
        let since = pair.since.pop_front();
        Ok(since.map(|since| since.elapsed()).unwrap_or_default())
    }

    /// How many messages have not arrived at the sender or the recipient.
    pub(crate) fn under_way(&self) -> u32 {
        let of = |pair: &Pair| 2 * pair.sent - pair.echoed.come() - pair.delivered.come();
        self.pairs.iter().map(of).sum()
    }
}

/// How often to look whether a message is due.
pub(crate) const TURN: Duration = Duration::from_millis(1);
