//! The latency of messages while many connections send bytes that lead to no command, and while these connections are
//! silent.

use std::io::{ErrorKind, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::sockopt;

use crate::crowd::{self, Listen, Outs};
use crate::fault::Fault;
use crate::load::Seat;
use crate::loads::pairs::PAIRS;
use crate::paced::{Paced, TURN};

/// What leads to no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noise {
    Nuls,
    EmptyFrames,
    Pongs,
}

impl Noise {
    pub(crate) const ALL: [Self; 3] = [Self::Nuls, Self::EmptyFrames, Self::Pongs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nuls => "NULs",
            Self::EmptyFrames => "frames",
            Self::Pongs => "pongs",
        }
    }

    /// One of them: a frame has its mask behind two bytes.
    fn one(self) -> &'static [u8] {
        match self {
            Self::Nuls => b"\0",
            Self::EmptyFrames => b"\x82\x80mask",
            Self::Pongs => b"\x8a\x80mask",
        }
    }
}

/// Members who talk at a fixed rate, each well below the limit on commands.
pub(crate) struct Talkers {
    pairs: Paced,
    latencies: Vec<Duration>,
}

impl Talkers {
    pub(crate) fn new(seat: &mut Seat) -> Result<Self, Fault> {
        seat.fill(2 * PAIRS)?;
        let pairs = (0..PAIRS).map(|n| (2 * n, 2 * n + 1, 2 * n + 2));
        Ok(Self {
            pairs: Paced::new(MESSAGES_A_SECOND, pairs),
            latencies: Vec::new(),
        })
    }

    /// The median latency, in microseconds, beside silent connections and beside the same connections once they
    /// make noise.
    pub(crate) fn medians(
        &mut self,
        seat: &mut Seat,
        noise: Noise,
        length: Duration,
    ) -> Result<[f64; 2], Fault> {
        let noisy = Noisy::connect(seat.server.address, noise)?;
        let silent = self.latency(seat, length, MEDIAN)?;
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let noisy = scope.spawn(|| noisy.run(noise, &is_over));
            let loud = self.latency(seat, length, MEDIAN);
            is_over.store(true, SeqCst);
            let panicked = |_| Err(Fault::new("a thread of the load has panicked"));
            noisy.join().unwrap_or_else(panicked)?;
            Ok([silent, loud?])
        })
    }

    /// The latency that this many percent of the messages do not exceed, in microseconds.
    pub(crate) fn latency(
        &mut self,
        seat: &mut Seat,
        length: Duration,
        percent: usize,
    ) -> Result<f64, Fault> {
        self.latencies.clear();
        self.pairs.restart();
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.pairs.send(&mut seat.crowd);
            seat.crowd.during(TURN, self)?;
        }
        seat.crowd
            .until(self, |talkers| talkers.pairs.under_way() == 0)?;
        self.latencies.sort_unstable();
        let at = self.latencies.len() * percent / 100;
        let latency = self.latencies.get(at);
        let latency = latency.ok_or_else(|| Fault::new("no messages"))?;
        Ok(latency.as_secs_f64() * 1e6)
    }
}

impl Listen for Talkers {
    fn answer(&mut self, _: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        if client.is_multiple_of(2) {
            return self.pairs.echoed(client / 2, answer);
        }
        self.latencies
            .push(self.pairs.delivered(client / 2, answer)?);
        Ok(())
    }
}

/// Connections that send as much as the server takes. They are reset in the end: what the system holds of theirs
/// would take the server minutes.
struct Noisy {
    connections: Vec<TcpStream>,
}

impl Noisy {
    fn connect(server: SocketAddr, noise: Noise) -> Result<Self, Fault> {
        let connect = || -> Result<TcpStream, Fault> {
            let mut stream = TcpStream::connect(server)?;
            sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
            sockopt::set_socket_send_buffer_size(&stream, HELD)?;
            if noise == Noise::Nuls {
                // Recognised as a chat.
                stream.write_all(b"\0")?;
            } else {
                crowd::upgrade(&stream)?;
            }
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        let connections = (0..CONNECTIONS).map(|_| connect());
        Ok(Self {
            connections: connections.collect::<Result<_, _>>()?,
        })
    }

    fn run(&self, noise: Noise, is_over: &AtomicBool) -> Result<(), Fault> {
        let one = noise.one();
        let chunk = one.repeat(AT_ONCE / one.len());
        // How many bytes of its chunk each has sent.
        let mut sent = vec![0; self.connections.len()];
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (n, stream) in self.connections.iter().enumerate() {
            let data = epoll::EventData::new_u64(n as u64);
            epoll::add(&epoll, stream, data, epoll::EventFlags::OUT)?;
        }
        let mut space = [const { MaybeUninit::<epoll::Event>::uninit() }; 256];
        let timeout = Timespec::try_from(TURN).map_err(|error| Fault::new(error.to_string()))?;
        while !is_over.load(SeqCst) {
            let events = match epoll::wait(&epoll, &mut space, Some(&timeout)) {
                Ok((events, _)) => events,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in events {
                let n = event.data.u64() as usize;
                match (&self.connections[n]).write(&chunk[sent[n]..]) {
                    Ok(length) => sent[n] = (sent[n] + length) % chunk.len(),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(Fault::from(error).during("the noise")),
                }
            }
        }
        Ok(())
    }
}

const MEDIAN: usize = 50;

const CONNECTIONS: usize = 240;

const MESSAGES_A_SECOND: f64 = 400.0;

/// Bytes in one write.
const AT_ONCE: usize = 6 * 1024;

/// Bytes that the system holds for the sender of a connection.
const HELD: usize = 16 * 1024;
