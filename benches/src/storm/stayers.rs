//! The members who stay and talk on: the latency of their messages before, during and after.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::crowd::{Crowd, Listen, Outs};
use crate::fault::Fault;
use crate::load::Presence;
use crate::news::{Event, News};
use crate::paced::{Paced, TURN};
use crate::wire::Wire;

/// The phase of the storm, for the members who stay.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU8);

impl Stage {
    pub(crate) fn set(&self, stage: u8) {
        self.0.store(stage, SeqCst);
    }
}

/// The others log in; nothing is measured.
pub(crate) const FILLING: u8 = 0;
/// The three that are measured, from here on.
pub(crate) const BEFORE: u8 = 1;
pub(crate) const DURING: u8 = 2;
pub(crate) const AFTER: u8 = 3;
/// The messages in flight are awaited.
pub(crate) const OVER: u8 = 4;

/// What they have measured.
pub(crate) struct Seen {
    /// Before, during and after, in order of length.
    pub(crate) latencies: [Vec<Duration>; 3],
    /// Quits and logins since the storm began.
    pub(crate) events: Vec<Event>,
}

struct Stayers {
    pairs: Paced,
    news: Option<News>,
    stage: u8,
    seen: Seen,
}

/// Logs in the members from `first` on, who talk until the storm is over.
pub(crate) fn log_in(server: SocketAddr, first: usize) -> Result<Crowd, Fault> {
    let mut crowd = Crowd::new(server, Wire::Raw)?;
    for n in 0..STAYERS {
        let place = crowd.add()?;
        let member = first + n;
        crowd.send(place, format!("IDENTIFY {member} x").as_bytes())?;
        let identify = format!("<identify aid=\"m{member}\" name=\"Member {member}\" />");
        let mut hears = Hears(identify.into_bytes(), 0);
        crowd.until(&mut hears, |hears| hears.1 == 1)?;
        crowd.settle(&mut hears)?;
    }
    Ok(crowd)
}

struct Hears(Vec<u8>, usize);

impl Listen for Hears {
    fn answer(&mut self, _: &mut Outs, _: usize, answer: &[u8]) -> Result<(), Fault> {
        if answer == self.0 {
            self.1 += 1;
        } else if Event::read(answer).is_none() {
            return Err(Fault::wrong("no login", answer));
        }
        Ok(())
    }
}

/// Lets them talk until the storm is over and everything has arrived.
pub(crate) fn stay(
    crowd: &mut Crowd,
    first: usize,
    presence: Presence,
    stage: &Stage,
) -> Result<Seen, Fault> {
    let pairs = (0..STAYERS / 2).map(|n| (2 * n, first + 2 * n, first + 2 * n + 1));
    let news = News::new(STAYERS, first..first + STAYERS);
    let mut stayers = Stayers {
        pairs: Paced::new(MESSAGES_A_SECOND, pairs),
        news: (presence == Presence::All).then_some(news),
        stage: FILLING,
        seen: Seen {
            latencies: [const { Vec::new() }; 3],
            events: Vec::new(),
        },
    };
    while stayers.stage != OVER {
        stayers.stage = stage.0.load(SeqCst);
        stayers.pairs.send(crowd);
        crowd.during(TURN, &mut stayers)?;
    }
    crowd.until(&mut stayers, |stayers| stayers.pairs.under_way() == 0)?;
    crowd.during(Duration::from_millis(500), &mut stayers)?;
    if let Some(news) = &stayers.news
        && !news.is_complete(news.logins, news.quits)
    {
        return Err(Fault::new("lost: not all who stay have heard all the news"));
    }
    for latencies in &mut stayers.seen.latencies {
        latencies.sort_unstable();
    }
    Ok(stayers.seen)
}

impl Listen for Stayers {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        if !answer.starts_with(b"<msg ") {
            let event = Event::read(answer).filter(|_| self.news.is_some());
            let event = event.ok_or_else(|| Fault::wrong("not for who stays", answer))?;
            if let Some(news) = &mut self.news {
                news.take(client, answer)?;
            }
            if client == 0 && self.stage >= DURING {
                self.seen.events.push(event);
            }
            return Ok(());
        }
        if client.is_multiple_of(2) {
            return self.pairs.echoed(client / 2, answer);
        }
        let latency = self.pairs.delivered(client / 2, answer)?;
        if let BEFORE..=AFTER = self.stage {
            self.seen.latencies[usize::from(self.stage - BEFORE)].push(latency);
        }
        Ok(())
    }
}

/// Every second one writes to the next.
pub(crate) const STAYERS: usize = 20;

const MESSAGES_A_SECOND: f64 = 400.0;
