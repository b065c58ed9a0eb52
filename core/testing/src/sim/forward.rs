//! Proxies that name their clients in the heads of HTTP requests: which addresses are theirs, and what they add.

use std::net::{IpAddr, SocketAddr};

use super::client::{Kind, Visit};
use super::key::ONLY;
use super::world::World;
use crate::random::Random;
use flashgate_core::{ClientHeader, ConnId};

/// A value of the setting `trust-proxy`, and what the addresses in it begin with.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) setting: &'static str,
    prefixes: &'static [&'static str],
}

impl Trusted {
    /// Whether an address is that of a proxy.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        let text = address.to_canonical().to_string();
        self.prefixes.iter().any(|prefix| text.starts_with(prefix))
    }
}

/// The head of a request, to which proxies have added lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forward {
    /// Bytes of the head as the client has sent it.
    pub(super) head: u64,
    /// Bytes that were added.
    pub(super) added: u64,
    /// The client that the gateway must take it for.
    pub(super) client: Option<SocketAddr>,
}

/// An element in the list of a header, as the gateway must understand it.
#[derive(Debug)]
enum Element {
    Address(SocketAddr),
    Garbage,
    Empty,
}

impl World<'_> {
    /// Adds to the head of a client's request what proxies on its way add, or what the client has made up.
    pub(super) fn pass_http_proxies(&mut self, id: ConnId, bytes: &mut Vec<u8>) {
        let Some(trusted) = self.swarm.trusted else {
            return;
        };
        let link = &self.links[&id];
        let is_request = match link.client.kind {
            Kind::Visit(Visit::Http(..)) => true,
            Kind::Visit(Visit::Policy) | Kind::Garbage => false,
            Kind::Chat(_) => link.client.is_socket() && bytes.starts_with(b"GET "),
        };
        if !is_request || self.forwards.percent(25) {
            return;
        }
        let end = |mark: &[u8]| memchr::memmem::find(bytes, mark).map(|at| at + mark.len());
        let (Some(first), Some(head)) = (end(b"\r\n"), end(b"\r\n\r\n")) else {
            return;
        };
        let random = &mut self.forwards;
        let header = self.swarm.config.client_header;
        let (lines, elements) = lines(random, header);
        let key = ONLY.key(id);
        let Some(peer) = self.model.sides.get(&key).map(|side| side.peer) else {
            return;
        };
        if head + lines.len() > SHORTEST_LIMIT {
            return;
        }
        let is_trusted = !link.is_proxied && trusted.holds(peer.ip());
        let client = walk(&elements, trusted).filter(|_| is_trusted);
        bytes.splice(first..first, lines.bytes());
        let forward = Forward {
            head: head as u64,
            added: lines.len() as u64,
            client,
        };
        self.model.will_forward(key, forward);
    }
}

/// The client: the first address from the right that is not a proxy's, or the last before something else.
fn walk(elements: &[Element], trusted: &Trusted) -> Option<SocketAddr> {
    let mut client = None;
    for element in elements.iter().rev() {
        match element {
            Element::Empty => {}
            Element::Garbage => return client,
            Element::Address(address) => {
                client = Some(*address);
                if !trusted.holds(address.ip()) {
                    return client;
                }
            }
        }
    }
    client
}

/// Lines of a head, and the elements of those that count.
fn lines(random: &mut Random, header: ClientHeader) -> (String, Vec<Element>) {
    let (mut lines, mut elements) = (String::new(), Vec::new());
    let other = match header {
        ClientHeader::XForwardedFor => "Forwarded: for=203.0.113.9\r\n",
        ClientHeader::Forwarded | ClientHeader::None => "X-Forwarded-For: 203.0.113.9\r\n",
    };
    if random.percent(30) {
        lines += other;
    }
    let name = match header {
        ClientHeader::XForwardedFor => *random.pick(&["X-Forwarded-For", "x-forwarded-for"]),
        ClientHeader::Forwarded | ClientHeader::None => *random.pick(&["Forwarded", "FORWARDED"]),
    };
    for _ in 0..*random.pick(&[1, 1, 1, 2]) {
        let mut texts = Vec::new();
        for _ in 0..random.below(4) {
            let (element, text) = element(random, header);
            elements.push(element);
            texts.push(text);
        }
        lines += &format!(
            "{name}: {}\r\n",
            texts.join(*random.pick(&[",", ", ", " ,"]))
        );
    }
    if header == ClientHeader::None {
        elements.clear();
    }
    (lines, elements)
}

fn element(random: &mut Random, header: ClientHeader) -> (Element, String) {
    match random.below(16) {
        0 => return (Element::Empty, String::new()),
        1 | 2 => return (Element::Garbage, (*random.pick(&GARBAGE)).to_owned()),
        _ => {}
    }
    let ip: IpAddr = random.pick(&ADDRESSES).parse().expect("an address");
    let port = random.percent(30).then(|| random.next() as u16);
    let address = SocketAddr::new(ip, port.unwrap_or(0));
    let node = match (ip, port) {
        (_, Some(_)) => address.to_string(),
        (IpAddr::V6(six), None) if random.percent(50) => format!("[{six}]"),
        (ip, None) => ip.to_string(),
    };
    let text = match header {
        ClientHeader::XForwardedFor => node,
        ClientHeader::Forwarded | ClientHeader::None => {
            let pair = match random.percent(70) {
                true => format!("for=\"{node}\""),
                false => format!("For={node}"),
            };
            let more = *random.pick(&["", "", ";proto=https", ";by=\"a,b;for=c\""]);
            pair + more
        }
    };
    (Element::Address(address), text)
}

/// No address, in either header.
const GARBAGE: [&str; 7] = [
    "unknown",
    "for=_hidden",
    "192.0.2",
    "192.0.2.7:x",
    "\"",
    "for=\"192.0.2.7",
    "by=192.0.2.7",
];

/// There are few, so that clients reach the limits for each address.
const ADDRESSES: [&str; 9] = [
    "198.51.100.7",
    "198.51.100.7",
    "198.51.100.7",
    "::ffff:198.51.100.7",
    "192.0.2.1",
    "192.0.2.2",
    "127.0.0.1",
    "2001:db8::7",
    "2001::4",
];

/// Proxies among the simulated addresses.
pub(super) const TRUSTED: [Trusted; 5] = [
    Trusted {
        setting: "*",
        prefixes: &[""],
    },
    Trusted {
        setting: "127.0.0.0/8",
        prefixes: &["127."],
    },
    Trusted {
        setting: "192.0.2.0/24",
        prefixes: &["192.0.2."],
    },
    Trusted {
        setting: "192.0.2.2/31 2001::/112",
        prefixes: &["192.0.2.2", "192.0.2.3", "2001::"],
    },
    Trusted {
        setting: "0.0.0.0/0",
        prefixes: &["127.", "192.0.2.", "198.51.100."],
    },
];

/// The lowest limit on heads, and a head of this size is below it.
const SHORTEST_LIMIT: usize = 390;
