//! Proxies between clients and the gateway: which addresses are theirs, and the PROXY headers that they send.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ask::Speak;
use super::client::Kind;
use super::key::ONLY;
use super::world::World;
use crate::random::Random;
use flashgate_core::{Accepted, ConnId, ListenerId};

/// A value of the setting `proxy-protocol`, and what it says about addresses that begin like this. The first row
/// that fits decides.
#[derive(Debug)]
pub(super) struct Proxies {
    pub(super) setting: &'static str,
    rows: &'static [(&'static str, Need)],
}

/// Whether a proxy's connections begin with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

/// What a connection through a proxy begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop {
    pub(super) need: Need,
    pub(super) header: Header,
    /// Bytes of the header.
    pub(super) length: u64,
    /// Of those, how many show that the header is whole or malformed.
    pub(super) decisive: u64,
    /// With fewer bytes the header looks like the beginning of a text.
    pub(super) signature: u64,
}

/// The contents of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// It is whole, and may name a client.
    Whole(Option<SocketAddr>),
    Malformed,
    /// Nothing follows its beginning.
    Cut,
    Missing,
}

impl World<'_> {
    /// The address of the next connection.
    pub(super) fn address(&mut self) -> IpAddr {
        match self.random.below(self.swarm.addresses) {
            0 => IpAddr::from([127, 0, 0, 1]),
            n @ 1..=3 => {
                let four = Ipv4Addr::new(192, 0, 2, n as u8);
                // A listener for IPv4 and IPv6 reports IPv4 addresses so.
                if self.random.percent(30) {
                    IpAddr::V6(four.to_ipv6_mapped())
                } else {
                    IpAddr::V4(four)
                }
            }
            n => IpAddr::V6(Ipv6Addr::from_bits(0x2001 << 112 | u128::from(n))),
        }
    }

    /// A new connection begins with the header of its proxy, if it comes from one.
    pub(super) fn pass_a_proxy(&mut self, id: ConnId, origin: Accepted) {
        let proxies = self.swarm.proxies;
        let address = origin.peer.ip().expect("it has one").to_canonical();
        let Some(need) = proxies.and_then(|proxies| proxies.need(address)) else {
            return;
        };
        let link = self.links.get_mut(&id).expect("is new");
        let may_lack = match link.client.kind {
            Kind::Chat(Speak::Binary | Speak::Text) | Kind::Visit(_) => true,
            // A line end may begin a header, and waits for what follows.
            Kind::Chat(_) => need == Need::Required,
            Kind::Garbage => false,
        };
        let (hop, bytes) = Hop::next(&mut self.hops, need, may_lack);
        if need == Need::Optional {
            // If the header comes too slowly, its bytes are commands, and so is everything behind it.
            link.filter = None;
        }
        if hop.header == Header::Cut {
            link.client.over = true;
            link.fin = self.hops.percent(50);
        }
        link.header = bytes.len();
        link.is_proxied = hop.header != Header::Missing;
        link.to_server.extend(bytes);
        let is_policy = origin.listener == ListenerId(1);
        self.model.comes_through(ONLY.key(id), hop, is_policy);
        if hop.header == Header::Cut || self.hops.percent(50) {
            self.travels(id);
        }
    }
}

impl Proxies {
    /// What the connections of an address begin with, if it is the address of a proxy.
    pub(super) fn need(&self, address: IpAddr) -> Option<Need> {
        let text = address.to_string();
        let mut rows = self.rows.iter();
        let (_, need) = rows.find(|(prefix, _)| text.starts_with(prefix))?;
        Some(*need)
    }
}

impl Hop {
    /// The next connection of a proxy, and the bytes of its header. `may_lack` is false for clients whose first
    /// bytes might be taken for a header.
    pub(super) fn next(random: &mut Random, need: Need, may_lack: bool) -> (Self, Vec<u8>) {
        let hop = |header, bytes: &[u8], decisive: usize| Self {
            need,
            header,
            length: bytes.len() as u64,
            decisive: decisive as u64,
            signature: if bytes.starts_with(V1) { V1 } else { V2 }.len() as u64,
        };
        let chance = random.below(24);
        if chance <= 2 && may_lack {
            return (hop(Header::Missing, b"", usize::MAX), Vec::new());
        }
        if chance <= 4 {
            let (bytes, decisive) = malformed(random);
            return (hop(Header::Malformed, &bytes, decisive), bytes);
        }
        let (client, mut bytes) = whole(random);
        if chance == 5 {
            bytes.truncate(random.below(bytes.len() as u64) as usize);
            return (hop(Header::Cut, &bytes, usize::MAX), bytes);
        }
        (hop(Header::Whole(client), &bytes, bytes.len()), bytes)
    }
}

