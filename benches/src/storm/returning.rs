//! The members who were disconnected: each connects and logs in, again and again until it succeeds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::crowd::{Crowd, Listen, Outs};
use crate::fault::Fault;
use crate::load::Presence;
use crate::news::Event;

/// The state of their logins.
pub(crate) struct Returning {
    presence: Presence,
    is_in: Vec<bool>,
    tails: Vec<Tail>,
    start: Instant,
    /// The members that try again, in the order of time.
    again: VecDeque<(Instant, usize, Step)>,
    /// How long each login took that succeeded.
    pub(crate) took: Vec<Duration>,
    pub(crate) refused: Refused,
    /// When the last answer came.
    last: Instant,
}

/// How often the server made a member try again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refused {
    /// It did not yet know that the old connection was gone.
    pub(crate) online: u64,
    /// It had too many logins to look up.
    pub(crate) later: u64,
    pub(crate) closed: u64,
}

#[derive(Clone, Copy)]
enum Step {
    Connect,
    LogIn,
}

/// Logins that a member was notified of since its own, as one number that depends on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tail {
    count: usize,
    hash: u64,
}

impl Tail {
    fn take(&mut self, event: Event) {
        self.count += 1;
        self.hash = self.hash.wrapping_mul(BASE).wrapping_add(code(event));
    }
}

/// Disconnects all, which connect and log in at once; ends when all are logged in and nothing more arrives. Returns the
/// time until all were logged in, and until the last answer.
pub(crate) fn come_back(
    crowd: &mut Crowd,
    presence: Presence,
) -> Result<(Returning, [Duration; 2]), Fault> {
    let members = crowd.len();
    let start = Instant::now();
    let mut returning = Returning {
        presence,
        is_in: vec![false; members],
        tails: vec![Tail::default(); members],
        start,
        again: VecDeque::new(),
        took: Vec::new(),
        refused: Refused::default(),
        last: start,
    };
    for place in 0..members {
        crowd.reset(place)?;
    }
    for place in 0..members {
        crowd.connect_soon(place, Some(&login(place)))?;
    }
    while returning.took.len() < members {
        crowd.during(TURN, &mut returning)?;
        returning.try_again(crowd)?;
        if returning.last.elapsed() > PATIENCE {
            let come = returning.took.len();
            return Err(Fault::new(format!(
                "{come} of {members} are in, and no more"
            )));
        }
    }
    while returning.last.elapsed() < SILENCE {
        crowd.during(TURN, &mut returning)?;
    }
    if returning.is_in.iter().any(|is_in| !is_in) {
        return Err(Fault::new("somebody was in, and was cut off again"));
    }
    returning.took.sort_unstable();
    let all_in = returning.took.last().copied().unwrap_or_default();
    let delivered = returning.last - start;
    Ok((returning, [all_in, delivered]))
}

impl Returning {
    fn try_again(&mut self, crowd: &mut Crowd) -> Result<(), Fault> {
        while let Some((due, place, step)) = self.again.front().copied()
            && due <= Instant::now()
        {
            self.again.pop_front();
            match step {
                Step::Connect => crowd.connect_soon(place, Some(&login(place)))?,
                Step::LogIn => crowd.send(place, &login(place))?,
            }
        }
        Ok(())
    }

    fn later(&mut self, place: usize, step: Step) {
        self.again.push_back((Instant::now() + AGAIN, place, step));
    }

    /// Whether each was notified of every login since its own, once and in the order in which the members who
    /// stayed were notified.
    pub(crate) fn check(&self, events: &[Event]) -> Result<(), Fault> {
        if self.presence == Presence::Off {
            let all = self.tails.iter().all(|tail| tail.count == 1);
            return match all {
                true => Ok(()),
                false => Err(Fault::new("not everybody was told of the own login")),
            };
        }
        let mut due = vec![Tail::default(); self.is_in.len()];
        let (mut hash, mut power) = (0_u64, 1_u64);
        for (count, event) in events.iter().rev().enumerate() {
            hash = code(*event).wrapping_mul(power).wrapping_add(hash);
            power = power.wrapping_mul(BASE);
            let count = count + 1;
            if let Event::Login(member) = event
                && let Some(due) = due.get_mut(member - 1)
                && due.count == 0
            {
                *due = Tail { count, hash };
            }
        }
        for (place, (due, heard)) in due.iter().zip(&self.tails).enumerate() {
            if due != heard {
                return Err(Fault::new(format!(
                    "lost, doubled or reordered: member {} has heard {} of {} events",
                    place + 1,
                    heard.count,
                    due.count
                )));
            }
        }
        Ok(())
    }
}

