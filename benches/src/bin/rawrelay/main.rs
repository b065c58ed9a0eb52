//! The floor: the least that a chat server on epoll does to move the same frames.
//!
//!     rawrelay [--echo] [--blob BYTES] [--tls-cert FILE --tls-key FILE]
//!
//! One thread, level-triggered: it reads one socket and writes the result before it turns to the next. It knows no XML, no
//! members and no rules, trusts every client, and copies bytes between constants. Yet each frame has the bytes that the
//! gateway would send, except for the time of day, so that one client can talk to both:
//!
//! - `IDENTIFY n x` names the connection `n`, notifies all connections with a name, and answers; when it ends, all others
//!   are notified;
//! - `NAME n` does so without notifying, so that a crowd can connect fast;
//! - `MSG mn text` writes the message to connection `n`, and with `--echo` to its sender, too;
//! - `JOIN #rn` puts a connection with a name into room `n`, notifies all of the room and answers with its state; `PART #rn`
//!   takes it out, and `MSG #rn text` writes the message to all of the room;
//! - `LIST` is answered with the blob.
//!
//! All that one read leads to for one connection is written at once, as any server would do.

#[path = "../../stream.rs"]
mod stream;

use std::io::{self, Read, Write};
use std::mem;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use argh::FromArgs;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::sockopt::set_tcp_nodelay;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use stream::Stream;

/// Relay NUL-ended frames on a bare epoll loop.
#[derive(FromArgs)]
struct Options {
    /// write each message to its sender, too
    #[argh(switch)]
    echo: bool,

    /// how many bytes a LIST is answered with
    #[argh(option, default = "1024")]
    blob: usize,

    /// the certificate of a relay that takes TLS alone
    #[argh(option)]
    tls_cert: Option<String>,

    /// its key
    #[argh(option)]
    tls_key: Option<String>,
}

fn main() -> io::Result<()> {
    let options: Options = argh::from_env();
    raise_open_files();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // std listens with a backlog of 128.
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    writeln!(io::stdout(), "Listening on {}", listener.local_addr()?)?;
    Relay::new(listener, &options)?.run()
}

struct Relay {
    epoll: OwnedFd,
    listener: TcpListener,
    echo: bool,
    tls: Option<Arc<ServerConfig>>,
    /// What a LIST is answered with.
    blob: Vec<u8>,
    conns: Vec<Option<Conn>>,
    free: Vec<usize>,
    /// The slot of each name.
    names: Vec<Option<usize>>,
    /// The slots of all who have a name.
    named: Vec<usize>,
    /// The slots of all who are in each room, in the order in which they came.
    rooms: Vec<Vec<usize>>,
    buffer: Vec<u8>,
    /// Connections whose `out` has grown during the current read.
    touched: Vec<usize>,
    /// Where a message to a room is put together.
    frame: Vec<u8>,
}

struct Conn {
    stream: Stream,
    name: Option<usize>,
    /// The rooms that it is in.
    rooms: Vec<usize>,
    /// The start of an incomplete frame.
    partial: Vec<u8>,
    /// How much of a blob is still to be written; it is not copied.
    blob_left: usize,
    /// What is to be written after that.
    out: Vec<u8>,
    /// How much of `out` is gone already, if the socket would not take all of it.
    written: usize,
    blocked: bool,
}

