//! Messages to rooms: in each room one member writes, with one message in flight, and all members of the room get
//! it. Joins: one member joins a room and parts, again and again.

use std::time::{Duration, Instant};

use crate::check::{Messages, Order};
use crate::crowd::{Listen, Outs};
use crate::fault::Fault;
use crate::load::{Load, Seat, Slice};
use crate::loads::pairs::TEXT;

/// Rooms of the same size. Each member is in the same number of them.
pub(crate) struct Rooms {
    members: usize,
    rooms: usize,
    size: usize,
    talk: Option<Talk>,
}

impl Rooms {
    pub(crate) fn new(members: usize, rooms: usize, size: usize) -> Self {
        Self {
            members,
            rooms,
            size,
            talk: None,
        }
    }

    /// The places of a room's members. The first one writes. Two rooms hardly ever have two members in common.
    fn places(&self, room: usize) -> impl Iterator<Item = usize> {
        let (members, size) = (self.members, self.size);
        let first = room * size;
        let round = first / members;
        // In each round of all members others write.
        let chairs = (0..size).map(move |nth| first + (nth + round) % size);
        // Each round has an order of its own: the steps and the number of members have no common factor.
        chairs.map(move |chair| chair * STEPS[chair / members] % members)
    }
}

impl Load for Rooms {
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        seat.fill(self.members)?;
        let mut joins = Vec::new();
        let mut talk = Talk::new(self.members);
        for room in 0..self.rooms {
            let places: Vec<_> = self.places(room).collect();
            joins.extend((1..).zip(&places).map(|(nth, place)| (room, *place, nth)));
            talk.open(room, &places);
        }
        join(seat, &joins)?;
        self.talk = Some(talk);
        Ok(())
    }

    fn slice(&mut self, seat: &mut Seat, length: Duration) -> Result<Slice, Fault> {
        let talk = self.talk.as_mut().ok_or_else(not_prepared)?;
        seat.cost(|seat| talk.run(seat, length))
    }
}

/// Has members join rooms: the room, the place, and how many are in the room then.
fn join(seat: &mut Seat, joins: &[(usize, usize, usize)]) -> Result<(), Fault> {
    for wave in joins.chunks(WAVE) {
        for (room, place, _) in wave {
            seat.crowd.outs().send(*place, &command("JOIN", *room));
        }
        let mut come = Come::default();
        let all: usize = wave.iter().map(|(_, _, here)| here).sum();
        seat.crowd.until(&mut come, |come| {
            come.joins >= all && come.states >= wave.len()
        })?;
        seat.crowd.settle(&mut come)?;
        if come.joins != all || come.states != wave.len() {
            return Err(Fault::new("doubled: more of a room than joined"));
        }
    }
    Ok(())
}

/// How many answers to joins the clients have received.
#[derive(Debug, Default)]
struct Come {
    joins: usize,
    states: usize,
}

impl Listen for Come {
    fn answer(&mut self, _: &mut Outs, _: usize, answer: &[u8]) -> Result<(), Fault> {
        if answer.starts_with(b"<join room=\"#r") {
            self.joins += 1;
        } else if answer.starts_with(b"<room name=\"#r") && answer.ends_with(b"</room>") {
            self.states += 1;
        } else {
            return Err(Fault::wrong("no join", answer));
        }
        Ok(())
    }
}

/// The writer of each room, and the messages that the clients have received.
struct Talk {
    rooms: Vec<Room>,
    /// What each client has of each of its rooms.
    come: Vec<Vec<(usize, Order)>>,
    deliveries: u64,
    until: Instant,
}

struct Room {
    messages: Messages,
    writer: usize,
    size: u32,
    sent: u32,
    /// Deliveries of the message in flight that have not arrived.
    missing: u32,
}

impl Talk {
    fn new(members: usize) -> Self {
        Self {
            rooms: Vec::new(),
            come: vec![Vec::new(); members],
            deliveries: 0,
            until: Instant::now(),
        }
    }

    fn open(&mut self, room: usize, places: &[usize]) {
        let writer = places[0];
        self.rooms.push(Room {
            messages: Messages::room(writer + 1, room, TEXT),
            writer,
            size: places.len() as u32,
            sent: 0,
            missing: 0,
        });
        for place in places {
            self.come[*place].push((room, Order::default()));
        }
    }

    /// Lets a member of each room write until the time is over and everything has arrived.
    fn run(&mut self, seat: &mut Seat, length: Duration) -> Result<u64, Fault> {
        let before = self.deliveries;
        self.until = Instant::now() + length;
        for room in 0..self.rooms.len() {
            self.write(seat.crowd.outs(), room);
        }
        seat.crowd.until(self, |talk| {
            Instant::now() >= talk.until && talk.rooms.iter().all(|room| room.missing == 0)
        })?;
        seat.crowd.settle(self)?;
        Ok(self.deliveries - before)
    }

