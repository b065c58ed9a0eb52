//! The server's side of TLS as a filter of the core. What touches the unbuffered interface of rustls 0.23, which later
//! versions change, is in this file.
//!
//! Three rules of that interface, found by trial:
//!
//! - It must see the bytes that it has not used again, before any others, also where something is to be sent. So they are
//!   kept here.
//! - After an error, it is called as long as it has something to send, which ends with its alert, and then never again.
//! - It frees the plain bytes of a record without wiping them. They may be a password: see [`wipe_freed`].

use std::fmt;
use std::sync::Arc;

use flashgate_core::{Filter, FilterEvent, Flow, MakeFilter, TlsVersion};
use rustls::server::{NoServerSessionStorage, ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{Error, ProtocolVersion, ServerConfig};
use zeroize::{Zeroize, Zeroizing};

use super::certificates::{CHALLENGE, Certificates, provider};

/// Makes the filters of a server. All show the certificates that hold at the time, and share the keys of their session
/// tickets.
#[derive(Clone, Debug)]
pub struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    /// Fails where the system has no random numbers.
    pub fn new(certificates: &Arc<Certificates>) -> Result<Self, Error> {
        let challenge = certificates.are_automatic().then(|| CHALLENGE.to_vec());
        let certificates = Arc::clone(certificates);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        // A browser takes no other protocol for WebSockets; Flash and AIR name none.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.alpn_protocols.extend(challenge);
        // Sessions are kept by the clients, so that those of a crowd that comes back cost no memory here. One ticket is
        // enough for a client that has one connection.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        config.send_tls13_tickets = 1;
        Ok(Self(Arc::new(config)))
    }

    /// The filter of one connection.
    pub fn filter(&self) -> Box<dyn Filter> {
        Box::new(Tls::new(&self.0))
    }

    /// What makes a filter for each connection.
    pub fn filters(&self) -> MakeFilter {
        let acceptor = self.clone();
        MakeFilter::new(move || acceptor.filter())
    }
}

/// The filter of one connection.
struct Tls {
    connection: UnbufferedServerConnection,
    /// Wire bytes that are not used yet. Decrypted in place, so what is used is wiped.
    kept: Vec<u8>,
    stage: Stage,
    /// Whether the handshake is done.
    established: bool,
    event: Option<FilterEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The peer has ended its side.
    Ended,
    /// Nothing more is taken or sent.
    Broken,
}

/// What comes after a step.
enum Next {
    Again,
    /// Nothing, until more bytes come.
    Wait,
    /// Application data may be written.
    Write,
    Failed(Error),
}

type Traffic<'a> = WriteTraffic<'a, ServerConnectionData>;

impl Tls {
    fn new(config: &Arc<ServerConfig>) -> Self {
        Self {
            connection: UnbufferedServerConnection::new(Arc::clone(config))
                .expect("it fails for a size of fragments, and that is the default"),
            kept: Vec::new(),
            stage: Stage::Open,
            established: false,
            event: None,
        }
    }

    /// Works off what is kept, and returns how many bytes of it are used.
    fn advance(&mut self, plain: &mut Vec<u8>, back: &mut Vec<u8>) -> usize {
        let mut used = 0;
        loop {
            let (more, next) = self.step(used, plain, back, |_, _| Ok(()));
            used += more;
            match next {
                Next::Again => {}
                Next::Wait | Next::Write => return used,
                Next::Failed(error) => {
                    self.stage = Stage::Broken;
                    self.event = Some(FilterEvent::Broken(error.to_string().into()));
                    return used + self.alert(used, back);
                }
            }
        }
    }

