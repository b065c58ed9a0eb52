//! One member logs in and leaves, again and again, and all who are online are notified.

use std::time::Duration;

use crate::crowd::{Listen, Outs};
use crate::fault::Fault;
use crate::load::{Load, Seat, Slice};

/// Clients that are notified of one visitor.
pub(crate) struct Presence {
    online: usize,
    visits: usize,
}

impl Presence {
    pub(crate) fn new(online: usize) -> Self {
        Self { online, visits: 0 }
    }
}

impl Load for Presence {
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        seat.fill(self.online)?;
        // The visitor's place is behind them.
        let place = seat.crowd.add()?;
        seat.crowd.leave(place);
        Ok(())
    }

    fn slice(&mut self, seat: &mut Seat, length: Duration) -> Result<Slice, Fault> {
        seat.cost_of_visits(length, |seat| self.visit(seat))
    }
}

impl Presence {
    fn visit(&mut self, seat: &mut Seat) -> Result<u64, Fault> {
        // Another member each time, so that a late answer is not taken for a new one.
        let member = self.online + 1 + self.visits % VISITORS;
        self.visits += 1;
        let place = self.online;
        seat.crowd.connect(place)?;
        let login = seat.login(member - 1);
        let name = format!("aid=\"m{member}\" name=\"Member {member}\"");
        let mut told = Told::new(self.online, format!("<login {name} />"));
        told.identify = format!("<identify {name} />").into_bytes();
        seat.crowd.send(place, &login)?;
        // All clients and the visitor are notified, and the visitor gets its answer.
        let all = self.online as u64 + 2;
        seat.crowd.until(&mut told, |told| told.all == all)?;
        seat.crowd.leave(place);
        let mut left = Told::new(self.online, format!("<quit aid=\"m{member}\" />"));
        seat.crowd
            .until(&mut left, |left| left.all == self.online as u64)?;
        Ok(told.all + left.all)
    }
}

/// What each client is notified of once.
struct Told {
    what: Vec<u8>,
    /// The visitor's own answer.
    identify: Vec<u8>,
    come: Vec<u8>,
    all: u64,
}

impl Told {
    fn new(online: usize, what: String) -> Self {
        Self {
            what: what.into_bytes(),
            identify: Vec::new(),
            come: vec![0; online + 1],
            all: 0,
        }
    }
}

impl Listen for Told {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let visitor = self.come.len() - 1;
        let what = if client == visitor && self.come[client] == 1 {
            &self.identify
        } else {
            &self.what
        };
        if answer != what.as_slice() {
            return Err(Fault::wrong("wrong, doubled or reordered", answer));
        }
        let most = if client == visitor { 2 } else { 1 };
        self.come[client] += 1;
        self.all += 1;
        if self.come[client] > most {
            return Err(Fault::wrong("doubled", answer));
        }
        Ok(())
    }
}

/// Members who take turns.
const VISITORS: usize = 64;