    fn write(&mut self, outs: &mut Outs, room: usize) {
        let room = &mut self.rooms[room];
        if Instant::now() < self.until {
            outs.send(room.writer, &room.messages.command(room.sent));
            room.sent += 1;
            room.missing = room.size;
        }
    }
}

impl Listen for Talk {
    fn answer(&mut self, outs: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let number = number(answer).ok_or_else(|| Fault::wrong("no message of a room", answer))?;
        let mine = self.come[client].iter_mut();
        let found = { mine }.find(|(room, _)| *room == number);
        let Some((_, order)) = found else {
            return Err(Fault::wrong("this client is not in the room", answer));
        };
        let room = &mut self.rooms[number];
        order.take(room.messages.number(answer)?)?;
        self.deliveries += 1;
        room.missing -= 1;
        if room.missing == 0 {
            self.write(outs, number);
        }
        Ok(())
    }
}

/// One member joins a room and parts, again and again, and all of the room are notified.
pub(crate) struct Joins {
    size: usize,
}

impl Joins {
    pub(crate) fn new(size: usize) -> Self {
        Self { size }
    }
}

impl Load for Joins {
    fn prepare(&mut self, seat: &mut Seat) -> Result<(), Fault> {
        // The visitor is behind them.
        seat.fill(self.size + 1)?;
        let joins: Vec<_> = (0..self.size).map(|place| (0, place, place + 1)).collect();
        join(seat, &joins)
    }

    fn slice(&mut self, seat: &mut Seat, length: Duration) -> Result<Slice, Fault> {
        seat.cost_of_visits(length, |seat| self.visit(seat))
    }
}

impl Joins {
    fn visit(&self, seat: &mut Seat) -> Result<u64, Fault> {
        let (visitor, all) = (self.size, self.size + 1);
        let member = visitor + 1;
        let join = format!("<join room=\"#r0\" aid=\"m{member}\" name=\"Member {member}\" />");
        let part = format!("<part room=\"#r0\" aid=\"m{member}\" />");
        let mut deliveries = 0;
        for (word, what, states) in [("JOIN", join, 1), ("PART", part, 0)] {
            let mut told = Told::new(all, what.into_bytes());
            seat.crowd.send(visitor, &command(word, 0))?;
            seat.crowd
                .until(&mut told, |told| told.all == all && told.states >= states)?;
            deliveries += told.all + told.states;
        }
        Ok(deliveries as u64)
    }
}

/// What each client is notified of once, and the state of the room for the last client.
struct Told {
    what: Vec<u8>,
    come: Vec<bool>,
    all: usize,
    states: usize,
}

impl Told {
    fn new(clients: usize, what: Vec<u8>) -> Self {
        Self {
            what,
            come: vec![false; clients],
            all: 0,
            states: 0,
        }
    }
}

impl Listen for Told {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let is_visitor = client == self.come.len() - 1;
        if is_visitor && self.come[client] && answer.starts_with(b"<room name=\"#r0\"") {
            self.states += 1;
            return Ok(());
        }
        if answer != self.what.as_slice() || self.come[client] {
            return Err(Fault::wrong("wrong, doubled or reordered", answer));
        }
        self.come[client] = true;
        self.all += 1;
        Ok(())
    }
}

fn command(word: &str, room: usize) -> Vec<u8> {
    format!("{word} #r{room}").into_bytes()
}

/// The number of the room that a message was sent to.
fn number(answer: &[u8]) -> Option<usize> {
    let rest = answer.strip_prefix(b"<msg room=\"#r")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

fn not_prepared() -> Fault {
    Fault::new("not prepared")
}

/// How many join at once: few enough that no queue is full.
const WAVE: usize = 256;

/// For up to four rooms a member. The number of members must have no factor in common with these.
const STEPS: [usize; 4] = [1, 1009, 3571, 7919];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_is_in_as_many_rooms() {
        let rooms = Rooms::new(5000, 1000, 20);
        let mut of = vec![Vec::new(); 5000];
        let mut writers = Vec::new();
        for room in 0..1000 {
            let places: Vec<_> = rooms.places(room).collect();
            writers.push(places[0]);
            for place in places {
                assert!(!of[place].contains(&room), "twice in a room");
                of[place].push(room);
            }
        }
        assert!(of.iter().all(|rooms| rooms.len() == 4));
        writers.sort_unstable();
        writers.dedup();
        assert!(writers.len() > 900, "{} members write", writers.len());
    }
}
