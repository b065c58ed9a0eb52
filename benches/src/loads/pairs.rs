//! Private messages: in each pair one member writes to the other, with a fixed number of messages in flight.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::check::{Messages, Order};
use crate::crowd::{Listen, Outs};
use crate::fault::Fault;
use crate::load::{Load, Seat, Slice};
use crate::server::Kind;
use crate::wire::Wire;

/// Pairs in the first places of a crowd, and perhaps others who are online and silent.
pub(crate) struct Pairs {
    pub(crate) in_flight: u32,
    pub(crate) others: usize,
    talk: Option<Talk>,
}

impl Pairs {
    pub(crate) fn new(in_flight: u32, others: usize) -> Self {
        Self {
            in_flight,
            others,
            talk: None,
        }
    }
}

impl Load for Pairs {
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        seat.fill(2 * PAIRS + self.others)?;
        self.talk = Some(Talk::new(seat, PAIRS, self.in_flight, TEXT));
        Ok(())
    }

    fn slice(&mut self, seat: &mut Seat, length: Duration) -> Result<Slice, Fault> {
        let talk = self.talk.as_mut().ok_or_else(not_prepared)?;
        seat.cost(|seat| talk.run(seat, 0..PAIRS, length))
    }
}

/// The pairs, and what they have received. In pair `n`, place `2n` writes to place `2n + 1`.
pub(crate) struct Talk {
    /// Whether the sender gets each message, too.
    echo: bool,
    pairs: Vec<Pair>,
    deliveries: u64,
    until: Instant,
    /// The latency of each message of the first pairs, if it is measured.
    pub(crate) latencies: Option<Vec<Duration>>,
    /// The pair whose recipient does not read: its sender continues when its own copy arrives.
    pub(crate) deaf: Option<usize>,
}

struct Pair {
    messages: Messages,
    in_flight: u32,
    sent: u32,
    echoed: Order,
    delivered: Order,
    /// When the message under way was sent.
    since: Instant,
}

impl Pair {
    fn new(messages: Messages, in_flight: u32) -> Self {
        Self {
            messages,
            in_flight,
            sent: 0,
            echoed: Order::default(),
            delivered: Order::default(),
            since: Instant::now(),
        }
    }
}

impl Talk {
    pub(crate) fn new(seat: &Seat, pairs: usize, in_flight: u32, text: &str) -> Self {
        let messages = match seat.wire {
            Wire::Raw | Wire::Tls | Wire::Binary | Wire::Text => Messages::chat,
            Wire::Irc => Messages::irc,
        };
        let pair = |n| Pair::new(messages(2 * n + 1, 2 * n + 2, text), in_flight);
        let kind = seat.server.kind;
        Self {
            echo: !matches!(kind, Kind::OneWay | Kind::Ngircd | Kind::Inspircd),
            pairs: (0..pairs).map(pair).collect(),
            deliveries: 0,
            until: Instant::now(),
            latencies: None,
            deaf: None,
        }
    }

    /// Adds a pair with a text of its own. Returns its number.
    pub(crate) fn add(&mut self, text: &str, in_flight: u32) -> usize {
        let n = self.pairs.len();
        let messages = Messages::chat(2 * n + 1, 2 * n + 2, text);
        self.pairs.push(Pair::new(messages, in_flight));
        n
    }

    /// Lets these pairs write until the time is over and everything has arrived.
    pub(crate) fn run(
        &mut self,
        seat: &mut Seat,
        pairs: Range<usize>,
        length: Duration,
    ) -> Result<u64, Fault> {
        let before = self.deliveries;
        self.until = Instant::now() + length;
        for n in pairs {
            self.write(seat.crowd.outs(), n);
        }
        seat.crowd.until(self, Self::is_done)?;
        seat.crowd.settle(self)?;
        Ok(self.deliveries - before)
    }

    /// Messages of a pair that its recipient does not have.
    pub(crate) fn missing(&self, n: usize) -> u32 {
        self.pairs[n].sent - self.pairs[n].delivered.come()
    }

    /// Receives until the messages to the client that did not read have arrived, too.
    pub(crate) fn catch_up(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        self.deaf = None;
        seat.crowd.until(self, Self::is_done)
    }

    fn is_done(&self) -> bool {
        Instant::now() >= self.until && (0..self.pairs.len()).all(|n| self.under_way(n) == 0)
    }

    fn under_way(&self, n: usize) -> u32 {
        let pair = &self.pairs[n];
        let delivered = pair.delivered.come();
        let come = if !self.echo {
            delivered
        } else if self.deaf == Some(n) {
            pair.echoed.come()
        } else {
            delivered.min(pair.echoed.come())
        };
        pair.sent - come
    }

    fn write(&mut self, outs: &mut Outs, n: usize) {
        while self.under_way(n) < self.pairs[n].in_flight && Instant::now() < self.until {
            let pair = &mut self.pairs[n];
            pair.since = Instant::now();
            outs.send(2 * n, &pair.messages.command(pair.sent));
            pair.sent += 1;
        }
    }
}

impl Listen for Talk {
    fn answer(&mut self, outs: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let n = client / 2;
        let is_sender = client.is_multiple_of(2);
        let Some(pair) = self.pairs.get_mut(n) else {
            return Err(Fault::wrong("nobody writes to this client", answer));
        };
        let number = pair.messages.number(answer)?;
        if is_sender && !self.echo {
            return Err(Fault::wrong("this message is not for its sender", answer));
        }
        let order = if is_sender {
            &mut pair.echoed
        } else {
            &mut pair.delivered
        };
        order.take(number)?;
        self.deliveries += 1;
        if !is_sender
            && n < PAIRS
            && let Some(latencies) = &mut self.latencies
        {
            latencies.push(pair.since.elapsed());
        }
        self.write(outs, n);
        Ok(())
    }
}

fn not_prepared() -> Fault {
    Fault::new("not prepared")
}

pub(crate) const PAIRS: usize = 50;

/// The text of each message.
pub(crate) const TEXT: &str = " Hello there, are you coming along tonight?";
