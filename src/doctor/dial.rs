//! Connections to a server, as its clients make them: over TCP or a Unix socket, with or without TLS, and with the
//! header of a proxy where the server demands one.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::log::Place;
use crate::tls::{self, Shown};

/// Where a server is, and how it is reached.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) places: Vec<Place>,
    /// What TLS calls it.
    pub(super) host: String,
    /// What HTTP calls it: with a port, unless it is the usual one.
    pub(super) authority: String,
    pub(super) tls: bool,
    /// A connection begins with a PROXY header that names no client.
    pub(super) proxy_header: bool,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// The socket below TLS.
    socket: Socket,
}

#[derive(Debug)]
enum Stream {
    Plain(Socket),
    Tls(Box<tls::Unjudged<Socket>>),
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Target {
    /// Connects to the first place that answers.
    pub(super) fn connect(&self) -> Result<Wire, String> {
        self.open().map(|(wire, _)| wire)
    }

    /// The same, with the certificates that the server has shown if it speaks TLS.
    pub(super) fn open(&self) -> Result<(Wire, Option<Shown>), String> {
        let mut socket = self.dial()?;
        let handle = socket.again().map_err(|error| error.to_string())?;
        if self.proxy_header {
            let sent = socket.write_all(b"PROXY UNKNOWN\r\n");
            sent.map_err(|error| error.to_string())?;
        }
        let (stream, shown) = if self.tls {
            let (stream, shown) = tls::look(socket, &self.host)?;
            (Stream::Tls(Box::new(stream)), Some(shown))
        } else {
            (Stream::Plain(socket), None)
        };
        let socket = handle;
        Ok((Wire { stream, socket }, shown))
    }

    fn dial(&self) -> Result<Socket, String> {
        let mut faults = Vec::new();
        for place in &self.places {
            match Socket::dial(place) {
                Ok(socket) => return Ok(socket),
                Err(error) => faults.push(error.to_string()),
            }
        }
        faults.dedup();
        Err(faults.join("; "))
    }
}

impl Socket {
    fn dial(place: &Place) -> io::Result<Self> {
        let socket = match place {
            Place::Address(address) => {
                let socket = TcpStream::connect_timeout(address, PATIENCE)?;
                socket.set_nodelay(true)?;
                Self::Tcp(socket)
            }
            Place::Unix(path) => Self::Unix(UnixStream::connect(path)?),
        };
        socket.wait_for(PATIENCE)?;
        Ok(socket)
    }

    fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
            Self::Unix(socket) => Self::Unix(socket.try_clone()?),
        })
    }

    /// Sets how long a read or a write waits.
    fn wait_for(&self, longest: Duration) -> io::Result<()> {
        let longest = Some(longest);
        match self {
            Self::Tcp(socket) => {
                socket.set_write_timeout(longest)?;
                socket.set_read_timeout(longest)
            }
            Self::Unix(socket) => {
                socket.set_write_timeout(longest)?;
                socket.set_read_timeout(longest)
            }
        }
    }
}

impl Wire {
    /// Sets how long a read waits, at least 1 ms: the system takes no timeout of 0.
    pub(super) fn wait_for(&self, longest: Duration) -> io::Result<()> {
        self.socket.wait_for(longest.max(Duration::from_millis(1)))
    }

    /// The address of this end.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let sent = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        };
        sent.map_err(|error| format!("cannot send: {error}"))
    }

    /// Reads some bytes: none at the end of the stream.
    pub(super) fn some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.stream {
            Stream::Plain(socket) => socket.read(into),
            Stream::Tls(stream) => stream.read(into),
        };
        match read {
            // A proxy that has no more to say may leave out the end of TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        }
    }

    /// Reads up to a NUL, or to the end of the stream.
    pub(super) fn answer(&mut self) -> Result<Answer, String> {
        let mut text = Vec::new();
        let mut byte = [0];
        while text.len() < MOST {
            match self.some(&mut byte) {
                Ok(0) => return Ok(Answer::ended(&text)),
                Ok(_) if byte == [0] => return Ok(Answer::whole(&text)),
                Ok(_) => text.push(byte[0]),
                Err(error) => return Err(no_answer(&error)),
            }
        }
        Err(format!("the answer is longer than {MOST} bytes"))
    }

    /// Reads to the end of the stream.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>, String> {
        let (mut all, mut piece) = (Vec::new(), [0; 4096]);
        while all.len() < MOST {
            match self.some(&mut piece) {
                Ok(0) => return Ok(all),
                Ok(count) => all.extend_from_slice(&piece[..count]),
                Err(_) if !all.is_empty() => return Ok(all),
                Err(error) => return Err(no_answer(&error)),
            }
        }
        Ok(all)
    }
}

/// The bytes up to a NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Whether the NUL was there.
    pub(super) is_whole: bool,
}

impl Answer {
    fn whole(text: &[u8]) -> Self {
        let (text, is_whole) = (String::from_utf8_lossy(text).into_owned(), true);
        Self { text, is_whole }
    }

    fn ended(text: &[u8]) -> Self {
        let (text, is_whole) = (String::from_utf8_lossy(text).into_owned(), false);
        Self { text, is_whole }
    }
}

fn no_answer(error: &io::Error) -> String {
    if is_silence(error) {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else {
        format!("the connection broke: {error}")
    }
}

/// Whether a read has timed out.
pub(super) fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(socket) => socket.read(into),
                Self::Unix(socket) => socket.read(into),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A healthy server answers at once, or after 0.5 s if a policy request has no end.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an answer: the longest are metrics and policies.
const MOST: usize = 1024 * 1024;
