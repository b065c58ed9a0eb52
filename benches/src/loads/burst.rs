//! Many members log in within one wake-up of the server, and all who are online are notified of each.

use std::time::Duration;

use rustix::process::Signal;

use crate::check::Agreed;
use crate::crowd::{Listen, Outs};
use crate::fault::Fault;
use crate::load::{Load, Seat, Slice};

/// Clients that are notified of many logins at once.
pub(crate) struct Burst {
    online: usize,
    newcomers: usize,
}

impl Burst {
    pub(crate) fn new(online: usize, newcomers: usize) -> Self {
        Self { online, newcomers }
    }
}

impl Load for Burst {
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        seat.fill(self.online)?;
        for _ in 0..self.newcomers {
            let place = seat.crowd.add()?;
            seat.crowd.leave(place);
        }
        Ok(())
    }

    /// One burst, however long that is.
    fn slice(&mut self, seat: &mut Seat, _: Duration) -> Result<Slice, Fault> {
        let places = self.online..self.online + self.newcomers;
        for place in places.clone() {
            seat.crowd.connect(place)?;
        }
        let mut news = News::new(self.online);
        seat.crowd.settle(&mut news)?;
        let newcomers = self.newcomers;
        // Each new member is notified of its own login and of the later ones.
        let told = self.online * newcomers + newcomers * (newcomers + 1) / 2;
        let slice = seat.cost(|seat| {
            // Everything that arrives while it is stopped is ready when it wakes up.
            seat.server.signal(Signal::STOP)?;
            for place in places.clone() {
                let login = seat.login(place);
                seat.crowd.send(place, &login)?;
            }
            seat.server.signal(Signal::CONT)?;
            seat.crowd.until(&mut news, |news| {
                news.logins >= told && news.welcome >= newcomers
            })?;
            seat.crowd.settle(&mut news)?;
            Ok((told + newcomers) as u64)
        })?;
        if news.logins != told || news.welcome != newcomers {
            return Err(Fault::new("doubled: more news than newcomers"));
        }
        for place in places {
            seat.crowd.leave(place);
        }
        let mut quits = News::new(self.online);
        let all = self.online * newcomers;
        seat.crowd.until(&mut quits, |quits| quits.quits >= all)?;
        seat.crowd.settle(&mut quits)?;
        Ok(slice)
    }
}

/// What all clients are notified of.
struct News {
    logins: usize,
    welcome: usize,
    quits: usize,
    /// Clients that were there before: all are notified of the same logins, in the same order.
    agreed: Agreed,
    before: usize,
}

impl News {
    fn new(before: usize) -> Self {
        Self {
            logins: 0,
            welcome: 0,
            quits: 0,
            agreed: Agreed::new(before),
            before,
        }
    }
}

impl Listen for News {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        if answer.starts_with(b"<identify aid=\"m") {
            self.welcome += 1;
            return Ok(());
        }
        if answer.starts_with(b"<login aid=\"m") {
            self.logins += 1;
        } else if answer.starts_with(b"<quit aid=\"m") {
            self.quits += 1;
        } else {
            return Err(Fault::wrong("neither login nor quit", answer));
        }
        if client < self.before {
            self.agreed.take(client, answer)?;
        }
        Ok(())
    }
}
