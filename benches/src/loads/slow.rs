//! The latency of messages while one client does not read.

use std::time::Duration;

use crate::crowd::Reading;
use crate::fault::Fault;
use crate::load::Seat;
use crate::loads::pairs::{PAIRS, TEXT, Talk};

/// The pairs, and one more pair with long messages, whose recipient reads or does not read.
pub(crate) struct Slow {
    talk: Talk,
    flood: usize,
}

impl Slow {
    pub(crate) fn new(seat: &mut Seat) -> Result<Self, Fault> {
        seat.fill(2 * PAIRS + 2)?;
        let mut talk = Talk::new(seat, PAIRS, 1, TEXT);
        let flood = talk.add(&"x".repeat(LONG), FLOOD_IN_FLIGHT);
        seat.crowd.limit_receive_buffer(2 * flood + 1)?;
        Ok(Self { talk, flood })
    }

    /// First only the pair with long messages sends, until the system's buffers for its recipient are full and the
    /// messages wait in the server.
    fn flood(&mut self, seat: &mut Seat, reading: Reading) -> Result<(), Fault> {
        loop {
            self.talk.run(seat, self.flood..self.flood + 1, FLOODED)?;
            if reading == Reading::Open || self.talk.missing(self.flood) as usize > HELD / LONG {
                return Ok(());
            }
        }
    }

    /// The 99th percentile of the others' latency, in microseconds.
    pub(crate) fn p99(
        &mut self,
        seat: &mut Seat,
        reading: Reading,
        length: Duration,
    ) -> Result<f64, Fault> {
        let deaf = 2 * self.flood + 1;
        if reading == Reading::Stopped {
            seat.crowd.set_reading(deaf, reading)?;
            self.talk.deaf = Some(self.flood);
        }
        self.flood(seat, reading)?;
        self.talk.latencies = Some(Vec::new());
        self.talk.run(seat, 0..self.flood + 1, length)?;
        let mut latencies = self.talk.latencies.take().unwrap_or_default();
        seat.crowd.set_reading(deaf, Reading::Open)?;
        self.talk.catch_up(seat)?;
        latencies.sort_unstable();
        let at = latencies.len() * 99 / 100;
        let p99 = latencies.get(at).ok_or_else(|| Fault::new("no messages"))?;
        Ok(p99.as_secs_f64() * 1e6)
    }
}

/// Bytes of a long message; the server takes commands of 8 KiB.
const LONG: usize = 7000;

const FLOOD_IN_FLIGHT: u32 = 4;

const FLOODED: Duration = Duration::from_millis(100);

/// Bytes, twice what Linux holds for one connection here: 4 MiB where it is sent, and less where it is
/// received.
const HELD: usize = 10 * 1024 * 1024;