/// A header, and the client that it names.
fn whole(random: &mut Random) -> (Option<SocketAddr>, Vec<u8>) {
    let address: IpAddr = random.pick(&CLIENTS).parse().expect("an address");
    let client = SocketAddr::new(address, random.next() as u16);
    let (ip, port) = (client.ip(), client.port());
    match (random.below(8), ip) {
        (0, _) => (None, b"PROXY UNKNOWN\r\n".to_vec()),
        (1, _) => (None, format!("PROXY UNKNOWN {ip} ? {port}\r\n").into()),
        (2, _) => (None, version_2(0x20, 0, b"")),
        (3, _) => (
            None,
            version_2(*random.pick(&[0x20, 0x21]), 0x31, &[7; 216]),
        ),
        (4 | 5, IpAddr::V4(_)) => {
            let line = format!("PROXY TCP4 {ip} 192.0.2.9 {port} 443\r\n");
            (Some(client), line.into())
        }
        (4 | 5, IpAddr::V6(_)) => {
            let line = format!("PROXY TCP6 {ip} ::1 {port} 443\r\n");
            (Some(client), line.into())
        }
        (_, ip) => (Some(client), named(random, ip, port)),
    }
}

/// A header of version 2 that names a client, often with more behind the addresses.
fn named(random: &mut Random, ip: IpAddr, port: u16) -> Vec<u8> {
    let (family, mut block) = match ip {
        IpAddr::V4(four) => (0x11, [four.octets(), [192, 0, 2, 9]].concat()),
        IpAddr::V6(six) => (0x21, [six.octets(), [1; 16]].concat()),
    };
    block.extend(port.to_be_bytes());
    block.extend([1, 187]);
    let room = MAX_V2 - V2.len() - 4 - block.len() - 3;
    let size = *random.pick(&[None, None, Some(0), Some(9), Some(room)]);
    if let Some(size) = size {
        // A type that means nothing, a length, and a value.
        block.push(4);
        block.extend((size as u16).to_be_bytes());
        block.extend(std::iter::repeat_n(b'\n', size));
    }
    version_2(0x21, family, &block)
}

/// A header that breaks a rule, and how many bytes show it.
fn malformed(random: &mut Random) -> (Vec<u8>, usize) {
    let line = *random.pick(&[
        "PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 1 080\r\n",
        "PROXY TCP6 192.0.2.7 192.0.2.8 1 80\r\n",
        "PROXY UNKNOWN\n",
        "PROXY \r\n",
    ]);
    let too_long = [V1, &[b'x'; 120]].concat();
    let four = [7; 12];
    match random.below(6) {
        0 => (too_long, MAX_V1),
        // An unknown version, an unknown family, addresses that are too short, and too much behind them.
        1 => (version_2(0x31, 0x11, &four), V2.len() + 4),
        2 => (version_2(0x21, 0x41, &four), V2.len() + 4),
        3 => (version_2(0x21, 0x11, &four[1..]), V2.len() + 4 + 11),
        4 => (version_2(0x21, 0x11, &[0; MAX_V2 - 15]), V2.len() + 4),
        _ => (line.into(), line.len()),
    }
}

fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let [high, low] = (block.len() as u16).to_be_bytes();
    [V2, &[command, family, high, low], block].concat()
}

const V1: &[u8] = b"PROXY ";

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, and the longest header of version 2 that a gateway reads.
const MAX_V1: usize = 107;
const MAX_V2: usize = 2048;

/// The addresses that proxies name. There are few, so that clients reach the limits for each address.
const CLIENTS: [&str; 8] = [
    "198.51.100.7",
    "198.51.100.7",
    "198.51.100.7",
    "::ffff:198.51.100.7",
    "192.0.2.1",
    "127.0.0.1",
    "2001:db8::7",
    "2001:db8::8",
];

/// Proxies among the simulated addresses.
pub(super) const PROXIES: [Proxies; 6] = [
    Proxies {
        setting: "*",
        rows: &[("", Need::Required)],
    },
    Proxies {
        setting: "*=optional",
        rows: &[("", Need::Optional)],
    },
    Proxies {
        setting: "127.0.0.0/8=require",
        rows: &[("127.", Need::Required)],
    },
    Proxies {
        setting: "192.0.2.0/24=optional",
        rows: &[("192.0.2.", Need::Optional)],
    },
    Proxies {
        setting: "192.0.2.2/31 2001::/16=optional",
        rows: &[
            ("192.0.2.2", Need::Required),
            ("192.0.2.3", Need::Required),
            ("2001:", Need::Optional),
        ],
    },
    Proxies {
        setting: "192.0.2.1=optional 0.0.0.0/0",
        rows: &[
            ("192.0.2.1", Need::Optional),
            ("127.", Need::Required),
            ("192.0.2.", Need::Required),
        ],
    },
];
