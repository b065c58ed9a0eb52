//! One member of many rooms, and its connection.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::view::{Last, Log, View, attribute, room_of, take_message};
use crate::crowd::Chance;

/// Whether a member causes faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Stays,
    Wanders,
}

/// A member, with what it knows of its rooms.
pub(crate) struct Guest {
    nick: String,
    pub(crate) kind: Kind,
    to: SocketAddr,
    link: Option<Link>,
    rooms: BTreeMap<usize, Place>,
    /// It joins all its rooms whenever it logs in.
    at_home: bool,
    /// Rooms whose state WHO asks for.
    asked: Vec<usize>,
    /// Answers that mark the end of all before, asked for and received.
    ends: [u32; 2],
    pub(crate) sent: u64,
    pub(crate) deliveries: u64,
}

/// A connection.
struct Link {
    stream: TcpStream,
    stage: Stage,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Writes a byte at a time.
    dribbles: bool,
    stalled: Option<Instant>,
    /// Joins without a state so far, and parts without an answer.
    pending: usize,
    /// The room whose state has to come next.
    joined: Option<usize>,
    /// The connection from which this one takes over; it is not read.
    _before: Option<TcpStream>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has logged in, but may not know its rooms yet.
    Begun,
    In,
    /// It has sent its last byte.
    Leaving,
}

/// What a member knows of one of its rooms.
#[derive(Debug, Default)]
struct Place {
    view: Option<View>,
    last: Last,
    /// Where the next event stands in what all agree on, for those who stay.
    at: usize,
    sent: u32,
    echoed: u32,
}

impl Guest {
    pub(crate) fn new(member: usize, kind: Kind, rooms: &[usize], to: SocketAddr) -> Self {
        Self {
            nick: nick(member),
            kind,
            to,
            link: None,
            rooms: rooms.iter().map(|room| (*room, Place::default())).collect(),
            at_home: false,
            asked: Vec::new(),
            ends: [0, 0],
            sent: 0,
            deliveries: 0,
        }
    }

    /// Connects and logs in. The answer to PING comes after the states of rooms that it kept.
    pub(crate) fn connect(&mut self) {
        let stream = TcpStream::connect(self.to).expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_nonblocking(true).expect("a socket");
        let before = self.link.take().map(|link| link.stream);
        for place in self.rooms.values_mut() {
            place.view = None;
            place.last.clear();
        }
        let number = &self.nick[1..];
        self.link = Some(Link {
            stream,
            stage: Stage::Begun,
            input: Vec::new(),
            output: format!("HELLO\0IDENTIFY {number} x\0PING in\0").into_bytes(),
            dribbles: false,
            stalled: None,
            pending: 0,
            joined: None,
            _before: before,
        });
    }

    pub(crate) fn join(&mut self, room: usize) {
        let Some(link) = &mut self.link else { return };
        link.say(&format!("JOIN #r{room}"));
        link.pending += 1;
    }

    /// From now on it belongs into its rooms.
    pub(crate) fn set_at_home(&mut self) {
        self.at_home = true;
    }

