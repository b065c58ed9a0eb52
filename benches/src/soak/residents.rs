//! Members who stay: some talk in pairs at a fixed rate, a few get letters from visitors, the others are silent. All are
//! notified of logins and quits.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::check::Order;
use crate::crowd::{Crowd, Listen, Outs};
use crate::fault::Fault;
use crate::load::Seat;
use crate::news::News;
use crate::paced::{Paced, TURN};
use crate::soak::{Shared, WIRES, visitors};

/// The residents, and what they have received.
pub(crate) struct Residents<'a> {
    shared: &'a Shared,
    roles: Vec<Role>,
    pairs: Paced,
    /// How many letters of each visitor have arrived.
    letters: Vec<Order>,
    news: News,
}

#[derive(Clone, Copy)]
enum Role {
    Silent,
    Sender(usize),
    Recipient(usize),
    Addressee(usize),
}

/// Logs them in, the same number on each wire.
pub(crate) fn fill(seat: &mut Seat) -> Result<(), Fault> {
    for wire in WIRES {
        seat.crowd.set_wire(wire);
        seat.fill(ON_EACH_WIRE)?;
    }
    Ok(())
}

/// The member who gets the letters of a visitor.
pub(crate) fn addressee(visitor: usize) -> usize {
    place(visitor % WIRES.len(), 2 * PAIRS + visitor) + 1
}

/// On each wire, the first members write, and the next ones are written to.
fn place(wire: usize, nth: usize) -> usize {
    wire * ON_EACH_WIRE + nth
}

impl<'a> Residents<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        let mut roles = vec![Role::Silent; RESIDENTS];
        let mut pairs = Vec::new();
        for n in 0..PAIRS {
            // Every wire writes to every wire.
            let from = place(n % 3, n);
            let to = place(n / 3 % 3, PAIRS + n);
            roles[from] = Role::Sender(n);
            roles[to] = Role::Recipient(n);
            pairs.push((from, from + 1, to + 1));
        }
        for visitor in 0..visitors::VISITORS {
            roles[addressee(visitor) - 1] = Role::Addressee(visitor);
        }
        Self {
            shared,
            roles,
            pairs: Paced::new(MESSAGES_A_SECOND, pairs),
            letters: vec![Order::default(); visitors::VISITORS],
            news: News::new(RESIDENTS, 1..=RESIDENTS),
        }
    }

    /// The pairs write until all visitors have gone; then everything must have arrived.
    pub(crate) fn run(&mut self, crowd: &mut Crowd) -> Result<(), Fault> {
        let mut pruned = Instant::now();
        while !self.shared.visits_over.load(Relaxed) {
            self.pairs.send(crowd);
            crowd.during(TURN, self)?;
            if pruned.elapsed() > Duration::from_secs(1) {
                self.news.prune();
                pruned = Instant::now();
            }
        }
        crowd
            .until(self, Self::is_complete)
            .map_err(|fault| fault.during(self.missing()))?;
        crowd.settle(self)?;
        if self.is_complete() {
            return Ok(());
        }
        Err(Fault::new(self.missing()))
    }

    fn is_complete(&self) -> bool {
        let (logins, quits) = self.shared.comings_and_goings();
        let letters = &self.shared.letters;
        self.news.is_complete(logins, quits)
            && self.pairs.under_way() == 0
            && (self.letters.iter().zip(letters))
                .all(|(come, sent)| u64::from(come.come()) == sent.load(Relaxed))
    }

    fn missing(&self) -> String {
        let (logins, quits) = self.shared.comings_and_goings();
        let under_way = self.pairs.under_way();
        format!(
            "at the end: {under_way} messages have not come; {} of {logins} logins, {} of {quits} quits",
            self.news.logins, self.news.quits
        )
    }
}

impl Listen for Residents<'_> {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let delivered = &self.shared.news;
        if !answer.starts_with(b"<msg ") {
            delivered.fetch_add(1, Relaxed);
            return self.news.take(client, answer);
        }
        match self.roles[client] {
            Role::Silent => return Err(Fault::wrong("nobody writes to this client", answer)),
            Role::Sender(n) => self.pairs.echoed(n, answer)?,
            Role::Recipient(n) => self.shared.record(self.pairs.delivered(n, answer)?),
            Role::Addressee(visitor) => {
                let order = &mut self.letters[visitor];
                let letter = visitors::letter(visitor, order.come());
                order.take(letter.number(answer)?)?;
            }
        }
        self.shared.messages.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// Pairs that talk.
const PAIRS: usize = 60;

pub(crate) const ON_EACH_WIRE: usize = 240;

/// All residents.
pub(crate) const RESIDENTS: usize = 3 * ON_EACH_WIRE;

/// Each comes twice, to its sender and to its recipient.
const MESSAGES_A_SECOND: f64 = 2400.0;
