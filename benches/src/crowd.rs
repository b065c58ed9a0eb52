//! Many clients of one server in one epoll loop. Each writes as soon as it has something to send, as separate programs
//! would.

use std::io::{self, Read, Write};
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

use crate::fault::Fault;
use crate::stream::Stream;
use crate::tls::Clients;
use crate::wire::{Found, Wire};

/// The clients of one server.
pub(crate) struct Crowd {
    server: SocketAddr,
    /// The wire of the next client.
    wire: Wire,
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    outs: Outs,
    buffer: Vec<u8>,
    /// Connections so far, by which their addresses are chosen.
    connected: usize,
    /// For clients over TLS.
    pub(crate) tls: Option<Clients>,
    /// Whether each connection begins with a PROXY header.
    pub(crate) proxied: bool,
}

struct Client {
    stream: Stream,
    /// The start of an incomplete answer.
    partial: Vec<u8>,
    /// Whether its output waits for space in the socket.
    blocked: bool,
    reading: Reading,
}

/// Whether to wait until a connection is established.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connect {
    Wait,
    Soon,
}

/// When a new client can say something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Now,
    Later,
}

/// Whether a client reads what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Open,
    Stopped,
}

/// What the clients will send.
pub(crate) struct Outs {
    /// What each speaks.
    wires: Vec<Wire>,
    waiting: Vec<Vec<u8>>,
    touched: Vec<usize>,
}

/// Takes an answer and the client that got it; may have any client send a command.
pub(crate) trait Listen {
    fn answer(&mut self, outs: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault>;

    /// The server has closed a connection, which few loads expect.
    fn closed(&mut self, _client: usize) -> Result<(), Fault> {
        Err(Fault::new("the server has closed a connection"))
    }
}

impl<F: FnMut(&mut Outs, usize, &[u8]) -> Result<(), Fault>> Listen for F {
    fn answer(&mut self, outs: &mut Outs, client: usize, answer: &[u8]) -> Result<(), Fault> {
        self(outs, client, answer)
    }
}

impl Outs {
    /// Has a client send a command.
    pub(crate) fn send(&mut self, client: usize, command: &[u8]) {
        self.touch(client);
        self.wires[client].put(command, &mut self.waiting[client]);
    }

    fn touch(&mut self, client: usize) {
        if self.waiting[client].is_empty() {
            self.touched.push(client);
        }
    }
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr, wire: Wire) -> Result<Self, Fault> {
        Ok(Self {
            server,
            wire,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            clients: Vec::new(),
            outs: Outs {
                wires: Vec::new(),
                waiting: Vec::new(),
                touched: Vec::new(),
            },
            buffer: vec![0; 256 * 1024],
            connected: 0,
            tls: None,
            proxied: false,
        })
    }