    pub(crate) fn is_in(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.stage == Stage::In)
    }

    /// It is where it wants to be.
    pub(crate) fn is_settled(&self) -> bool {
        let is_still =
            |link: &Link| link.stage == Stage::In && link.pending == 0 && link.stalled.is_none();
        let is_there = self.rooms.values().all(|place| place.view.is_some());
        self.link.as_ref().is_some_and(is_still) && (is_there || !self.at_home)
    }

    /// Messages that did not come back, for those who stay.
    pub(crate) fn under_way(&self) -> u32 {
        match self.kind {
            Kind::Stays => self
                .rooms
                .values()
                .map(|place| place.sent - place.echoed)
                .sum(),
            Kind::Wanders => 0,
        }
    }

    /// Writes to one of its rooms, if it is in all of them.
    pub(crate) fn talk(&mut self, chance: &mut Chance) {
        if !self.is_settled() || self.rooms.is_empty() {
            return;
        }
        let nth = chance.below(self.rooms.len() as u64) as usize;
        if let (Some((room, place)), Some(link)) = (self.rooms.iter_mut().nth(nth), &mut self.link)
        {
            link.say(&format!("MSG #r{room} {}", place.sent));
            place.sent += 1;
            self.sent += 1;
        }
    }

    pub(crate) fn ask_for_an_end(&mut self) {
        if let Some(link) = &mut self.link {
            link.say("PING end");
            self.ends[0] += 1;
        }
    }

    pub(crate) fn has_the_end(&self) -> bool {
        self.ends[0] == self.ends[1]
    }

    pub(crate) fn ask_who(&mut self, room: usize) {
        if let Some(link) = &mut self.link {
            link.say(&format!("WHO #r{room}"));
            self.asked.insert(0, room);
        }
    }

    /// Causes a fault, sometimes. Says whether it did.
    pub(crate) fn suffer(&mut self, chance: &mut Chance) -> bool {
        if self.kind == Kind::Stays || !self.is_settled() {
            return false;
        }
        let Some(link) = &mut self.link else {
            return false;
        };
        match chance.below(8) {
            0 => {
                let _ = SockRef::from(&link.stream).set_linger(Some(Duration::ZERO));
                self.link = None;
            }
            // With bytes unread, this is a reset, too, only sometimes a later one.
            1 => self.link = None,
            2 => {
                link.stage = Stage::Leaving;
                let _ = link.stream.shutdown(Shutdown::Write);
            }
            3 => {
                link.stage = Stage::Leaving;
                link.say("QUIT");
            }
            // The server takes over, before or after it notices the end.
            4 => self.connect(),
            5 => {
                let time = Duration::from_millis(chance.below(400));
                link.stalled = Some(Instant::now() + time);
            }
            6 => link.dribbles = !link.dribbles,
            _ => {
                let some = 1 + chance.below(4) as usize;
                for room in self.rooms.keys().take(some) {
                    link.say(&format!("PART #r{room}"));
                    link.say(&format!("JOIN #r{room}"));
                    link.pending += 2;
                }
            }
        }
        true
    }

    /// Writes and reads once. Says whether something came.
    pub(crate) fn turn(&mut self, logs: &mut [Log], chance: &mut Chance) -> bool {
        let Some(link) = &mut self.link else {
            // Most come back at once. Before all are there, each comes when its wave does: of two connections of one
            // member, the server may let the older one in last.
            if self.at_home && chance.below(4) > 0 {
                self.connect();
            }
            return self.at_home;
        };
        link.write();
        if link.stalled.is_some_and(|until| until > Instant::now()) {
            return false;
        }
        link.stalled = None;
        let mut buffer = [0; 16 * 1024];
        let length = match link.stream.read(&mut buffer) {
            Ok(length @ 1..) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            end @ (Ok(_) | Err(_)) => {
                assert!(link.stage == Stage::Leaving, "{self:?} was closed: {end:?}");
                self.link = None;
                return true;
            }
        };
        let mut input = std::mem::take(&mut link.input);
        input.extend(&buffer[..length]);
        let mut rest = &input[..];
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let element = std::str::from_utf8(&rest[..end]).expect("XML is text");
            if let Err(error) = self.take(element, logs) {
                panic!("{self:?}: {element}: {error}");
            }
            rest = &rest[end + 1..];
        }
        if let Some(link) = &mut self.link {
            link.input = rest.to_vec();
        }
        true
    }

    fn take(&mut self, element: &str, logs: &mut [Log]) -> Result<(), String> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let word = element.split([' ', '>']).next().unwrap_or_default();
        if let Some(room) = link.joined
            && (word, room_of(element)) != ("<room", Some(room))
        {
            return Err("the state of the room should follow the join".into());
        }
        match word {
            "<hello" | "<login" | "<identify" => Ok(()),
            "<pong" if attribute(element, "value") == "in" => {
                link.stage = Stage::In;
                if self.at_home {
                    let rooms = self.rooms.iter().filter(|(_, place)| place.view.is_none());
                    for (room, _) in rooms {
                        link.say(&format!("JOIN #r{room}"));
                        link.pending += 1;
                    }
                }
                Ok(())
            }
            "<pong" => {
                self.ends[1] += 1;
                Ok(())
            }
            "<room" => self.state(element),
            "<join" | "<part" | "<msg" | "<owner" => self.event(element, logs),
            _ => Err("this should not come".into()),
        }
    }

    /// A room's state: after a join, after a takeover, or for WHO.
    fn state(&mut self, element: &str) -> Result<(), String> {
        let (Some(room), Some(link)) = (room_of(element), &mut self.link) else {
            return Err("a room without a name".into());
        };
        let view = View::of(element)?;
        let place = self
            .rooms
            .get_mut(&room)
            .ok_or("not a room of this member")?;
        if link.joined.take().is_some() {
            link.pending -= 1;
            if view.members.last() != Some(&self.nick) {
                return Err("a newcomer is the last in the state".into());
            }
        } else if link.stage == Stage::Begun {
            if !view.members.contains(&self.nick) {
                return Err("the state is of a room that it is in".into());
            }
        } else {
            let (asked, known) = (self.asked.pop(), &place.view);
            return if asked == Some(room) && known.as_ref() == Some(&view) {
                Ok(())
            } else {
                Err(format!(
                    "WHO was asked of {asked:?}, and this is known: {known:?}"
                ))
            };
        }
        place.view = Some(view);
        Ok(())
    }

    fn event(&mut self, element: &str, logs: &mut [Log]) -> Result<(), String> {
        let (Some(room), Some(link)) = (room_of(element), &mut self.link) else {
            return Err("an event of no room".into());
        };
        self.deliveries += 1;
        let place = self
            .rooms
            .get_mut(&room)
            .ok_or("not a room of this member")?;
        let is_own = attribute(element, "aid") == self.nick;
        let stays = self.kind == Kind::Stays;
        let Some(view) = &mut place.view else {
            if !is_own || !element.starts_with("<join ") {
                return Err("an event of a room that it is not in".into());
            }
            link.joined = Some(room);
            if stays {
                place.at = logs[room].begin(element);
            }
            return Ok(());
        };
        if stays {
            logs[room].take(place.at, element)?;
            place.at += 1;
        }
        if is_own && element.starts_with("<part ") {
            link.pending -= 1;
            place.view = None;
            place.last.clear();
            return Ok(());
        }
        view.take(element)?;
        if element.starts_with("<msg ") {
            let from: usize = attribute(element, "aid")[1..]
                .parse()
                .map_err(|_| "no nick")?;
            take_message(&mut place.last, element, kind_of(from - 1) == Kind::Stays)?;
            place.echoed += u32::from(is_own);
        }
        Ok(())
    }

    pub(crate) fn view(&self, room: usize) -> &View {
        let view = self.rooms[&room].view.as_ref();
        view.unwrap_or_else(|| panic!("{self:?} is not in #r{room}"))
    }

    pub(crate) fn sent(&self, room: usize) -> u32 {
        self.rooms[&room].sent
    }

    /// How many messages it has received from another member who stays: they are numbered from 0.
    pub(crate) fn received(&self, room: usize, from: usize) -> u32 {
        self.rooms[&room]
            .last
            .get(&nick(from))
            .map_or(0, |last| last + 1)
    }

    /// Checks that one who stays has received all that any other has.
    pub(crate) fn assert_complete(&self, room: usize, log: &Log) {
        if self.kind == Kind::Stays {
            assert_eq!(
                self.rooms[&room].at,
                log.len(),
                "{self:?} misses events of #r{room}"
            );
        }
    }
}

impl Link {
    fn say(&mut self, command: &str) {
        self.output.extend(command.as_bytes());
        self.output.push(0);
    }

    /// Writes what the socket takes. A broken connection shows when it is read.
    fn write(&mut self) {
        while !self.output.is_empty() {
            let length = if self.dribbles { 1 } else { self.output.len() };
            match self.stream.write(&self.output[..length]) {
                Ok(written) => drop(self.output.drain(..written)),
                Err(_) => return,
            }
        }
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.link.as_ref();
        write!(f, "{}, {:?}, ", self.nick, self.kind)?;
        match link {
            Some(link) => write!(f, "{:?}, {} pending", link.stage, link.pending),
            None => f.write_str("gone"),
        }
    }
}

/// Every fifth member wanders.
pub(crate) fn kind_of(member: usize) -> Kind {
    match member % 5 {
        0 => Kind::Wanders,
        _ => Kind::Stays,
    }
}

fn nick(member: usize) -> String {
    format!("m{}", member + 1)
}
