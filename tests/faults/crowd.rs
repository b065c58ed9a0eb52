//! The visitors of the server. Each thread drives one visitor of the simulation after the other over a real socket, and
//! causes the faults of networks and people.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flashgate_testing::sim::{Guest, Heard, Left, Party, Visitor};
use socket2::{Domain, SockRef, Socket, Type};

/// What visitors do to their connections, per 1,000 acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// A reset.
    pub(crate) reset: u64,
    /// The end of the connection, with bytes unread.
    pub(crate) cut: u64,
    /// A pause in reading.
    pub(crate) stall: u64,
    /// How many of 100 chats stop reading after their login, and have a small receive buffer.
    pub(crate) deaf: u64,
    /// The longest pause of passing visitors and of staying ones, in milliseconds.
    pub(crate) think: [u64; 2],
    /// The most bytes of a command.
    pub(crate) command: usize,
}

impl Manners {
    /// Visitors with few faults, for tests in which the server has them.
    pub(crate) const GOOD: Self = Self {
        reset: 3,
        cut: 3,
        stall: 3,
        deaf: 0,
        think: [60, 400],
        command: 1500,
    };
}

/// Counts of what happened so far, to all visitors.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) visits: AtomicU64,
    pub(crate) logins: AtomicU64,
    /// Logins of visitors who stay.
    pub(crate) settled: AtomicU64,
    pub(crate) later: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) pongs: AtomicU64,
    pub(crate) faults: AtomicU64,
}

/// All visitors.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<Met>>>,
}

/// A visitor who has left, and the server that it visited.
pub(crate) struct Met {
    pub(crate) visitor: Visitor,
    pub(crate) server: usize,
}

struct Shared {
    party: Party,
    to: SocketAddr,
    manners: Manners,
    mood: AtomicU8,
    server: AtomicUsize,
    next: AtomicU64,
    counts: Counts,
}

impl Crowd {
    pub(crate) fn gather(party: Party, to: SocketAddr, manners: Manners) -> Self {
        let shared = Arc::new(Shared {
            party,
            to,
            manners,
            mood: AtomicU8::new(PLAY),
            server: AtomicUsize::new(0),
            next: AtomicU64::new(1),
            counts: Counts::default(),
        });
        let worker = |n: u64| {
            let shared = Arc::clone(&shared);
            let guest = if n < STAYING {
                Guest::Staying
            } else {
                Guest::Passing
            };
            thread::spawn(move || shared.visit_until_the_end(guest))
        };
        Self {
            threads: (0..STAYING + PASSING).map(worker).collect(),
            shared,
        }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Pauses all visitors; they stay connected.
    pub(crate) fn hush(&self) {
        self.shared.mood.store(HUSH, Relaxed);
    }

    /// Lets them go on.
    pub(crate) fn play(&self) {
        self.shared.mood.store(PLAY, Relaxed);
    }

    /// From now on they visit another server.
    pub(crate) fn next_server(&self) {
        self.shared.server.fetch_add(1, Relaxed);
    }

    /// No new visitor comes, and the present ones read to the end.
    pub(crate) fn last_words(&self) {
        self.shared.mood.store(GO, Relaxed);
    }

    /// Waits until all have left, and returns them.
    pub(crate) fn disperse(self) -> Vec<Met> {
        let met = self.threads.into_iter().map(|thread| thread.join());
        met.flat_map(|met| met.expect("every visitor hears what it may hear"))
            .collect()
    }
}

impl Shared {
    fn visit_until_the_end(&self, guest: Guest) -> Vec<Met> {
        let mut all = Vec::new();
        while self.mood() != GO {
            match self.visit(guest) {
                Ok(met) => all.push(met),
                // The server does not listen yet: it is being started.
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
        all
    }

    fn visit(&self, guest: Guest) -> io::Result<Met> {
        let number = self.next.fetch_add(1, Relaxed);
        let mut chance = Chance::new(number);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // Every visitor has an address of its own, by which it is found in the recording.
        let from = Ipv4Addr::from(0x7f01_0000 + u32::try_from(number).expect("few visitors"));
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        let peer = socket.local_addr()?.as_socket().expect("an address");
        let visitor = self.party.visitor(number, peer, guest);
        let passing = guest == Guest::Passing;
        let deaf = passing && visitor.chats() && chance.of(100, self.manners.deaf);
        if deaf {
            // Little fits into the network, so that bytes soon wait at the server.
            socket.set_recv_buffer_size(4096)?;
            socket.set_tcp_mss(88)?;
        }
        let server = self.server.load(Relaxed);
        socket.connect(&self.to.into())?;
        self.counts.visits.fetch_add(1, Relaxed);
        let socket = TcpStream::from(socket);
        socket.set_write_timeout(Some(Duration::from_secs(2)))?;
        socket.set_nodelay(true)?;
        let visit = Visit {
            shared: self,
            guest,
            socket,
            visitor,
            chance,
            deaf,
            is_in: false,
            mute: false,
            was_reset: false,
            stalled: None,
            since: Instant::now(),
        };
        Ok(Met {
            visitor: visit.lead(),
            server,
        })
    }

    fn mood(&self) -> u8 {
        self.mood.load(Relaxed)
    }
}

/// A visitor with its connection.
struct Visit<'a> {
    shared: &'a Shared,
    guest: Guest,
    socket: TcpStream,
    visitor: Visitor,
    chance: Chance,
    deaf: bool,
    /// It has logged in.
    is_in: bool,
    /// The server no longer listens.
    mute: bool,
    /// A write has failed because the connection was reset. The kernel reports a reset once only: reads then
    /// find what came before, and an end as if in good order.
    was_reset: bool,
    stalled: Option<Instant>,
    /// When it last sent or received something.
    since: Instant,
}

impl Visit<'_> {
    fn lead(mut self) -> Visitor {
        let how = loop {
            if let Some(left) = self.act().or_else(|| self.suffer()).or_else(|| self.read()) {
                break left;
            }
            if self.visitor.is_over() && self.since.elapsed() > PATIENCE {
                break Left::CutOff;
            }
        };
        self.visitor.left(how);
        self.visitor
    }

