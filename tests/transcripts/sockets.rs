//! Plays transcripts on TCP connections over loopback, in front of a runtime.
//!
//! It is deterministic: the clock is moved by hand, and after each step the driver waits until the server reports, by
//! its [`Probe`], that it has seen the step and has written everything that follows. A wait in real time is always for
//! something that must come; its bound is for a broken server.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use flashgate_core::{Clock, Config, ListenerId, Login, MemberEvent, Millis, Now, Peer};
use flashgate_host::{Handle, Host, Listener, Probe};
use flashgate_testing::Retrying;
use flashgate_testing::transcript::{Appetite, Arrival, Driver, End, Patience};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// A server of `flashgate-smol`, and clients.
pub(crate) fn smol(host: Host) -> Result<Sockets, String> {
    let (listeners, places) = listen()?;
    let server = flashgate_smol::Server::new(listeners, host).map_err(in_words)?;
    let handle = server.handle();
    let thread = thread::spawn(move || smol::block_on(server.run()));
    Sockets::new(handle, thread, places, None)
}

/// A server of `flashgate-std`, and clients.
pub(crate) fn std(host: Host) -> Result<Sockets, String> {
    let (listeners, places) = listen()?;
    let watched = Arc::new(Watched {
        clock: host.clock.clone(),
        keeper: OnceLock::new(),
        others: AtomicUsize::new(0),
    });
    let host = Host {
        clock: watched.clone(),
        ..host
    };
    let server = flashgate_std::Server::new(listeners, host).map_err(in_words)?;
    let handle = server.handle();
    let keeper = watched.clone();
    let thread = thread::spawn(move || {
        let _ = keeper.keeper.set(thread::current().id());
        server.run()
    });
    Sockets::new(handle, thread, places, Some(watched))
}

/// A clock that counts who looks at it. `flashgate-std` accepts on a thread of its own, and an accept
/// is neither a turn nor a byte received; but it is the one thing that looks at the clock from
/// another thread than the one that keeps the time, while nothing else goes on.
struct Watched {
    clock: Arc<dyn Clock>,
    /// The thread that keeps the time.
    keeper: OnceLock<ThreadId>,
    /// How often other threads have looked.
    others: AtomicUsize,
}

impl Clock for Watched {
    fn now(&self) -> Now {
        if self.keeper.get() != Some(&thread::current().id()) {
            self.others.fetch_add(1, Ordering::SeqCst);
        }
        self.clock.now()
    }

    fn until(&self, deadline: Millis) -> Option<Duration> {
        self.clock.until(deadline)
    }
}

/// A running server and the clients that talk to it.
pub(crate) struct Sockets {
    handle: Handle,
    probe: Arc<Probe>,
    thread: Option<JoinHandle<io::Result<()>>>,
    places: Places,
    clients: Vec<Option<TcpStream>>,
    clock: Option<Arc<Watched>>,
}

/// The gateway's listener, those for policies and for metrics, and one on a Unix socket, and where they are.
type Listeners = (Vec<Listener>, Places);

struct Places {
    addresses: Vec<SocketAddr>,
    /// Holds the Unix socket.
    folder: TempDir,
}

/// The name of the Unix socket.
const UNIX: &str = "socket";

fn listen() -> Result<Listeners, String> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let tcp: io::Result<Vec<_>> = (0..3).map(|_| bind()).collect();
    let tcp = tcp.map_err(in_words)?;
    let addresses: io::Result<_> = tcp.iter().map(TcpListener::local_addr).collect();
    let mut listeners: Vec<Listener> = tcp.into_iter().map(Into::into).collect();
    let folder = tempfile::tempdir().map_err(in_words)?;
    let unix = UnixListener::bind(folder.path().join(UNIX)).map_err(in_words)?;
    listeners.push(unix.into());
    let places = Places {
        addresses: addresses.map_err(in_words)?,
        folder,
    };
    Ok((listeners, places))
}

impl Sockets {
    fn new(
        handle: Handle,
        thread: JoinHandle<io::Result<()>>,
        places: Places,
        clock: Option<Arc<Watched>>,
    ) -> Result<Self, String> {
        let sockets = Self {
            probe: handle.probe(),
            handle,
            thread: Some(thread),
            places,
            clients: Vec::new(),
            clock,
        };
        sockets.turns()?; // its clock begins when it runs
        Ok(sockets)
    }