impl Relay {
    fn new(listener: TcpListener, options: &Options) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = epoll::EventData::new_u64(LISTENER);
        epoll::add(&epoll, &listener, data, epoll::EventFlags::IN)?;
        let mut blob = vec![b'x'; options.blob.saturating_sub(1)];
        blob.push(0);
        Ok(Self {
            epoll,
            listener,
            echo: options.echo,
            tls: match (&options.tls_cert, &options.tls_key) {
                (Some(certificate), Some(key)) => Some(tls(certificate.as_ref(), key.as_ref())?),
                _ => None,
            },
            blob,
            conns: Vec::new(),
            free: Vec::new(),
            names: Vec::new(),
            named: Vec::new(),
            rooms: Vec::new(),
            buffer: vec![0; 64 * 1024],
            touched: Vec::new(),
            frame: Vec::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(1024);
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Err(Errno::INTR) => continue,
                waited => waited?,
            };
            for event in events.drain(..) {
                let data = event.data;
                if data.u64() == LISTENER {
                    self.accept()?;
                    continue;
                }
                let slot = data.u64() as usize;
                let flags = event.flags;
                if flags.contains(epoll::EventFlags::OUT) {
                    self.flush(slot);
                }
                if flags.intersects(!epoll::EventFlags::OUT) {
                    self.read(slot);
                }
            }
        }
    }

    /// One connection a turn: the poll is level-triggered, so it reports the next one again.
    fn accept(&mut self) -> io::Result<()> {
        let (socket, _) = match self.listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        socket.set_nonblocking(true)?;
        set_tcp_nodelay(&socket, true)?;
        let slot = self.free.pop().unwrap_or(self.conns.len());
        let data = epoll::EventData::new_u64(slot as u64);
        epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN)?;
        let tls = self
            .tls
            .as_ref()
            .map(|tls| ServerConnection::new(Arc::clone(tls)));
        let tls = tls.transpose().map_err(io::Error::other)?;
        let conn = Conn {
            stream: Stream::new(socket, tls.map(Into::into)),
            name: None,
            rooms: Vec::new(),
            partial: Vec::new(),
            blob_left: 0,
            out: Vec::new(),
            written: 0,
            blocked: false,
        };
        if slot == self.conns.len() {
            self.conns.push(Some(conn));
        } else {
            self.conns[slot] = Some(conn);
        }
        Ok(())
    }

    fn read(&mut self, slot: usize) {
        let Some(conn) = &mut self.conns[slot] else {
            return;
        };
        let length = match conn.stream.read(&mut self.buffer) {
            Ok(0) => return self.leave(slot),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => return self.leave(slot),
        };
        // Taken for the time that frames are borrowed from it.
        let buffer = mem::take(&mut self.buffer);
        let mut partial = mem::take(&mut conn.partial);
        let mut rest = &buffer[..length];
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            if partial.is_empty() {
                self.frame(slot, &rest[..end]);
            } else {
                partial.extend(&rest[..end]);
                self.frame(slot, &partial);
                partial.clear();
            }
            rest = &rest[end + 1..];
        }
        partial.extend(rest);
        if let Some(conn) = &mut self.conns[slot] {
            conn.partial = partial;
        }
        self.buffer = buffer;
        let mut touched = mem::take(&mut self.touched);
        for slot in touched.drain(..) {
            self.flush(slot);
        }
        self.touched = touched;
    }

    fn frame(&mut self, slot: usize, frame: &[u8]) {
        if let Some(rest) = frame.strip_prefix(b"MSG m") {
            self.message(slot, rest);
        } else if let Some(rest) = frame.strip_prefix(b"MSG #r") {
            self.message_to_room(slot, rest);
        } else if let Some(room) = frame.strip_prefix(b"JOIN #r").and_then(number) {
            self.join(slot, room);
        } else if let Some(room) = frame.strip_prefix(b"PART #r").and_then(number) {
            self.part(slot, room);
        } else if let Some(rest) = frame.strip_prefix(b"IDENTIFY ") {
            self.identify(slot, rest);
        } else if let Some(rest) = frame.strip_prefix(b"NAME ") {
            self.name(slot, rest);
        } else if frame == b"LIST"
            && let Some(conn) = &mut self.conns[slot]
        {
            self.touched.push(slot);
            if conn.blob_left == 0 && conn.out.is_empty() {
                conn.blob_left = self.blob.len();
            } else {
                conn.out.extend(&self.blob);
            }
        }
    }

    fn message(&mut self, slot: usize, rest: &[u8]) {
        let Some(space) = rest.iter().position(|byte| *byte == b' ') else {
            return;
        };
        let (to, text) = (&rest[..space], &rest[space + 1..]);
        let from = self.conns[slot].as_ref().and_then(|conn| conn.name);
        let recipient = number(to).and_then(|to| self.names.get(to).copied().flatten());
        let (Some(from), Some(recipient)) = (from, recipient) else {
            return;
        };
        let mut digits = [0; 20];
        let from = decimal(from, &mut digits);
        let sender = self.echo.then_some(slot);
        for slot in sender.into_iter().chain([recipient]) {
            let Some(conn) = &mut self.conns[slot] else {
                continue;
            };
            if conn.out.is_empty() {
                self.touched.push(slot);
            }
            for part in [
                b"<msg aid=\"m".as_slice(),
                from,
                b"\" time=\"00:00:00\" msg=\"",
                text,
                b"\" from=\"m",
                to,
                b"\" />\0",
            ] {
                conn.out.extend(part);
            }
        }
    }

    fn identify(&mut self, slot: usize, rest: &[u8]) {
        let digits = rest.split(|byte| *byte == b' ').next().unwrap_or(rest);
        let Some(name) = number(digits) else {
            return;
        };
        self.tell(format!("<login aid=\"m{name}\" name=\"Member {name}\" />\0").as_bytes());
        self.name(slot, digits);
    }

    fn name(&mut self, slot: usize, digits: &[u8]) {
        let (Some(name), Some(conn)) = (number(digits), &mut self.conns[slot]) else {
            return;
        };
        conn.name = Some(name);
        if conn.out.is_empty() {
            self.touched.push(slot);
        }
        let person = format!("aid=\"m{name}\" name=\"Member {name}\"");
        let answer = format!("<login {person} />\0<identify {person} />\0");
        conn.out.extend(answer.as_bytes());
        self.named.push(slot);
        if self.names.len() <= name {
            self.names.resize(name + 1, None);
        }
        self.names[name] = Some(slot);
    }

    fn message_to_room(&mut self, slot: usize, rest: &[u8]) {
        let Some(space) = rest.iter().position(|byte| *byte == b' ') else {
            return;
        };
        let (room, text) = (&rest[..space], &rest[space + 1..]);
        let from = self.conns[slot].as_ref().and_then(|conn| conn.name);
        let number = number(room).filter(|number| *number < self.rooms.len());
        let (Some(from), Some(number)) = (from, number) else {
            return;
        };
        let mut digits = [0; 20];
        let from = decimal(from, &mut digits);
        let mut frame = mem::take(&mut self.frame);
        frame.clear();
        for part in [
            b"<msg room=\"#r".as_slice(),
            room,
            b"\" aid=\"m",
            from,
            b"\" time=\"00:00:00\" msg=\"",
            text,
            b"\" />\0",
        ] {
            frame.extend(part);
        }
        self.tell_room(number, &frame);
        self.frame = frame;
    }

    fn join(&mut self, slot: usize, room: usize) {
        let Some(conn) = &mut self.conns[slot] else {
            return;
        };
        let Some(name) = conn.name else {
            return;
        };
        conn.rooms.push(room);
        if self.rooms.len() <= room {
            self.rooms.resize(room + 1, Vec::new());
        }
        self.rooms[room].push(slot);
        let join = format!("<join room=\"#r{room}\" aid=\"m{name}\" name=\"Member {name}\" />\0");
        self.tell_room(room, join.as_bytes());
        let state = self.state(room);
        if let Some(conn) = &mut self.conns[slot] {
            if conn.out.is_empty() {
                self.touched.push(slot);
            }
            conn.out.extend(state.as_bytes());
        }
    }

    /// The state of a room, with the members that came last.
    fn state(&self, room: usize) -> String {
        let name = |slot: usize| self.conns[slot].as_ref().and_then(|conn| conn.name);
        let here = &self.rooms[room];
        let listed = &here[here.len().saturating_sub(LISTED)..];
        let owner = here.first().and_then(|slot| name(*slot)).unwrap_or(0);
        let mut state = format!(
            "<room name=\"#r{room}\" topic=\"\" owner=\"m{owner}\" seats=\"0\" max=\"0\" n=\"0\""
        );
        if listed.len() < here.len() {
            state += &format!(" more=\"{}\"", here.len() - listed.len());
        }
        state.push('>');
        for name in listed.iter().filter_map(|slot| name(*slot)) {
            state += &format!("<nick aid=\"m{name}\" name=\"Member {name}\" />");
        }
        state + "</room>\0"
    }

    fn part(&mut self, slot: usize, room: usize) {
        let Some(conn) = &mut self.conns[slot] else {
            return;
        };
        conn.rooms.retain(|other| *other != room);
        let (Some(name), true) = (conn.name, room < self.rooms.len()) else {
            return;
        };
        self.tell_room(room, part_frame(room, name).as_bytes());
        self.rooms[room].retain(|other| *other != slot);
    }

    /// Writes to everyone who has a name.
    fn tell(&mut self, frame: &[u8]) {
        let named = mem::take(&mut self.named);
        self.write_to(&named, frame);
        self.named = named;
    }

    fn tell_room(&mut self, room: usize, frame: &[u8]) {
        let slots = mem::take(&mut self.rooms[room]);
        self.write_to(&slots, frame);
        self.rooms[room] = slots;
    }

    fn write_to(&mut self, slots: &[usize], frame: &[u8]) {
        for slot in slots {
            let slot = *slot;
            let Some(conn) = &mut self.conns[slot] else {
                continue;
            };
            if conn.blob_left > 0 || !conn.out.is_empty() {
                conn.out.extend(frame);
                continue;
            }
            // Nothing waits: the frame need not be copied.
            let written = conn.stream.write(frame).unwrap_or(0);
            if written < frame.len() || conn.stream.is_behind() {
                conn.out.extend(&frame[written..]);
                self.flush(slot); // to wait for space in the socket
            }
        }
    }

    fn flush(&mut self, slot: usize) {
        let Some(conn) = &mut self.conns[slot] else {
            return;
        };
        // Any other error than a full socket shows again at the next read.
        let _ = conn.stream.flush();
        if conn.blob_left > 0 {
            let left = &self.blob[self.blob.len() - conn.blob_left..];
            conn.blob_left -= conn.stream.write(left).unwrap_or(0);
        }
        if conn.blob_left == 0 && !conn.out.is_empty() {
            conn.written += conn.stream.write(&conn.out[conn.written..]).unwrap_or(0);
            if conn.written == conn.out.len() {
                conn.out.clear();
                conn.written = 0;
            }
        }
        let blocked = conn.blob_left > 0 || !conn.out.is_empty() || conn.stream.is_behind();
        if blocked != conn.blocked {
            conn.blocked = blocked;
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, blocked);
            let data = epoll::EventData::new_u64(slot as u64);
            let _ = epoll::modify(&self.epoll, &conn.stream.socket, data, flags);
        }
    }

    fn leave(&mut self, slot: usize) {
        let Some(conn) = self.conns[slot].take() else {
            return;
        };
        drop(conn.stream);
        self.free.push(slot);
        for room in conn.rooms {
            self.rooms[room].retain(|other| *other != slot);
            self.tell_room(room, part_frame(room, conn.name.unwrap_or(0)).as_bytes());
        }
        if let Some(name) = conn.name {
            self.names[name] = None;
            self.named.retain(|other| *other != slot);
            self.tell(format!("<quit aid=\"m{name}\" />\0").as_bytes());
        }
    }
}

fn tls(certificate: &Path, key: &Path) -> io::Result<Arc<ServerConfig>> {
    let certificate = CertificateDer::from_pem_file(certificate).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

fn part_frame(room: usize, name: usize) -> String {
    format!("<part room=\"#r{room}\" aid=\"m{name}\" />\0")
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

/// A number in digits, without the weight of `format!`.
fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // If it cannot be raised, the present limit has to do.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// The most members that a room's state lists.
const LISTED: usize = 200;

const LISTENER: u64 = u64::MAX;
