//! Many clients send LIST at once, again and again, and very many members are online.

use std::time::{Duration, Instant};

use crate::crowd::{Listen, Outs};
use crate::fault::Fault;
use crate::load::{Load, Seat, Slice};
use crate::server::Kind;

/// The clients that ask, and the members that are listed.
pub(crate) struct List {
    online: usize,
    /// What the answer is, once it is known.
    asking: Option<Asking>,
}

impl List {
    pub(crate) fn new(online: usize) -> Self {
        Self {
            online,
            asking: None,
        }
    }

    /// How long an answer is, on a raw connection.
    pub(crate) fn bytes(online: usize) -> usize {
        let each = |n| format!("<nick aid=\"m{n}\" name=\"Member {n}\" />").len();
        let all: usize = (1..=online).map(each).sum();
        "<nicklist></nicklist>\0".len() + all
    }
}

impl Load for List {
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        let is_floor = seat.server.kind == Kind::Floor;
        if !is_floor {
            seat.fill(self.online)?;
        }
        let first = seat.crowd.len();
        for _ in 0..ASKING {
            seat.crowd.add()?;
        }
        let mut first_answer = First(Vec::new());
        seat.crowd.send(first, b"LIST")?;
        seat.crowd
            .until(&mut first_answer, |first| !first.0.is_empty())?;
        let answer = first_answer.0;
        if answer.len() + 1 != Self::bytes(self.online) {
            return Err(Fault::wrong("a list of another length", &answer));
        }
        if !is_floor {
            check(&answer, self.online)?;
        }
        self.asking = Some(Asking {
            first,
            answer,
            come: 0,
            under_way: [0; ASKING],
            until: Instant::now(),
        });
        Ok(())
    }

    fn slice(&mut self, seat: &mut Seat, length: Duration) -> Result<Slice, Fault> {
        let asking = self
            .asking
            .as_mut()
            .ok_or_else(|| Fault::new("not prepared"))?;
        asking.until = Instant::now() + length;
        let before = asking.come;
        seat.cost(|seat| {
            for n in 0..ASKING {
                asking.ask(seat.crowd.outs(), n);
            }
            let done = |asking: &Asking| asking.under_way == [0; ASKING];
            seat.crowd.until(asking, done)?;
            seat.crowd.settle(asking)?;
            Ok(asking.come - before)
        })
    }
}

/// Every member is in it once.
fn check(answer: &[u8], online: usize) -> Result<(), Fault> {
    let text = str::from_utf8(answer).map_err(|_| Fault::wrong("not UTF-8", answer))?;
    let all = text.split("<nick aid=\"m").skip(1);
    let mut seen = vec![false; online + 1];
    for one in all {
        let number = one.split('"').next().and_then(|n| n.parse::<usize>().ok());
        match number.and_then(|n| seen.get_mut(n)) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(Fault::wrong("in the list twice", one.as_bytes())),
        }
    }
    if seen[1..].iter().all(|seen| *seen) {
        Ok(())
    } else {
        Err(Fault::new("not everybody is in the list"))
    }
}

struct First(Vec<u8>);

impl Listen for First {
    fn answer(&mut self, _: &mut Outs, _: usize, answer: &[u8]) -> Result<(), Fault> {
        self.0 = answer.to_vec();
        Ok(())
    }
}

struct Asking {
    /// The place of the first client that asks.
    first: usize,
    answer: Vec<u8>,
    come: u64,
    under_way: [u8; ASKING],
    until: Instant,
}

impl Asking {
    fn ask(&mut self, outs: &mut Outs, n: usize) {
        self.under_way[n] += 1;
        outs.send(self.first + n, b"LIST");
    }
}

impl Listen for Asking {
    fn answer(&mut self, outs: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let n = client
            .checked_sub(self.first)
            .filter(|n| self.under_way[*n] == 1);
        let Some(n) = n.filter(|_| answer == self.answer) else {
            return Err(Fault::wrong("wrong or doubled", answer));
        };
        self.under_way[n] = 0;
        self.come += 1;
        if Instant::now() < self.until {
            self.ask(outs, n);
        }
        Ok(())
    }
}

/// The clients that ask.
const ASKING: usize = 50;
