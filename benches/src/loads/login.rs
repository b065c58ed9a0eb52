//! Visits one after the other: connect, log in, leave.

use std::time::{Duration, Instant};

use crate::crowd::{Listen, Outs};
use crate::fault::Fault;
use crate::load::{Load, Seat, Slice};

/// One visitor at a time, without other clients.
#[derive(Default)]
pub(crate) struct Logins {
    visits: usize,
}

impl Load for Logins {
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        let place = seat.crowd.add()?;
        seat.crowd.leave(place);
        Ok(())
    }

    fn slice(&mut self, seat: &mut Seat, length: Duration) -> Result<Slice, Fault> {
        let end = Instant::now() + length;
        seat.cost(|seat| {
            let mut visits = 0;
            while Instant::now() < end {
                self.visit(seat)?;
                visits += 1;
            }
            // By then the server, too, has noticed that the last visitor left.
            std::thread::sleep(Duration::from_millis(5));
            Ok(visits)
        })
    }
}

impl Logins {
    fn visit(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        // Another member each time: the previous one may still be online.
        let member = 1 + self.visits % VISITORS;
        self.visits += 1;
        seat.crowd.connect(PLACE)?;
        let login = seat.login(member - 1);
        seat.crowd.send(PLACE, &login)?;
        let name = format!("aid=\"m{member}\" name=\"Member {member}\"");
        let mut welcome = Welcome {
            answers: [format!("<login {name} />"), format!("<identify {name} />")],
            own_quit: format!("<quit aid=\"m{member}\" />"),
            quits: Vec::new(),
            come: 0,
        };
        seat.crowd
            .until(&mut welcome, |welcome| welcome.come == 2)?;
        seat.crowd.leave(PLACE);
        Ok(())
    }
}

struct Welcome {
    answers: [String; 2],
    own_quit: String,
    quits: Vec<Vec<u8>>,
    come: usize,
}

impl Listen for Welcome {
    fn answer(&mut self, _: &mut Outs, _: usize, answer: &[u8]) -> Result<(), Fault> {
        let due = self.answers.get(self.come);
        if due.is_some_and(|due| due.as_bytes() == answer) {
            self.come += 1;
            return Ok(());
        }
        // Quits of earlier visitors may arrive, each once: no visitor waits for the previous one to be gone.
        let is_quit = answer.starts_with(b"<quit aid=\"m") && answer != self.own_quit.as_bytes();
        if self.come > 0 && is_quit && !self.quits.iter().any(|quit| quit == answer) {
            self.quits.push(answer.to_vec());
            return Ok(());
        }
        Err(Fault::wrong("lost, doubled or reordered", answer))
    }
}

const PLACE: usize = 0;

/// Members who take turns.
const VISITORS: usize = 64;
