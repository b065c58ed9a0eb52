//! Plays a scenario on a driver, and compares what clients receive with the transcript.

use std::net::IpAddr;
use std::sync::Arc;

use super::cuts::Cut;
use super::driver::{Appetite, Arrival, Driver, Patience};
use super::frames::{UPGRADE, UPGRADED};
use super::journal::Journal;
use super::outcome::{Against, Failure, Played, Point, Stream};
use super::rewrite::Edit;
use super::step::{Act, ClientId, End, Scenario, Step};
use super::store::Store;
use super::text::difference;
use crate::ManualClock;
use flashgate_core::{ListenerId, Millis, Peer, UnixSeconds};
use flashgate_host::Host;

impl Scenario {
    /// Plays the scenario on the server that `open` starts.
    pub fn play<D: Driver>(
        &self,
        cut: Cut,
        against: Against<'_>,
        open: impl FnOnce(Host) -> Result<D, String>,
    ) -> Result<Played, Failure> {
        let clock = Arc::new(ManualClock::new(STARTED, self.offset));
        let store = Store::new(&self.members);
        let journal = Journal::default();
        let host = Host {
            config: self.config.clone(),
            clock: clock.clone(),
            members: store.clone(),
            log: journal.log(),
            beat: Box::new(|| ()),
            observer: None,
        };
        let driver = open(host).map_err(|message| Failure {
            line: self.line + 1,
            message,
        })?;
        let mut player = Player {
            scenario: self,
            cut,
            against,
            clock,
            store,
            journal,
            driver,
            seen: Vec::new(),
            payloads: 0,
            log: Vec::new(),
            log_told: 0,
            points: Vec::new(),
            edits: Vec::new(),
            stopped: false,
            taken: 0,
        };
        for at in 0..self.steps.len() {
            let line = self.steps[at].lines.start + 1;
            let result = player.step(at);
            result.map_err(|message| Failure { line, message })?;
        }
        let line = self.steps.last().map_or(self.line, |s| s.lines.end);
        player.finish().map_err(|message| Failure { line, message })
    }
}

pub(super) struct Player<'a, D> {
    pub(super) scenario: &'a Scenario,
    cut: Cut,
    pub(super) against: Against<'a>,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    journal: Journal,
    driver: D,
    pub(super) seen: Vec<Seen>,
    payloads: usize,
    /// The log so far, and how many lines of it the transcript has accounted for.
    pub(super) log: Vec<String>,
    pub(super) log_told: usize,
    points: Vec<Point>,
    pub(super) edits: Vec<Edit>,
    stopped: bool,
    /// How many questions the store had taken when their answers had reached the core.
    taken: u64,
}

/// What a client has received so far.
pub(super) struct Seen {
    peer: Peer,
    pub(super) bytes: Vec<u8>,
    /// How many of them the transcript has accounted for.
    pub(super) told: usize,
    end: Option<End>,
    /// The transcript has accounted for the end too.
    end_told: bool,
}

impl Seen {
    /// How the bytes that the transcript has not accounted for differ from the expected ones.
    fn difference(&self, expected: &[u8]) -> String {
        let (told, unread) = self.bytes.split_at(self.told);
        difference(told, expected, unread)
    }
}

