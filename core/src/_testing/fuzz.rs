//! The fuzz bodies that need the inside of the core. The others are in flashgate-testing, which gives
//! these their names, too.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::chat::command::{self, Args, Takes};
use crate::config::{Config, HttpsRedirect};
use crate::conn::sniff::{self, Kind, Verdict};
use crate::record;
use crate::text;
use crate::wire::forwarded::{ClientHeader, Forwarding};
use crate::wire::framing::{Frame, Framer, Rules, Telnet};
use crate::wire::http::{self, Head};
use crate::wire::percent;
use crate::wire::proxy::{self, Header};
use crate::wire::typed::{self, Habits};

/// A connection is classified by its first few bytes, and whatever follows never changes that.
pub fn sniff(data: &[u8]) {
    sniff_as(data, true);
    sniff_as(data, false);
}

fn sniff_as(data: &[u8], proxies: bool) {
    let data = &data[..data.len().min(64)];
    let mut decided = None;
    for end in 0..=data.len() {
        let verdict = sniff::sniff(&data[..end], |kind| proxies || kind != Kind::Proxy);
        match (verdict, decided) {
            (Verdict::Is(_) | Verdict::Policy(_), None) => decided = Some((verdict, end)),
            (verdict, Some((decided, at))) => {
                assert_eq!(verdict, decided, "decided at {at}, changed at {end}");
            }
            (Verdict::Undecided | Verdict::Unterminated, None) => {
                assert!(end < LONGEST_PREFIX, "undecided at {end}")
            }
        }
    }
}

/// A PROXY header is whole, or malformed, with the same byte however it is cut, is not longer than its limit, and
/// whatever follows never changes that.
pub fn proxy_header(data: &[u8]) {
    let mut decided = None;
    for end in 0..=data.len().min(proxy::MAX_V2 + 64) {
        let header = proxy::header(&data[..end]);
        match (header, decided) {
            (header, Some(before)) => assert_eq!(header, before, "changed at {end}"),
            (Header::Partial, None) => assert!(end < proxy::MAX_V2, "undecided at {end}"),
            (Header::Complete { length, .. }, None) => {
                assert_eq!(length, end, "it is whole with its last byte");
                decided = Some(header);
            }
            (Header::Malformed { length }, None) => {
                assert!(length == end || length == 0, "malformed with its last byte");
                decided = Some(header);
            }
        }
    }
}