    /// A crowd without clients yet, for the same server. Its clients connect in the same way.
    pub(crate) fn afresh(&self) -> Result<Self, Fault> {
        let mut crowd = Self::new(self.server, self.wire)?;
        crowd.tls.clone_from(&self.tls);
        crowd.proxied = self.proxied;
        Ok(crowd)
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Sets the wire of the next client.
    pub(crate) fn set_wire(&mut self, wire: Wire) {
        self.wire = wire;
    }

    /// Adds a client. Returns its place.
    pub(crate) fn add(&mut self) -> Result<usize, Fault> {
        let place = self.add_place();
        self.connect(place)?;
        Ok(place)
    }

    /// Adds an empty place. Returns it.
    pub(crate) fn add_place(&mut self) -> usize {
        self.clients.push(None);
        self.outs.waiting.push(Vec::new());
        self.outs.wires.push(self.wire);
        self.clients.len() - 1
    }

    /// Has a new client take a place that is free.
    pub(crate) fn connect(&mut self, place: usize) -> Result<(), Fault> {
        let mut socket = connect(self.server, self.next_address(), Connect::Wait)?;
        if self.proxied {
            socket.write_all(&proxy_header(self.connected))?;
        }
        if matches!(self.wire, Wire::Binary | Wire::Text) {
            upgrade(&socket)?;
        }
        let stream = match &self.tls {
            Some(clients) => clients.handshake(socket)?,
            None => Stream::new(socket, None),
        };
        stream.socket.set_nonblocking(true)?;
        self.take_place(place, stream, Said::Now)
    }

    /// Begins to connect without waiting; the first command is sent as soon as the connection is established.
    pub(crate) fn connect_soon(&mut self, place: usize, first: Option<&[u8]>) -> Result<(), Fault> {
        let socket = connect(self.server, self.next_address(), Connect::Soon)?;
        let stream = Stream::new(socket, None);
        self.outs.waiting[place].clear();
        if let Some(first) = first {
            self.outs.wires[place].put(first, &mut self.outs.waiting[place]);
        }
        self.take_place(place, stream, Said::Later)
    }

    /// Uses the addresses in turn: the ports of one would run out.
    fn next_address(&mut self) -> Ipv4Addr {
        let host = (self.connected % ADDRESSES) as u8;
        self.connected += 1;
        Ipv4Addr::new(127, 0, 1, 1 + host)
    }

    fn take_place(&mut self, place: usize, stream: Stream, said: Said) -> Result<(), Fault> {
        let data = epoll::EventData::new_u64(place as u64);
        let mut flags = epoll::EventFlags::IN;
        flags.set(epoll::EventFlags::OUT, said == Said::Later);
        epoll::add(&self.epoll, &stream.socket, data, flags)?;
        self.outs.wires[place] = self.wire;
        self.clients[place] = Some(Client {
            stream,
            partial: Vec::new(),
            blocked: said == Said::Later,
            reading: Reading::Open,
        });
        Ok(())
    }

    /// Has a client close its connection.
    pub(crate) fn leave(&mut self, place: usize) {
        self.clients[place] = None;
        self.outs.waiting[place].clear();
    }

    /// Resets a client's connection.
    pub(crate) fn reset(&mut self, place: usize) -> Result<(), Fault> {
        if let Some(client) = &self.clients[place] {
            sockopt::set_socket_linger(&client.stream.socket, Some(Duration::ZERO))?;
        }
        self.leave(place);
        Ok(())
    }

    /// Has a client send a command.
    pub(crate) fn send(&mut self, place: usize, command: &[u8]) -> Result<(), Fault> {
        self.outs.send(place, command);
        self.say()
    }

    /// What clients will send before they receive anything.
    pub(crate) fn outs(&mut self) -> &mut Outs {
        &mut self.outs
    }

    /// Has a client stop reading, or go on.
    pub(crate) fn set_reading(&mut self, place: usize, reading: Reading) -> Result<(), Fault> {
        let client = self.clients[place].as_mut().ok_or_else(gone)?;
        client.reading = reading;
        client.watch(&self.epoll, place)
    }

    /// Limits the system's buffer for a client that does not read to that of one that does.
    pub(crate) fn limit_receive_buffer(&mut self, place: usize) -> Result<(), Fault> {
        let client = self.clients[place].as_mut().ok_or_else(gone)?;
        let limited = sockopt::set_socket_recv_buffer_size(&client.stream.socket, 256 * 1024);
        Ok(limited?)
    }

    /// Receives until `done` returns true; a long silence means that something was lost.
    pub(crate) fn until<L: Listen>(
        &mut self,
        listen: &mut L,
        mut done: impl FnMut(&L) -> bool,
    ) -> Result<(), Fault> {
        let mut last = Instant::now();
        while !done(listen) {
            if self.turn(POLL, listen)? > 0 {
                last = Instant::now();
            } else if last.elapsed() > PATIENCE {
                return Err(Fault::new("lost: what should have come has not"));
            }
        }
        Ok(())
    }

    /// Receives for a while.
    pub(crate) fn during(
        &mut self,
        length: Duration,
        listen: &mut impl Listen,
    ) -> Result<(), Fault> {
        let end = Instant::now() + length;
        while let left @ 1.. = end.saturating_duration_since(Instant::now()).as_nanos() {
            self.turn(POLL.min(Duration::from_nanos(left as u64)), listen)?;
        }
        Ok(())
    }

    /// Receives for a while, in which nothing should come.
    pub(crate) fn settle(&mut self, listen: &mut impl Listen) -> Result<(), Fault> {
        self.during(SETTLED, listen)
    }

    /// Waits once. Returns how many clients had something to read.
    fn turn(&mut self, longest: Duration, listen: &mut impl Listen) -> Result<usize, Fault> {
        self.say()?;
        let timeout = Timespec::try_from(longest).map_err(|error| Fault::new(error.to_string()))?;
        let mut space = [const { MaybeUninit::<epoll::Event>::uninit() }; 1024];
        let events = match epoll::wait(&self.epoll, &mut space, Some(&timeout)) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => &mut [],
            Err(error) => return Err(error.into()),
        };
        let mut read = 0;
        for event in events {
            let (data, flags) = (event.data, event.flags);
            let place = data.u64() as usize;
            if flags.contains(epoll::EventFlags::OUT) {
                self.flush(place)?;
            }
            if flags.intersects(!epoll::EventFlags::OUT) {
                read += 1;
                self.read(place, listen)?;
            }
        }
        Ok(read)
    }

