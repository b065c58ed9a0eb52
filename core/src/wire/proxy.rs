//! The header of the PROXY protocol, by which a proxy names its client (haproxy, `proxy-protocol.txt`).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the first bytes of a connection are as a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// The rest of it has not come yet.
    Partial,
    /// It breaks a rule, or is too long.
    Malformed {
        /// Bytes up to the one that shows it. 0 if it does not begin like a header.
        length: usize,
    },
    /// It is whole.
    Complete {
        /// Bytes that it takes.
        length: usize,
        /// The client's address. `None` if the proxy names none, as for a health check of its own.
        client: Option<SocketAddr>,
    },
}

/// Reads a header of version 1 or 2. More bytes never change a result that is not [`Header::Partial`].
pub(crate) fn header(first: &[u8]) -> Header {
    if first.starts_with(V1) {
        version_1(&first[..first.len().min(MAX_V1)])
    } else if first.starts_with(V2) {
        version_2(first)
    } else if V1.starts_with(first) || V2.starts_with(first) {
        Header::Partial
    } else {
        Header::Malformed { length: 0 }
    }
}

/// A line: `PROXY TCP4 192.0.2.7 192.0.2.8 4242 80` (section 2.1).
fn version_1(first: &[u8]) -> Header {
    let Some(end) = first.iter().position(|byte| *byte == b'\n') else {
        return match first.len() {
            length @ MAX_V1.. => Header::Malformed { length },
            _ => Header::Partial,
        };
    };
    let (line, length) = (first[V1.len()..end].strip_suffix(b"\r"), end + 1);
    match line.and_then(|line| named(str::from_utf8(line).ok()?)) {
        Some(client) => Header::Complete { length, client },
        None => Header::Malformed { length },
    }
}

/// The client in a line of version 1, if the line names one. `None` if the line is malformed.
fn named(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        // What follows is to be ignored.
        return Some(None);
    }
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse().ok().map(IpAddr::V4),
            "TCP6" => word.parse().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (client, _) = (address()?, address()?);
    let mut port = || words.next().and_then(port);
    let (from, _) = (port()?, port()?);
    words
        .next()
        .is_none()
        .then_some(Some(SocketAddr::new(client, from)))
}

/// A decimal number without leading zeros.
fn port(word: &str) -> Option<u16> {
    let plain =
        word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    word.parse().ok().filter(|_| plain)
}

/// A signature, version and command, family and transport, the length of what follows, addresses, and extensions,
/// which are skipped (section 2.2).
fn version_2(first: &[u8]) -> Header {
    let Some(&[command, family, high, low]) = first[V2.len()..].first_chunk() else {
        return Header::Partial;
    };
    let size = usize::from(u16::from_be_bytes([high, low]));
    let is_known = match command {
        // The rest means nothing.
        LOCAL => true,
        PROXY => family >> 4 <= 3 && family & 0xf <= 2,
        _ => false,
    };
    let begin = V2.len() + 4;
    let length = begin + size;
    if !is_known || length > MAX_V2 {
        return Header::Malformed { length: begin };
    }
    let Some(block) = first.get(begin..length) else {
        return Header::Partial;
    };
    let client = match (command, family) {
        (PROXY, TCP4) => source(block, 12, Ipv4Addr::from),
        (PROXY, TCP6) => source(block, 36, Ipv6Addr::from),
        // A connection of the proxy's own, or a client with an address of another kind.
        _ => {
            return Header::Complete {
                length,
                client: None,
            };
        }
    };
    match client {
        Some(_) => Header::Complete { length, client },
        None => Header::Malformed { length },
    }
}