impl<D: Driver> Player<'_, D> {
    fn step(&mut self, at: usize) -> Result<(), String> {
        match &self.scenario.steps[at].step {
            Step::Client(client, act) => return self.act(at, *client, act),
            Step::Time(span) => {
                self.nothing_more("before time passes")?;
                self.clock.advance(*span);
                self.driver.settle()?;
            }
            Step::StoreMood(mood) => self.store.set_mood(*mood),
            Step::StoreAnswers(which, verdict) => {
                self.store.answer(*which, *verdict)?;
                self.driver.settle()?;
            }
            Step::StoreHas(count) => {
                let kept = self.store.kept();
                if kept != *count {
                    return Err(format!("the store has {kept} questions waiting"));
                }
            }
            Step::Member(id, change) => {
                let event = self.store.change(*id, change);
                self.driver.member(event)?;
            }
            Step::Configure(config) => self.driver.configure(config.clone())?,
            Step::Announce(text) => self.driver.announce(text)?,
            Step::Kick(member, reason) => self.driver.kick(member, reason.as_deref())?,
            Step::Shutdown => {
                self.stopped = true;
                self.driver.shutdown()?;
            }
            Step::ServerEnds => {
                if !self.driver.ended(Patience::Some)? {
                    return Err("the server has not ended".into());
                }
            }
            Step::Log(line) => return self.log(at, line),
        }
        self.sync()
    }

    fn act(&mut self, at: usize, client: ClientId, act: &Act) -> Result<(), String> {
        match act {
            Act::Connect { from, to } => self.connect(*from, *to)?,
            Act::Send(bytes) => return self.send(client, bytes),
            Act::Upgrade => {
                self.send(client, UPGRADE)?;
                // No other answer is written in its place: the line says what must come.
                if !self.gets(client, UPGRADED)? {
                    return Err(self.got_otherwise(client, UPGRADED));
                }
                return Ok(());
            }
            Act::HalfClose => self.driver.half_close(client)?,
            Act::Reset => {
                self.leaves(client);
                self.driver.reset(client)?;
            }
            Act::Vanish => {
                self.leaves(client);
                self.driver.vanish(client)?;
            }
            Act::StopReading => self.driver.appetite(client, Appetite::Bytes(0))?,
            Act::Take(count) => self.driver.appetite(client, Appetite::Bytes(*count))?,
            Act::ReadOn => self.driver.appetite(client, Appetite::All)?,
            Act::Sees(bytes) => return self.sees(at, client, bytes),
            Act::SeesEnd(end) => return self.sees_end(client, *end),
        }
        self.sync()
    }

    /// Notes that the client has left, and receives nothing more.
    fn leaves(&mut self, client: ClientId) {
        let seen = &mut self.seen[client];
        (seen.end, seen.end_told) = (Some(End::Cut), true);
    }

    fn send(&mut self, client: ClientId, bytes: &[u8]) -> Result<(), String> {
        self.payloads += 1;
        let bytes = self.driver.encode(client, bytes);
        let pieces = self.cut.pieces(self.payloads, &bytes);
        let mut sent = 0;
        for (nth, piece) in pieces.iter().enumerate() {
            if self.waits(pieces.len() - nth) {
                // The server does not read now: the pieces would depend on when it begins to.
                self.driver.send(client, &bytes[sent..])?;
                return pieces[nth..].iter().try_for_each(|_| self.sync());
            }
            self.driver.send(client, piece)?;
            self.sync()?;
            sent += piece.len();
        }
        Ok(())
    }

    /// Whether the server will not read the next `pieces` until something else happens.
    fn waits(&self, pieces: usize) -> bool {
        let Against::Core(core) = self.against else {
            return false;
        };
        let from = self.points.len().saturating_sub(1);
        let points = core.points.get(from..=from + pieces).unwrap_or_default();
        !points.is_empty() && points.iter().all(|p| p.reached == points[0].reached)
    }

    fn connect(&mut self, from: Option<IpAddr>, to: ListenerId) -> Result<(), String> {
        self.take_log();
        let peer = self.driver.connect(from, to)?;
        self.seen.push(Seen {
            peer,
            bytes: Vec::new(),
            told: 0,
            end: None,
            end_told: false,
        });
        Ok(())
    }

    /// Waits until the driver has the progress that the core had at this point.
    fn sync(&mut self) -> Result<(), String> {
        let point = match self.against {
            Against::Core(core) => core.points.get(self.points.len()).copied(),
            Against::Nothing | Against::Rewrite => None,
        };
        if let Some(point) = point {
            self.wait_for(point)?;
        }
        while self.taken != self.store.taken() {
            self.taken = self.store.taken();
            self.driver.settle()?; // an answer is on its way, and may lead to the next question
        }
        if let Some(point) = point {
            self.wait_for(point)?;
        }
        self.take_log();
        self.points.push(Point {
            reached: self.driver.reached(),
            taken: self.store.taken(),
        });
        Ok(())
    }

    fn wait_for(&mut self, point: Point) -> Result<(), String> {
        let (driver, store) = (&self.driver, &self.store);
        driver.wait(&|| driver.reached() >= point.reached);
        let reached = driver.reached();
        if reached != point.reached {
            let target = point.reached;
            return Err(format!(
                "{reached} bytes have reached the core, where the bare core would take {target}"
            ));
        }
        driver.wait(&|| store.taken() >= point.taken);
        let taken = store.taken();
        if taken != point.taken {
            let target = point.taken;
            return Err(format!(
                "the store was asked {taken} times, by the bare core {target} times"
            ));
        }
        Ok(())
    }

    fn sees(&mut self, at: usize, client: ClientId, expected: &[u8]) -> Result<(), String> {
        if self.gets(client, expected)? {
            return Ok(());
        }
        if let Against::Rewrite = self.against {
            self.rewrite_seen(at, client);
            return Ok(());
        }
        Err(self.got_otherwise(client, expected))
    }

    /// Whether these are the next bytes that a client receives; if so, they are accounted for.
    fn gets(&mut self, client: ClientId, expected: &[u8]) -> Result<bool, String> {
        let told = self.seen[client].told;
        loop {
            let unread = &self.seen[client].bytes[told..];
            let common = unread.len().min(expected.len());
            let right = unread[..common] == expected[..common];
            if right && common == expected.len() {
                self.seen[client].told += common;
                return Ok(true);
            }
            if !right || !self.arrival(client, Patience::Some)? {
                return Ok(false);
            }
        }
    }

    fn got_otherwise(&self, client: ClientId, expected: &[u8]) -> String {
        let seen = &self.seen[client];
        let ended = match seen.end {
            Some(end) => format!("\n  and then the connection ended ({end:?})"),
            None => String::new(),
        };
        let difference = seen.difference(expected);
        format!("{} got{difference}{ended}", self.name(client))
    }

    fn sees_end(&mut self, client: ClientId, expected: End) -> Result<(), String> {
        while self.arrival(client, Patience::Some)? {}
        let name = self.name(client);
        let seen = &mut self.seen[client];
        let Some(end) = seen.end else {
            return Err(format!("{name} is still connected"));
        };
        if expected != End::Cut && seen.told != seen.bytes.len() {
            let difference = seen.difference(b"");
            return Err(format!("{name} got more before the end{difference}"));
        }
        let right = if self.driver.knows_ends() {
            end == expected
        } else {
            // A socket that is closed with unread bytes in it resets the connection.
            end == expected || expected != End::Closed
        };
        if seen.end_told || !right {
            return Err(format!("{name}'s connection has ended otherwise: {end:?}"));
        }
        seen.end_told = true;
        seen.told = seen.bytes.len();
        Ok(())
    }

    /// Takes what a client received. Returns whether there was anything.
    fn arrival(&mut self, client: ClientId, patience: Patience) -> Result<bool, String> {
        if self.seen[client].end.is_some() {
            return Ok(false);
        }
        match self.driver.read(client, patience)? {
            Arrival::Nothing => Ok(false),
            Arrival::Bytes(bytes) => {
                self.seen[client].bytes.extend(bytes);
                Ok(true)
            }
            Arrival::End(end) => {
                self.seen[client].end = Some(end);
                Ok(false)
            }
        }
    }

    /// Checks that no client has received anything that the transcript does not account for.
    fn nothing_more(&mut self, when: &str) -> Result<(), String> {
        for client in 0..self.seen.len() {
            while self.arrival(client, Patience::None)? {}
            let (name, seen) = (self.name(client), &self.seen[client]);
            if seen.told != seen.bytes.len() {
                let difference = seen.difference(b"");
                return Err(format!("{name} got more {when}{difference}"));
            }
            if let (Some(end), false) = (seen.end, seen.end_told) {
                return Err(format!("{name}'s connection has ended {when}: {end:?}"));
            }
        }
        Ok(())
    }

    fn log(&mut self, at: usize, expected: &str) -> Result<(), String> {
        for _ in 0..SOME_TURNS {
            self.take_log();
            match self.log.get(self.log_told) {
                Some(line) if line == expected => {
                    self.log_told += 1;
                    return Ok(());
                }
                Some(_) => break,
                None => self.driver.settle()?,
            }
        }
        if let Against::Rewrite = self.against {
            self.rewrite_log(at);
            return Ok(());
        }
        let line = self.log.get(self.log_told);
        let line = line.map_or("nothing more", String::as_str);
        Err(format!("the log says\n  {line}"))
    }

    /// Takes new log lines. Addresses become clients' names at once, because a later client may have the same port.
    fn take_log(&mut self) {
        let lines = self.journal.take(|peer| {
            // Those of a Unix socket are all alike.
            let named = self.seen.iter().rposition(|seen| seen.peer == peer);
            let client = named.filter(|_| peer != Peer::Unix);
            client.map_or_else(|| format!("{peer}"), |client| self.name(client))
        });
        self.log.extend(lines);
    }

    pub(super) fn name(&self, client: ClientId) -> String {
        self.scenario.clients[client].clone()
    }

    /// Checks at the end of the transcript that nothing more came, and that a stop ends the server.
    fn finish(mut self) -> Result<Played, String> {
        self.nothing_more("and the transcript is over")?;
        self.take_log();
        if self.scenario.has_log()
            && let Some(line) = self.log.get(self.log_told)
        {
            return Err(format!("and the log says\n  {line}"));
        }
        for client in 0..self.seen.len() {
            if self.seen[client].end.is_none() && self.driver.knows_ends() {
                self.driver.appetite(client, Appetite::All)?;
            }
        }
        if !self.stopped {
            self.driver.shutdown()?;
        }
        for _ in 0..SECONDS_TO_STOP {
            if self.driver.ended(Patience::None)? {
                break;
            }
            self.clock.advance(Millis::from_secs(1));
            self.driver.settle()?;
        }
        if !self.driver.ended(Patience::Some)? {
            return Err("the server does not stop".into());
        }
        for client in 0..self.seen.len() {
            while self.arrival(client, Patience::Some)? {}
        }
        let streams = self.seen.iter().enumerate();
        let streams = streams.map(|(client, seen)| Stream {
            client: self.name(client),
            bytes: seen.bytes.clone(),
            end: seen.end.unwrap_or(End::Cut),
        });
        Ok(Played {
            streams: streams.collect(),
            points: self.points,
            edits: self.edits,
        })
    }
}

/// The moment every transcript begins: 2007-07-10 10:54:02, in UTC.
const STARTED: UnixSeconds = UnixSeconds(1_184_064_842);

/// How often to look for a log line before it is missing.
const SOME_TURNS: usize = 20;

/// Longer than any time that a stop waits for a client.
const SECONDS_TO_STOP: usize = 120;