/// Whatever a client has written into a header, on the same line or above, the address that its proxy adds at the end
/// is the client. Of any head a recording keeps what leads to the same client, and to the same redirects.
pub fn forwarded(data: &[u8]) {
    let is_proxy = |address: IpAddr| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
    for (header, added) in [
        (ClientHeader::XForwardedFor, "192.0.2.7:4242"),
        (ClientHeader::XForwardedFor, "192.0.2.7:4242, 10.0.0.1"),
        (ClientHeader::Forwarded, "for=\"192.0.2.7:4242\";by=_x"),
        (ClientHeader::Forwarded, "for=192.0.2.7:4242,for=10.0.0.1"),
    ] {
        let client = Some(SocketAddr::from(([192, 0, 2, 7], 4242)));
        let line = [data, b",", added.as_bytes()].concat();
        for lines in [&[&line[..]][..], &[data, added.as_bytes()]] {
            let found = header.client(lines.iter().copied(), is_proxy);
            assert_eq!(found, client, "{added}");
        }
        let mut config = Config {
            client_header: header,
            ..Config::default()
        };
        config.redirect = Some("http://a.example/".into());
        let mut head = b"GET / HTTP/1.1\r\n".to_vec();
        let names = ["X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "Host"];
        for (nth, line) in data.split(|byte| *byte == b'\n').enumerate() {
            head.extend(names[nth % names.len()].as_bytes());
            head.extend(b": ");
            head.extend(line.strip_suffix(b"\r").unwrap_or(line));
            head.extend(b"\r\n");
        }
        head.extend(b"\r\n");
        let mut kept = Vec::new();
        record::head::head(&head, &config, &mut kept);
        let [before, after] = [&head, &kept].map(|head| Forwarding::read(head, header, is_proxy));
        assert_eq!(before.client, after.client);
        assert_eq!(before.is_https, after.is_https);
        let [before, after] = [before, after].map(|read| read.location("http://a.example/".into()));
        assert_eq!(before, after);
        config.redirect_https = HttpsRedirect::On;
        kept.clear();
        record::head::head(&head, &config, &mut kept);
        let host = |head| {
            let request = http::parse(head).ok()?;
            Some(request.host?.trim_ascii().to_vec())
        };
        assert_eq!(host(&head), host(&kept));
    }
}

/// However a stream is cut, the same commands come out of it, none over the limit, and nothing is
/// kept beyond one; what a command is read as is a part of its text: the first argument without a
/// space, the last without white space around it.
pub fn command(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else {
        return;
    };
    for telnet in [Telnet::Nowhere, Telnet::Before, Telnet::Everywhere] {
        let whole = frames(stream, usize::MAX, telnet);
        assert_eq!(whole, frames(stream, 1, telnet), "byte by byte");
        let pieces = frames(stream, usize::from(cut).max(1), telnet);
        assert_eq!(whole, pieces, "in pieces of {cut}");
        whole.iter().flatten().for_each(|text| parsed(text));
    }
}

/// What a command is read as is a part of its text.
fn parsed(bytes: &[u8]) {
    for line in [false, true] {
        let habits = Habits {
            line,
            telnet: true,
            page: None,
        };
        let text = typed::read(bytes, habits);
        let Some(text) = text.as_str() else {
            continue;
        };
        assert!(!text.contains(['\u{8}', '\u{7f}']) || !line);
        let call = command::parse(text::trim(text)).filter(|call| call.usage().is_none());
        let Some(call) = call else {
            continue;
        };
        let further = call.args.further();
        let (first, last) = match call.command.takes {
            Takes::WordAndText { .. } => (call.args.word, Some(call.args.text)),
            Takes::Word { .. } | Takes::WordAndMaybeText { .. } | Takes::WordAndOptions { .. } => {
                (call.args.word, None)
            }
            Takes::TwoWordsAndMaybeText { .. } => (call.args.word, Some(further.word)),
            Takes::TwoTexts { .. } => {
                let Args { word, text: last } = call.args;
                assert!(!word.contains('\t') && (!word.contains(' ') || text.contains('\t')));
                assert_eq!(text::trim(word), word);
                ("-", Some(last))
            }
            Takes::Nothing | Takes::MaybeWords => continue,
        };
        assert!(first == "-" || text.contains(first));
        assert!(!first.is_empty() && !first.contains(' '));
        if let Some(last) = last {
            assert!(!last.is_empty() && text.contains(last));
            assert_eq!(text::trim(last), last);
        }
    }
}

/// The end of a head is found at the same byte however the head is cut; nothing of a head that was
/// found complete is malformed for lack of bytes; a path that is decoded, and encoded for a
/// redirect, is plain ASCII and decodes to the same.
pub fn http_head(data: &[u8]) {
    const LIMIT: usize = 512;
    let whole = http::find_head(data, &mut 0, LIMIT);
    let (mut searched, mut bytewise) = (0, Head::Partial);
    for end in 0..=data.len() {
        if bytewise == Head::Partial {
            bytewise = http::find_head(&data[..end], &mut searched, LIMIT);
        }
    }
    assert_eq!(whole, bytewise);
    if let Head::Complete(length) = whole {
        assert!(length <= LIMIT);
        if let Ok(request) = http::parse(&data[..length]) {
            assert!(!request.path.is_empty() && !request.path.contains('?'));
            let text = String::from_utf8_lossy(&data[..length]).to_string();
            assert!(request.path == "/" || text.contains(request.path));
            if let Some(path) = percent::decoded(request.path) {
                assert!(path.len() <= request.path.len() && !path.contains('\0'));
                let location = percent::encoded(&path);
                assert!(location.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'));
                assert_eq!(percent::decoded(&location), Some(path));
            }
        }
    }
}

/// Cuts `stream` into commands as a chat connection does, `piece` bytes at a time; `None` is a
/// command that was too long.
fn frames(stream: &[u8], piece: usize, telnet: Telnet) -> Vec<Option<Vec<u8>>> {
    const LIMIT: usize = 16;
    let rules = Rules {
        limit: LIMIT,
        telnet,
        page: None,
    };
    let (mut framer, mut kept, mut seen) = (Framer::default(), Vec::new(), Vec::new());
    let mut take = |framer: &mut Framer, frame: Frame<'_>| match frame {
        Frame::Command(text, used) => {
            assert!(text.len() <= LIMIT);
            if !text::is_blank(text) {
                framer.has_begun();
            }
            seen.push(Some(Vec::from(text)));
            used
        }
        Frame::TooLong(used) => {
            framer.has_begun();
            seen.push(None);
            used
        }
        Frame::Skip(used) | Frame::Noise(used) => used,
        Frame::Partial => 0,
    };
    for bytes in stream.chunks(piece.min(stream.len().max(1))) {
        kept.extend_from_slice(bytes);
        loop {
            let frame = framer.next(&kept, rules);
            let used = take(&mut framer, frame);
            if used == 0 {
                break;
            }
            kept.drain(..used);
        }
        // Half a terminator, or half a telnet sequence.
        assert!(kept.len() <= LIMIT + 2);
    }
    if !kept.is_empty() {
        let frame = framer.finish(&kept, LIMIT);
        let used = take(&mut framer, frame);
        assert_eq!(used, kept.len());
    }
    seen
}

/// The longest prefix that may still be two things: a policy request with its space, and a CR in the place of its
/// terminator.
const LONGEST_PREFIX: usize = b"<policy-file-request />\r\n".len();
