//! Seeds for fuzzers: the conversations of transcripts, as input of the fuzz bodies.

use super::step::{Act, Scenario, Step};
use crate::fuzz::world::UNIX;
use flashgate_core::Member;

impl Scenario {
    /// All bytes of each client, for targets that take a stream.
    pub fn streams(&self) -> Vec<Vec<u8>> {
        let mut streams = Vec::new();
        streams.resize(self.clients.len(), Vec::new());
        for placed in &self.steps {
            if let Step::Client(client, act) = &placed.step
                && let Some(bytes) = act.sent()
            {
                streams[*client].extend_from_slice(bytes);
            }
        }
        streams
    }

    /// All bytes that each client receives.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        heard.resize(self.clients.len(), Vec::new());
        for placed in &self.steps {
            if let Step::Client(client, Act::Sees(bytes)) = &placed.step {
                heard[*client].extend_from_slice(bytes);
            }
        }
        heard
    }

    /// The members of the store.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().map(|known| &known.member)
    }

    /// The conversation as a script for [`fuzz::gateway`](crate::fuzz::gateway). It is an approximation: that world
    /// decides itself how lookups are answered.
    pub fn script(&self) -> Vec<u8> {
        let mut script = Vec::from([0]);
        for placed in &self.steps {
            match &placed.step {
                Step::Client(_, Act::Connect { from: Some(_), .. }) => script.extend([0, 1]),
                Step::Client(_, Act::Connect { from: None, .. }) => script.extend([0, UNIX]),
                Step::Client(client, act @ (Act::Send(_) | Act::Upgrade)) => {
                    let bytes = act.sent().unwrap_or_default();
                    for piece in bytes.chunks(255) {
                        script.extend([2, piece.len() as u8]);
                        script.extend_from_slice(piece);
                        script.extend([*client as u8, 11, 0, *client as u8]);
                    }
                    // Its questions are answered with the first member, then the second.
                    script.extend([12, 1 + *client as u8 % 2]);
                }
                Step::Client(client, Act::HalfClose) => script.extend([9, *client as u8]),
                Step::Client(client, Act::Reset | Act::Vanish) => {
                    script.extend([10, 0, *client as u8])
                }
                Step::Time(_) => script.extend([13, 3, 13, 4, 13, 5]),
                Step::Shutdown => script.extend([15, 0]),
                Step::Client(
                    _,
                    Act::StopReading | Act::Take(_) | Act::ReadOn | Act::Sees(_) | Act::SeesEnd(_),
                )
                | Step::StoreMood(_)
                | Step::StoreAnswers(..)
                | Step::StoreHas(_)
                | Step::Member(..)
                | Step::Configure(_)
                | Step::Announce(_)
                | Step::Kick(..)
                | Step::ServerEnds
                | Step::Log(_) => {}
            }
        }
        script
    }
}