    /// Takes the connection's next step over these bytes, and calls `write` if application data can be sent. Returns
    /// how many of the bytes are used.
    fn step(
        &mut self,
        from: usize,
        plain: &mut Vec<u8>,
        back: &mut Vec<u8>,
        mut write: impl FnMut(&mut Traffic<'_>, &mut Vec<u8>) -> Result<(), EncryptError>,
    ) -> (usize, Next) {
        let UnbufferedStatus { discard, state } =
            self.connection.process_tls_records(&mut self.kept[from..]);
        let mut used = discard;
        let next = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                let mut lengths = Vec::new();
                while let Some(Ok(record)) = traffic.next_record() {
                    plain.extend_from_slice(record.payload);
                    lengths.push(record.payload.len());
                    used += record.discard;
                }
                drop(traffic);
                lengths.into_iter().for_each(wipe_freed);
                Next::Again
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                encode(&mut data, back);
                Next::Again
            }
            Ok(ConnectionState::TransmitTlsData(sent)) => {
                sent.done();
                Next::Again
            }
            Ok(ConnectionState::PeerClosed) => {
                self.stage = Stage::Ended;
                Next::Again
            }
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                if write(&mut traffic, back).is_err() {
                    self.stage = Stage::Broken;
                }
                Next::Write
            }
            Ok(
                ConnectionState::BlockedHandshake
                | ConnectionState::Closed
                | ConnectionState::ReadEarlyData(_),
            ) => Next::Wait,
            // This version has no others.
            Ok(_) => Next::Wait,
            Err(error) => Next::Failed(error),
        };
        (used, next)
    }

    /// Takes the alert that an error has led to, and what was to be sent before it.
    fn alert(&mut self, from: usize, back: &mut Vec<u8>) -> usize {
        let mut used = 0;
        while self.connection.wants_write() {
            let status = self
                .connection
                .process_tls_records(&mut self.kept[from + used..]);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = status.state else {
                break;
            };
            encode(&mut data, back);
            used += status.discard;
        }
        used
    }

    /// Calls `write` where application data can be sent. What the connection sends by itself comes before.
    fn write(
        &mut self,
        wire: &mut Vec<u8>,
        mut write: impl FnMut(&mut Traffic<'_>, &mut Vec<u8>) -> Result<(), EncryptError>,
    ) {
        if !self.established || self.stage == Stage::Broken {
            return;
        }
        // All that could be read was read before.
        let mut none = Vec::new();
        let mut used = 0;
        loop {
            let (more, next) = self.step(used, &mut none, wire, &mut write);
            used += more;
            match next {
                Next::Again => {}
                Next::Write | Next::Wait => break,
                Next::Failed(_) => {
                    self.stage = Stage::Broken;
                    break;
                }
            }
        }
        debug_assert!(none.is_empty(), "nothing was left to be read");
        self.consume(used);
    }

    /// Forgets the bytes that are used. An idle connection keeps no buffer.
    fn consume(&mut self, used: usize) {
        let left = self.kept.len() - used;
        if left == 0 || self.stage == Stage::Broken {
            self.kept.zeroize();
            self.kept = Vec::new();
        } else if used > 0 {
            self.kept.copy_within(used.., 0);
            self.kept[left..].zeroize();
            self.kept.truncate(left);
            self.kept.shrink_to(left);
        }
    }
}

impl Filter for Tls {
    fn receive(&mut self, wire: &[u8], plain: &mut Vec<u8>, back: &mut Vec<u8>) -> Flow {
        if matches!(self.stage, Stage::Ended | Stage::Broken) {
            return Flow::Ended;
        }
        self.kept.extend_from_slice(wire);
        // No vector that grows leaves a part of a password behind.
        plain.reserve(self.kept.len());
        let used = self.advance(plain, back);
        self.consume(used);
        if !self.established && self.event.is_none() && !self.connection.is_handshaking() {
            self.established = true;
            self.event = Some(FilterEvent::Established(self.version()));
        }
        match self.stage {
            Stage::Open => Flow::Open,
            Stage::Ended | Stage::Broken => Flow::Ended,
        }
    }

    fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>) {
        self.write(wire, |traffic, wire| {
            let records = plain.len() / RECORD + 1;
            let space = plain.len() + records * OVERHEAD;
            fill(wire, space, |space| traffic.encrypt(plain, space))
        });
    }

    fn close(&mut self, wire: &mut Vec<u8>) {
        self.write(wire, |traffic, wire| {
            fill(wire, 2 * OVERHEAD, |space| {
                traffic.queue_close_notify(space)
            })
        });
    }

    fn event(&mut self) -> Option<FilterEvent> {
        self.event.take()
    }
}

impl Tls {
    fn version(&self) -> Option<TlsVersion> {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Some(TlsVersion::V1_2),
            Some(ProtocolVersion::TLSv1_3) => Some(TlsVersion::V1_3),
            // The configuration allows no others.
            Some(_) | None => None,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("kept", &self.kept.len())
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.kept.zeroize();
    }
}

fn encode(data: &mut EncodeTlsData<'_, ServerConnectionData>, wire: &mut Vec<u8>) {
    let at = wire.len();
    loop {
        match data.encode(&mut wire[at..]) {
            Ok(written) => return wire.truncate(at + written),
            Err(EncodeError::InsufficientSize(needed)) => {
                wire.resize(at + needed.required_size, 0);
            }
            Err(EncodeError::AlreadyEncoded) => return wire.truncate(at),
        }
    }
}

/// Appends what `write` makes, for which this much space should do.
fn fill(
    wire: &mut Vec<u8>,
    space: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), EncryptError> {
    let at = wire.len();
    wire.resize(at + space, 0);
    let written = match write(&mut wire[at..]) {
        Err(EncryptError::InsufficientSize(needed)) => {
            wire.resize(at + needed.required_size, 0);
            write(&mut wire[at..])
        }
        written @ (Ok(_) | Err(EncryptError::EncryptExhausted)) => written,
    };
    wire.truncate(at + written.as_ref().unwrap_or(&0));
    written.map(|_| ())
}

/// Wipes a block of this size that was freed a moment ago on this thread: an allocator gives the next one of the same
/// size the same place. `tests/program/memory.rs` shows that it does.
fn wipe_freed(length: usize) {
    let mut block = Zeroizing::new(Vec::<u8>::with_capacity(length));
    block.resize(length, u8::MAX);
    std::hint::black_box(&mut block);
}

/// Plain bytes in a record (RFC 8446 section 5.1).
const RECORD: usize = 16 * 1024;

/// What a record adds: its head, the tag, and a type (TLS 1.3) or a nonce (TLS 1.2).
const OVERHEAD: usize = 5 + 16 + 8;