impl Listen for Returning {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        self.last = Instant::now();
        if let Some(event) = Event::read(answer) {
            let is_first = self.tails[client].count == 0;
            let is_own = event == Event::Login(client + 1);
            let is_due = match self.presence {
                Presence::All => is_first == is_own,
                Presence::Off => is_first && is_own,
            };
            if !is_due {
                return Err(Fault::wrong("not for this client", answer));
            }
            self.tails[client].take(event);
            return Ok(());
        }
        if answer == ONLINE {
            self.refused.online += 1;
            self.later(client, Step::LogIn);
        } else if answer == LATER {
            self.refused.later += 1;
            self.later(client, Step::LogIn);
        } else {
            let member = client + 1;
            let due = format!("<identify aid=\"m{member}\" name=\"Member {member}\" />");
            if answer != due.as_bytes() || self.is_in[client] {
                return Err(Fault::wrong("wrong, or doubled", answer));
            }
            self.is_in[client] = true;
            self.took.push(self.start.elapsed());
        }
        Ok(())
    }

    fn closed(&mut self, client: usize) -> Result<(), Fault> {
        if self.is_in[client] {
            return Err(Fault::new(format!(
                "member {} was cut off again",
                client + 1
            )));
        }
        self.last = Instant::now();
        self.refused.closed += 1;
        self.tails[client] = Tail::default();
        self.later(client, Step::Connect);
        Ok(())
    }
}

fn login(place: usize) -> Vec<u8> {
    format!("IDENTIFY {} x", place + 1).into_bytes()
}

fn code(event: Event) -> u64 {
    match event {
        Event::Login(member) => 2 * member as u64 + 1,
        Event::Quit(member) => 2 * member as u64,
    }
}

const ONLINE: &[u8] = b"<error value=\"Already online.\"/>";
const LATER: &[u8] = b"<error value=\"Please try again later.\"/>";

/// Odd and large, so that the order of events changes the result.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

const TURN: Duration = Duration::from_millis(2);

/// The pause before another try.
const AGAIN: Duration = Duration::from_millis(100);

/// After this silence nothing more arrives.
const SILENCE: Duration = Duration::from_secs(2);

/// A connection that the system did not accept is tried again after 1 s, 2 s more, 4 s more and so on; no client is
/// silent for longer than six of these tries take.
const PATIENCE: Duration = Duration::from_secs(70);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hears_all_since_the_own_login() {
        let (two, three) = (Event::Login(2), Event::Login(3));
        let (one, gone) = (Event::Login(1), Event::Quit(3));
        let events = [two, gone, one, three];
        let after = |heard: [&[Event]; 3]| {
            let mut tails = vec![Tail::default(); 3];
            for (tail, events) in tails.iter_mut().zip(heard) {
                events.iter().for_each(|event| tail.take(*event));
            }
            let now = Instant::now();
            let returning = Returning {
                presence: Presence::All,
                is_in: vec![true; 3],
                tails,
                start: now,
                again: VecDeque::new(),
                took: Vec::new(),
                refused: Refused::default(),
                last: now,
            };
            returning.check(&events)
        };
        after([&[one, three], &events, &[three]]).unwrap();
        for bad in [
            [&[one][..], &events, &[three]],
            [&[one, three, three], &events, &[three]],
            [&[one, three], &[two, one, gone, three], &[three]],
            [&[one, three], &events, &[]],
        ] {
            after(bad).unwrap_err();
        }
    }
}
