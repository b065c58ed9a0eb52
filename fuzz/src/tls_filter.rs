//! A client of rustls against the server's filter, in memory.

use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

use flashgate::tls::{Acceptor, Pair, Watched};
use flashgate_core::{Filter, FilterEvent, Flow};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Whatever comes, whole, cut or mutated: the filter does not panic; it hands out a beginning of what the client has
/// encrypted, and nothing else; it keeps and sends back no more than a bounded number of bytes; it is established or broken
/// at most once, and after its end it takes nothing. A client that nobody disturbs is established, and everything that
/// either side says reaches the other.
///
/// Keys and random numbers are other ones in each run. The data alone decides what is sent, cut and mutated, and so
/// whether the invariant is put to the test; none of the checks depends on the numbers.
pub fn tls_filter(data: &[u8]) {
    let mut script = Script(data);
    let kind = script.byte();
    if kind % 8 == 7 {
        return garbage(script.0);
    }
    let mut talk = Talk::new(kind);
    while !script.0.is_empty() && talk.flow == Flow::Open {
        talk.step(&mut script);
    }
    talk.settle();
}

/// Bytes that no client has made, behind the two by which TLS is recognised.
fn garbage(data: &[u8]) {
    let mut filter = server().filter();
    let (mut plain, mut back) = (Vec::new(), Vec::new());
    let mut flow = filter.receive(b"\x16\x03", &mut plain, &mut back);
    for piece in data.chunks(100) {
        if flow == Flow::Ended {
            break;
        }
        flow = filter.receive(piece, &mut plain, &mut back);
        assert!(plain.is_empty(), "nothing was encrypted");
        assert!(kept(&*filter) <= MOST_KEPT && back.len() <= MOST_BACK);
        match filter.event() {
            Some(FilterEvent::Established(_)) => panic!("established with nobody"),
            Some(FilterEvent::Broken(_)) => assert_eq!(flow, Flow::Ended),
            None => assert_eq!(flow, Flow::Open),
        }
    }
    filter.close(&mut back);
}

struct Talk {
    client: ClientConnection,
    filter: Box<dyn Filter>,
    /// Wire bytes of the client on their way.
    wire: Vec<u8>,
    /// Whether anything was changed on the way.
    disturbed: bool,
    /// Whether the client has failed, and takes nothing more.
    failed: bool,
    /// Whether the client has said that it says no more.
    closed: bool,
    /// How often the client has changed its keys: a server takes only so many changes with nothing said in between.
    refreshed: usize,
    flow: Flow,
    established: bool,
    broken: bool,
    /// Plain bytes: what either side has said, and what the other has got of it.
    said: [Vec<u8>; 2],
    got: [Vec<u8>; 2],
}