    fn read(&mut self, place: usize, listen: &mut impl Listen) -> Result<(), Fault> {
        let Some(client) = &mut self.clients[place] else {
            return Ok(());
        };
        let length = match client.stream.read(&mut self.buffer) {
            Ok(0) => return self.closed(place, listen),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => {
                let closed = self.closed(place, listen);
                return closed.map_err(|fault| fault.during(error));
            }
        };
        let wire = self.outs.wires[place];
        let buffer = mem::take(&mut self.buffer);
        let mut is_open = true;
        if client.partial.is_empty() {
            let (taken, open) = take(wire, &mut self.outs, place, &buffer[..length], listen)?;
            is_open = open;
            client.partial.extend(&buffer[taken..length]);
        } else {
            let mut whole = mem::take(&mut client.partial);
            whole.extend(&buffer[..length]);
            // The kept bytes hold no terminator, so only the new ones are searched: a LIST comes in many pieces.
            if wire != Wire::Raw || buffer[..length].contains(&0) {
                let (taken, open) = take(wire, &mut self.outs, place, &whole, listen)?;
                is_open = open;
                whole.drain(..taken);
            }
            client.partial = whole;
        }
        self.buffer = buffer;
        if !is_open {
            self.closed(place, listen)?;
        }
        self.say()
    }

    fn closed(&mut self, place: usize, listen: &mut impl Listen) -> Result<(), Fault> {
        self.leave(place);
        listen.closed(place)
    }

    fn say(&mut self) -> Result<(), Fault> {
        let mut touched = mem::take(&mut self.outs.touched);
        for place in touched.drain(..) {
            self.flush(place)?;
        }
        self.outs.touched = touched;
        Ok(())
    }

    fn flush(&mut self, place: usize) -> Result<(), Fault> {
        let Some(client) = &mut self.clients[place] else {
            return Ok(());
        };
        // Any error shows again at the next read.
        let _ = client.stream.flush();
        let waiting = &mut self.outs.waiting[place];
        match client.stream.write(waiting) {
            Ok(written) if written == waiting.len() => waiting.clear(),
            Ok(written) => drop(waiting.drain(..written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The next read reports that the connection is gone.
            Err(_) => waiting.clear(),
        }
        let blocked = !waiting.is_empty() || client.stream.is_behind();
        if blocked != client.blocked {
            client.blocked = blocked;
            client.watch(&self.epoll, place)?;
        }
        Ok(())
    }
}

impl Client {
    fn watch(&self, epoll: &OwnedFd, place: usize) -> Result<(), Fault> {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN, self.reading == Reading::Open);
        flags.set(epoll::EventFlags::OUT, self.blocked);
        let data = epoll::EventData::new_u64(place as u64);
        Ok(epoll::modify(epoll, &self.stream.socket, data, flags)?)
    }
}

/// Hands on every whole answer. Returns how many bytes they took, and whether more may come.
fn take(
    wire: Wire,
    outs: &mut Outs,
    place: usize,
    bytes: &[u8],
    listen: &mut impl Listen,
) -> Result<(usize, bool), Fault> {
    let mut taken = 0;
    loop {
        match wire.find(&bytes[taken..])? {
            Found::Answer(answer, length) => {
                taken += length;
                listen.answer(outs, place, answer)?;
            }
            Found::Ping(length) => {
                taken += length;
                outs.touch(place);
                Wire::put_pong(&mut outs.waiting[place]);
            }
            Found::Close(length) => return Ok((taken + length, false)),
            Found::Partial => return Ok((taken, true)),
        }
    }
}

/// Connects from this address, and waits until the connection is open.
pub(crate) fn connect_from(server: SocketAddr, from: Ipv4Addr) -> Result<TcpStream, Fault> {
    connect(server, from, Connect::Wait)
}

fn connect(server: SocketAddr, from: Ipv4Addr, how: Connect) -> Result<TcpStream, Fault> {
    let mut flags = SocketFlags::CLOEXEC;
    flags.set(SocketFlags::NONBLOCK, how == Connect::Soon);
    let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    net::bind(&socket, &SocketAddrV4::new(from, 0))?;
    match net::connect(&socket, &server) {
        Ok(()) => {}
        Err(Errno::INPROGRESS) if how == Connect::Soon => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub(crate) fn upgrade(mut stream: &TcpStream) -> Result<(), Fault> {
    stream.write_all(UPGRADE)?;
    let mut answer = Vec::new();
    let mut some = [0; 512];
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read(&mut some) {
            Ok(0) => return Err(Fault::wrong("closed after", &answer)),
            Ok(length) => answer.extend(&some[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if answer.starts_with(b"HTTP/1.1 101 ") {
        Ok(())
    } else {
        Err(Fault::wrong("no WebSocket", &answer))
    }
}

/// The PROXY header (version 1) of one client. It names as many addresses as clients without a proxy have.
fn proxy_header(client: usize) -> Vec<u8> {
    let host = client % ADDRESSES;
    format!("PROXY TCP4 10.0.0.{host} 192.0.2.1 40000 80\r\n").into_bytes()
}

fn gone() -> Fault {
    Fault::new("this client has left")
}

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Addresses that clients connect from. Each has 28,232 ports, and each port rests for a minute after its use.
const ADDRESSES: usize = 200;

const POLL: Duration = Duration::from_millis(100);

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// By then a server that has nothing to do sleeps.
const SETTLED: Duration = Duration::from_millis(5);