/// The source in a block that begins with `size` bytes of addresses and ports: both addresses, then both ports.
fn source<const N: usize, A: Into<IpAddr>>(
    block: &[u8],
    size: usize,
    address: fn([u8; N]) -> A,
) -> Option<SocketAddr> {
    let block = block.get(..size)?;
    let ip = address(*block.first_chunk()?).into();
    let port = block.get(2 * N..)?.first_chunk()?;
    Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

/// What a header of version 1 begins with.
pub(crate) const V1: &[u8] = b"PROXY ";

/// What a header of version 2 begins with.
pub(crate) const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line that version 1 allows.
const MAX_V1: usize = 107;

/// The longest header of version 2 that is read. Addresses take 52 bytes; the rest is room for what proxies add,
/// such as the name of the host. The protocol allows 64 KiB.
pub(crate) const MAX_V2: usize = 2048;

/// Version and command.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

/// Family and transport.
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn complete(length: usize, client: &str) -> Header {
        let client = (client != "none").then(|| client.parse().unwrap());
        Header::Complete { length, client }
    }

    #[test]
    fn version_1() {
        for (line, client) in [
            (
                "PROXY TCP4 192.0.2.7 192.0.2.8 4242 80\r\n",
                "192.0.2.7:4242",
            ),
            (
                "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
                "0.0.0.0:0",
            ),
            (
                "PROXY TCP6 2001:db8::7 ::1 65535 80\r\n",
                "[2001:db8::7]:65535",
            ),
            (
                "PROXY TCP6 ::ffff:192.0.2.7 ::1 1 80\r\n",
                "[::ffff:192.0.2.7]:1",
            ),
            ("PROXY UNKNOWN\r\n", "none"),
            ("PROXY UNKNOWN ffff::1 what ever\r\n", "none"),
        ] {
            let expected = complete(line.len(), client);
            assert_eq!(header(line.as_bytes()), expected, "{line}");
        }
        for line in [
            "PROXY TCP4 192.0.2.7 192.0.2.8 4242 80\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 4242\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 4242 80 \r\n",
            "PROXY TCP4  192.0.2.7 192.0.2.8 4242 80\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 4242 080\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 +424 80\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.8 65536 80\r\n",
            "PROXY TCP4 192.0.2.07 192.0.2.8 4242 80\r\n",
            "PROXY TCP4 192.0.2 192.0.2.8 4242 80\r\n",
            "PROXY TCP4 2001:db8::7 ::1 4242 80\r\n",
            "PROXY TCP6 192.0.2.7 192.0.2.8 4242 80\r\n",
            "PROXY TCP5 192.0.2.7 192.0.2.8 4242 80\r\n",
            "PROXY TCP4 192.0.2.7 example 4242 80\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY \r\n",
            "PROXY \n",
            "PROXY TCP4 \u{7f}\u{80} 192.0.2.8 4242 80\r\n",
        ] {
            let length = line.find('\n').unwrap() + 1;
            assert_eq!(
                header(line.as_bytes()),
                Header::Malformed { length },
                "{line}"
            );
        }
        let longest = |pad| Vec::from(alloc::format!("PROXY UNKNOWN {:pad$}\r\n", ""));
        assert_eq!(header(&longest(91)), complete(107, "none"));
        assert_eq!(header(&longest(92)), Header::Malformed { length: 107 });
    }

    fn v2(command: u8, family: u8, length: u16, block: &[u8]) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        [V2, &[command, family, high, low], block].concat()
    }

    #[test]
    fn version_2() {
        let four = [192, 0, 2, 7, 192, 0, 2, 8, 0x10, 0x92, 0, 80];
        let mut six = [0; 36];
        (six[..4]).copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        (six[15], six[33]) = (7, 9);
        let more = [&four[..], &[4, 0, 1, 0]].concat();
        for (command, family, block, client) in [
            (0x21, 0x11, &four[..], "192.0.2.7:4242"),
            (0x21, 0x11, &more[..], "192.0.2.7:4242"),
            (0x21, 0x21, &six[..], "[2001:db8::7]:9"),
            (0x20, 0x11, &four[..], "none"),
            (0x20, 0x00, &[], "none"),
            (0x20, 0xff, &four[..], "none"),
            (0x21, 0x00, &[1, 2, 3], "none"),
            (0x21, 0x12, &four[..], "none"),
            (0x21, 0x31, &[0; 216], "none"),
        ] {
            let bytes = v2(command, family, block.len() as u16, block);
            assert_eq!(header(&bytes), complete(bytes.len(), client));
            let longer = [&bytes[..], b"PING"].concat();
            assert_eq!(header(&longer), complete(bytes.len(), client));
        }
        for (command, family, size, length) in [
            (0x11, 0x11, 12, 16),
            (0x22, 0x11, 12, 16),
            (0x31, 0x11, 12, 16),
            (0x21, 0x41, 12, 16),
            (0x21, 0x13, 12, 16),
            (0x21, 0x11, 11, 27),
            (0x21, 0x21, 35, 51),
            (0x21, 0x11, 2033, 16),
        ] {
            let bytes = v2(command, family, size, &[0; 40]);
            let expected = Header::Malformed { length };
            assert_eq!(header(&bytes), expected, "{command} {family} {size}");
        }
        let longest = v2(0x21, 0x11, 2032, &[0; 2032]);
        assert_eq!(header(&longest), complete(2048, "0.0.0.0:0"));
    }

    #[test]
    fn a_header_is_whole_with_its_last_byte() {
        let four = v2(0x21, 0x11, 12, &[7; 12]);
        for whole in [b"PROXY TCP4 192.0.2.7 192.0.2.8 4242 80\r\n", &four[..]] {
            for end in 0..whole.len() {
                assert_eq!(header(&whole[..end]), Header::Partial, "{end}");
            }
            assert_ne!(header(whole), Header::Partial);
        }
        for first in ["PING", "PROXY\r\n", "\r\n\r\n\r\n", "GET "] {
            assert_eq!(
                header(first.as_bytes()),
                Header::Malformed { length: 0 },
                "{first}"
            );
        }
    }

    /// What the crate `ppp` makes of the same bytes, as far as they name a client of TCP.
    fn second_opinion(bytes: &[u8]) -> Option<SocketAddr> {
        use ppp::{HeaderResult, v1, v2};
        match HeaderResult::parse(bytes) {
            HeaderResult::V1(header) => match header.ok()?.addresses {
                v1::Addresses::Tcp4(of) => Some((of.source_address, of.source_port).into()),
                v1::Addresses::Tcp6(of) => Some((of.source_address, of.source_port).into()),
                v1::Addresses::Unknown => None,
            },
            HeaderResult::V2(header) => {
                let header = header.ok()?;
                let is_tcp = header.protocol == v2::Protocol::Stream;
                match header.addresses {
                    _ if !is_tcp || header.command == v2::Command::Local => None,
                    v2::Addresses::IPv4(of) => Some((of.source_address, of.source_port).into()),
                    v2::Addresses::IPv6(of) => Some((of.source_address, of.source_port).into()),
                    v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
                }
            }
        }
    }

    #[test]
    fn a_second_opinion_on_each_client() {
        let four = [192, 0, 2, 7, 192, 0, 2, 8, 0x10, 0x92, 0, 80];
        let extended = [&four[..], &[4, 0, 1, 0]].concat();
        let seeds = [
            b"PROXY TCP4 192.0.2.7 192.0.2.8 4242 80\r\n".to_vec(),
            b"PROXY TCP6 2001:db8::7 ::1 65535 80\r\n".to_vec(),
            b"PROXY UNKNOWN\r\n".to_vec(),
            v2(0x21, 0x11, 12, &four),
            v2(0x21, 0x11, 16, &extended),
            v2(0x21, 0x21, 36, &[7; 36]),
            v2(0x20, 0x11, 12, &four),
        ];
        let mut state = 0x2007_0710_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut agreed = 0;
        for _ in 0..20_000 {
            let mut bytes = seeds[random(seeds.len())].clone();
            for _ in 0..random(3) {
                let at = random(bytes.len());
                bytes[at] = *b"\0 10:.TCPRO\r\n\x21\x11\x20"[..]
                    .get(random(16))
                    .unwrap_or(&7);
            }
            let ours = match header(&bytes) {
                Header::Complete { client, .. } => client,
                Header::Partial | Header::Malformed { .. } => None,
            };
            let theirs = second_opinion(&bytes);
            // It takes lines of version 1 for headers that have no CR, or white space too much.
            if ours.is_some() || !bytes.starts_with(V1) {
                assert_eq!(ours, theirs, "{}", bytes.escape_ascii());
            }
            agreed += usize::from(ours.is_some());
        }
        assert!(agreed > 4000, "{agreed}");
    }
}