    /// Makes the loop look at everything once; its first turn may have begun before.
    fn turns(&self) -> Result<(), String> {
        for _ in 0..2 {
            let before = self.probe.turns();
            self.handle.wake();
            wait("the server makes no turn", || {
                self.probe.turns() > before || self.has_ended()
            })?;
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// How often the clock was looked at for an accept, or for what goes on before.
    fn looks(&self) -> usize {
        let clock = self.clock.as_ref();
        clock.map_or(0, |clock| clock.others.load(Ordering::SeqCst))
    }

    fn client(&self, client: usize) -> Option<&TcpStream> {
        self.clients[client].as_ref()
    }
}

impl Driver for Sockets {
    fn connect(&mut self, from: Option<IpAddr>, to: ListenerId) -> Result<Peer, String> {
        let connect = || -> io::Result<TcpStream> {
            let Some(from) = from else {
                let stream = UnixStream::connect(self.places.folder.path().join(UNIX))?;
                stream.set_read_timeout(Some(GUARD))?;
                // It makes the same system calls for both.
                return Ok(TcpStream::from(OwnedFd::from(stream)));
            };
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::new(from, 0).into())?;
            socket.connect(&self.places.addresses[to.0].into())?;
            socket.set_tcp_nodelay(true)?;
            socket.set_read_timeout(Some(GUARD))?;
            Ok(socket.into())
        };
        let looks = self.looks();
        let stream = connect().map_err(in_words)?;
        let peer = match from {
            Some(_) => Peer::Address(stream.local_addr().map_err(in_words)?),
            None => Peer::Unix,
        };
        self.clients.push(Some(stream));
        if self.clock.is_some() {
            wait("the server does not accept", || self.looks() > looks)?;
        }
        self.turns()?;
        Ok(peer)
    }

    fn send(&mut self, client: usize, piece: &[u8]) -> Result<(), String> {
        match self
            .client(client)
            .map(|mut stream| stream.write_all(piece))
        {
            // The server may have closed the connection; the transcript checks that.
            Some(Err(error)) if !is_broken(&error) => Err(in_words(error)),
            Some(_) | None => Ok(()),
        }
    }

    fn half_close(&mut self, client: usize) -> Result<(), String> {
        match self.client(client).map(|s| s.shutdown(Shutdown::Write)) {
            Some(Err(error)) if !is_broken(&error) => Err(in_words(error)),
            Some(_) | None => Ok(()),
        }
    }

    fn reset(&mut self, client: usize) -> Result<(), String> {
        if let Some(stream) = self.clients[client].take() {
            let socket = Socket::from(stream);
            socket.set_linger(Some(Duration::ZERO)).map_err(in_words)?;
        }
        Ok(())
    }

    fn vanish(&mut self, _client: usize) -> Result<(), String> {
        Err("a socket cannot go silent: this needs 'only core'".to_owned())
    }

    fn appetite(&mut self, _client: usize, _appetite: Appetite) -> Result<(), String> {
        Err("a socket takes what it likes: this needs 'only core'".to_owned())
    }

    fn read(&mut self, client: usize, patience: Patience) -> Result<Arrival, String> {
        let Some(stream) = self.client(client) else {
            return Ok(Arrival::End(End::Cut));
        };
        let mut buffer = [0; 16 * 1024];
        let read = match patience {
            Patience::None => {
                stream.set_nonblocking(true).map_err(in_words)?;
                let read = Retrying(stream).read(&mut buffer);
                stream.set_nonblocking(false).map_err(in_words)?;
                read
            }
            Patience::Some => Retrying(stream).read(&mut buffer),
        };
        match read {
            Ok(0) => Ok(Arrival::End(End::Closed)),
            Ok(length) => Ok(Arrival::Bytes(buffer[..length].to_vec())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Arrival::Nothing),
            Err(error) if is_broken(&error) => Ok(Arrival::End(End::Cut)),
            Err(error) => Err(in_words(error)),
        }
    }

    fn settle(&mut self) -> Result<(), String> {
        self.turns()
    }

    fn member(&mut self, event: MemberEvent) -> Result<(), String> {
        self.handle.member(event);
        self.turns()
    }

    fn announce(&mut self, text: &Arc<str>) -> Result<(), String> {
        self.handle.announce(Arc::clone(text));
        self.turns()
    }

    fn kick(&mut self, member: &Login, reason: Option<&str>) -> Result<(), String> {
        self.handle.kick(member.clone(), reason);
        self.turns()
    }

    fn configure(&mut self, config: Arc<Config>) -> Result<(), String> {
        self.handle.configure(config);
        self.turns()
    }

    fn shutdown(&mut self) -> Result<(), String> {
        self.handle.shutdown();
        self.turns()
    }

    fn ended(&mut self, patience: Patience) -> Result<bool, String> {
        if patience == Patience::Some {
            // The transcript checks whether it has.
            let _ = wait("", || self.has_ended());
        }
        if !self.has_ended() {
            return Ok(false);
        }
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(true),
            Some(Ok(Err(error))) => Err(format!("the server ended with an error: {error}")),
            Some(Err(_)) => Err("the server panicked".to_owned()),
        }
    }

    fn reached(&self) -> u64 {
        self.probe.received()
    }

    fn wait(&self, done: &dyn Fn() -> bool) -> bool {
        wait("", || done() || self.has_ended()).is_ok()
    }

    fn knows_ends(&self) -> bool {
        false
    }
}

/// After a failure, the server is left running, and is not waited for.
impl Drop for Sockets {
    fn drop(&mut self) {
        self.clients.clear();
        self.handle.shutdown();
    }
}

/// Waits for something that comes within microseconds, unless the server is broken.
fn wait(what: &str, done: impl Fn() -> bool) -> Result<(), String> {
    let begun = Instant::now();
    let mut looks = 0_u32;
    while !done() {
        if begun.elapsed() > GUARD {
            return Err(format!("{what} in {GUARD:?}"));
        }
        // Gives way to other processes on a busy machine.
        if looks < 200 {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_micros(50));
        }
        looks += 1;
    }
    Ok(())
}

/// The server has closed the connection, or reset it.
fn is_broken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::NotConnected
    )
}

fn in_words(error: io::Error) -> String {
    error.to_string()
}

/// Longer than anything takes on a busy machine.
const GUARD: Duration = Duration::from_secs(30);