impl Talk {
    fn new(kind: u8) -> Self {
        let versions: &[_] = match kind % 4 {
            0 => &[&rustls::version::TLS12],
            1 => &[&rustls::version::TLS13],
            _ => &[&rustls::version::TLS12, &rustls::version::TLS13],
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("known versions")
            .with_root_certificates(fixture().roots.clone())
            .with_no_client_auth();
        config.enable_sni = kind & 16 == 0;
        if kind & 32 != 0 {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        let name = "localhost".try_into().expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        Self {
            client,
            filter: server().filter(),
            wire: Vec::new(),
            disturbed: false,
            failed: false,
            closed: false,
            refreshed: 0,
            flow: Flow::Open,
            established: false,
            broken: false,
            said: [Vec::new(), Vec::new()],
            got: [Vec::new(), Vec::new()],
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        self.collect();
        let (what, count) = (script.byte(), usize::from(script.byte()));
        match what % 16 {
            0..=5 => self.deliver(count + 1),
            6 | 7 => self.deliver(usize::MAX),
            8 | 9 => self.says(count),
            10 => self.is_told(count),
            11 if self.established && self.refreshed < 20 => {
                self.refreshed += 1;
                // TLS 1.2 cannot.
                let _ = self.client.refresh_traffic_keys();
            }
            // In the midst of a handshake, a debug build of this client takes nothing behind it.
            12 if !self.client.is_handshaking() => {
                self.closed = true;
                self.client.send_close_notify();
            }
            13 => self.mutate(count, script.byte()),
            14 => {
                let at = count.min(self.wire.len());
                self.wire.insert(at, script.byte());
                self.disturbed = true;
            }
            15 => {
                let gone = count.min(self.wire.len());
                self.disturbed |= gone > 0;
                self.wire.drain(..gone);
            }
            _ => {}
        }
    }

    /// Takes what the client wants to send.
    fn collect(&mut self) {
        while self.client.wants_write() {
            self.client
                .write_tls(&mut self.wire)
                .expect("memory takes all");
        }
    }

    fn mutate(&mut self, at: usize, with: u8) {
        if let Some(byte) = self.wire.get_mut(at) {
            *byte ^= with;
            self.disturbed |= with != 0;
        }
    }

    fn says(&mut self, count: usize) {
        // Before the handshake is done, the client keeps it, up to 64 KiB.
        let text = vec![count as u8; count * 40];
        let is_full = self.client.is_handshaking() && self.said[0].len() > 40_000;
        if self.closed || is_full {
            return;
        }
        if self.client.writer().write_all(&text).is_ok() {
            self.said[0].extend(text);
        }
    }

    fn is_told(&mut self, count: usize) {
        if !self.established || self.broken {
            return;
        }
        let text = vec![!(count as u8); count * 300];
        let mut back = Vec::new();
        self.filter.send(&text, &mut back);
        self.said[1].extend(text);
        self.takes(&back);
    }

    /// Gives the filter this many bytes.
    fn deliver(&mut self, count: usize) {
        if self.flow == Flow::Ended {
            return;
        }
        let count = count.min(self.wire.len()).min(flashgate_core::MAX_READ);
        let piece: Vec<u8> = self.wire.drain(..count).collect();
        let (before, mut back) = (self.got[0].len(), Vec::new());
        self.flow = self.filter.receive(&piece, &mut self.got[0], &mut back);
        assert!(kept(&*self.filter) <= MOST_KEPT, "{:?}", self.filter);
        assert!(back.len() <= MOST_BACK, "{} bytes sent back", back.len());
        assert!(
            self.said[0].starts_with(&self.got[0]),
            "what the client has said"
        );
        match self.filter.event() {
            Some(FilterEvent::Established(version)) => {
                assert!(version.is_some() && !self.established && !self.broken);
                self.established = true;
            }
            Some(FilterEvent::Broken(_)) => {
                assert!(!self.broken && self.flow == Flow::Ended && self.disturbed);
                self.broken = true;
            }
            None => assert!(self.established || self.got[0].len() == before),
        }
        self.takes(&back);
    }

    /// The client takes what came back.
    fn takes(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() && !self.failed {
            self.client.read_tls(&mut wire).expect("memory is there");
            if self.client.process_new_packets().is_err() {
                assert!(self.disturbed, "an alert for nothing");
                self.failed = true;
                return;
            }
            // An error here is its end, or that there is no more.
            let _ = self.client.reader().read_to_end(&mut self.got[1]);
        }
    }

    fn settle(&mut self) {
        for _ in 0..10 {
            self.collect();
            while !self.wire.is_empty() && self.flow == Flow::Open {
                self.deliver(usize::MAX);
            }
        }
        let mut last = Vec::new();
        self.filter.close(&mut last);
        self.takes(&last);
        assert!(
            self.said[1].starts_with(&self.got[1]),
            "what the server has said"
        );
        if !self.disturbed {
            assert!(self.established && !self.broken);
            assert!(self.said == self.got, "everything reaches the other side");
        }
    }
}

/// What the filter keeps; only its text form says it.
fn kept(filter: &dyn Filter) -> usize {
    let text = format!("{filter:?}");
    let (_, rest) = text.split_once("kept: ").expect("it says so");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }
}

/// A server and who has signed its certificate. They are made once, since making keys takes long.
struct Fixture {
    acceptor: Acceptor,
    roots: RootCertStore,
}

fn server() -> &'static Acceptor {
    &fixture().acceptor
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let mut roots = RootCertStore::empty();
        let der = CertificateDer::from(certificate.der().to_vec());
        roots.add(der).expect("a certificate of ours");
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .expect("a file of ours");
            path
        };
        let pair = Pair {
            certificate: file("one.pem", &certificate.pem()),
            key: file("one.key", &key.serialize_pem()),
        };
        let (watched, _) = Watched::open(&[pair], None).expect("they fit");
        let acceptor = Acceptor::new(watched.certificates()).expect("random numbers");
        Fixture { acceptor, roots }
    })
}

/// The longest handshake message that rustls takes, a record, and a read.
const MOST_KEPT: usize = 0xffff + 20_000 + flashgate_core::MAX_READ;

/// A handshake with one certificate; later, tickets, answers to new keys and alerts.
const MOST_BACK: usize = 16 * 1024;