    fn act(&mut self) -> Option<Left> {
        let silent = self.shared.mood() != PLAY || self.mute || self.stalled.is_some();
        if silent || self.visitor.is_over() {
            return None;
        }
        let turn = self.visitor.act(&self.shared.party);
        self.since = Instant::now();
        let left = self.write(&turn.bytes);
        if turn.last && left.is_none() {
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        left
    }

    /// Sends all of it. If only a part can be sent, which would mean something else, it resets the connection.
    fn write(&mut self, bytes: &[u8]) -> Option<Left> {
        if self.mute {
            return None;
        }
        match self.socket.write_all(bytes) {
            Ok(()) => None,
            Err(error) if is_late(&error) => Some(self.reset()),
            Err(error) => {
                self.mute = true;
                self.was_reset |= error.kind() == io::ErrorKind::ConnectionReset;
                None
            }
        }
    }

    /// Causes a fault, sometimes.
    fn suffer(&mut self) -> Option<Left> {
        let manners = &self.shared.manners;
        if self.guest == Guest::Staying || self.shared.mood() != PLAY {
            if self.shared.mood() == GO {
                self.stalled = None;
            }
            return None;
        }
        if self.stalled.is_some_and(|until| until <= Instant::now()) {
            self.stalled = None;
        }
        if self.stalled.is_some() {
            return None;
        }
        let counts = &self.shared.counts;
        let left = if self.deaf && self.is_in {
            self.deaf = false;
            self.stalled = Some(Instant::now() + DEAF);
            None
        } else if self.chance.of(1000, manners.stall) {
            let time = Duration::from_millis(self.chance.below(1500));
            self.stalled = Some(Instant::now() + time);
            None
        } else if self.chance.of(1000, manners.reset) {
            Some(self.reset())
        } else if self.chance.of(1000, manners.cut) {
            Some(Left::CutOff)
        } else {
            return None;
        };
        counts.faults.fetch_add(1, Relaxed);
        left
    }

    fn reset(&self) -> Left {
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        Left::CutOff
    }

    /// Reads what there is during its pause.
    fn read(&mut self) -> Option<Left> {
        let longest = match self.guest {
            Guest::Passing => self.shared.manners.think[0],
            Guest::Staying => self.shared.manners.think[1],
        };
        let think = Duration::from_millis(1 + self.chance.below(longest));
        if self.stalled.is_some() {
            thread::sleep(think.min(Duration::from_millis(20)));
            return None;
        }
        let until = Instant::now() + think;
        let mut buffer = [0; 16 * 1024];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let _ = self.socket.set_read_timeout(Some(left));
            match self.socket.read(&mut buffer) {
                Ok(0) if self.was_reset => return Some(Left::WasReset),
                Ok(0) => return Some(Left::ReadToTheEnd),
                Ok(length) => {
                    self.since = Instant::now();
                    let heard = self.visitor.hear(&buffer[..length]);
                    self.count(&heard);
                    if let Some(left) = self.write(&heard.reply) {
                        return Some(left);
                    }
                }
                Err(error) if is_late(&error) => return None,
                Err(_) => return Some(Left::WasReset),
            }
        }
    }

    fn count(&mut self, heard: &Heard) {
        self.is_in |= heard.logins > 0;
        let counts = &self.shared.counts;
        counts.logins.fetch_add(heard.logins, Relaxed);
        if self.guest == Guest::Staying {
            counts.settled.fetch_add(heard.logins, Relaxed);
        }
        counts.later.fetch_add(heard.later, Relaxed);
        counts.messages.fetch_add(heard.messages, Relaxed);
        counts.pongs.fetch_add(heard.pongs, Relaxed);
    }
}

/// Whether a socket's timeout has passed.
fn is_late(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    [Interrupted, TimedOut, WouldBlock].contains(&error.kind())
}

/// A random generator that is good enough for faults (xorshift64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }

    fn of(&mut self, parts: u64, chance: u64) -> bool {
        self.below(parts) < chance
    }
}

const PLAY: u8 = 0;
const HUSH: u8 = 1;
const GO: u8 = 2;

const STAYING: u64 = 4;
pub(crate) const PASSING: u64 = 10;

/// Longer than the server waits for a slow client.
const DEAF: Duration = Duration::from_secs(8);

/// A visitor that has sent everything leaves after it received nothing for this time.
const PATIENCE: Duration = Duration::from_secs(6);
