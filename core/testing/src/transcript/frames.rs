//! WebSocket frames as a person writes them: `{text hi}`, `{close 1000 bye}` (RFC 6455, section 5).

use std::ops::Range;

use super::text::{escape_payload, unescape};

/// What a client sends by `a upgrades`.
pub(super) const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\n\
    Host: localhost\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// The answer that it must get. The key and the answer to it are those of RFC 6455, section 1.3.
pub(super) const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// How frames in a piece of text become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frames {
    /// In a client's bytes: frames are masked, except those that say `unmasked`.
    Masked,
    /// In a server's bytes: frames are not masked.
    Plain,
    /// Frames are not read: what looks like one is text.
    None,
}

impl Frames {
    /// Reads the text between braces; `None` if it is no frame.
    pub(super) fn read(self, inside: &str) -> Result<Option<Vec<u8>>, String> {
        if self == Self::None {
            return Ok(None);
        }
        let (mask, frame) = match inside.strip_prefix("unmasked ") {
            Some(frame) => (Self::Plain, frame),
            None => (self, inside),
        };
        let (kind, payload) = frame.split_once(' ').unwrap_or((frame, ""));
        let (kind, last) = match kind.strip_suffix('-') {
            Some(kind) => (kind, 0),
            None => (kind, LAST),
        };
        let Some((_, opcode)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            return Ok(None);
        };
        if self == Self::Plain && frame != inside {
            return Err(format!("to a client no frame is masked: {{{frame}}}"));
        }
        let payload = match *opcode {
            CLOSE => close(payload)?,
            _ => unescape(payload, Self::None)?,
        };
        Ok(Some(encode(last | opcode, mask, &payload)))
    }

    /// Whether the text begins like a frame, so that a missing end is a mistake.
    pub(super) fn begins(self, text: &str) -> bool {
        let text = text.strip_prefix("unmasked ").unwrap_or(text);
        let kind = text.split_once(' ').map(|(kind, _)| kind);
        let kind = kind.map(|kind| kind.strip_suffix('-').unwrap_or(kind));
        self != Self::None && KINDS.iter().any(|(name, _)| Some(*name) == kind)
    }
}

/// The whole frames in everything that a client received. There are none unless it has upgraded, and none behind
/// the first bytes that are no frame.
pub(super) fn whole(stream: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let Some(mut at) = upgraded(stream) else {
        return frames;
    };
    while let Some(header) = Header::read(&stream[at..]) {
        let start = at + header.len;
        let end = start.saturating_add(header.payload);
        let Some(payload) = stream.get(start..end) else {
            break;
        };
        // A masked frame, or one with a longer length field than needed, is shown byte by byte.
        if encode(header.first, Frames::Plain, payload) != stream[at..end] {
            break;
        }
        frames.push(at..end);
        at = end;
    }
    frames
}

/// The end of the answer to an upgrade at the beginning of the stream.
pub(super) fn upgraded(stream: &[u8]) -> Option<usize> {
    if !stream.starts_with(b"HTTP/1.1 101") {
        return None;
    }
    let end = stream.windows(4).position(|four| four == b"\r\n\r\n");
    end.map(|end| end + 4)
}

/// The headers, with their masks, in a client's bytes that begin with one.
pub(super) fn headers(sent: &[u8]) -> Vec<Range<usize>> {
    let mut headers = Vec::new();
    let mut at = 0;
    while let Some(header) = sent.get(at..).and_then(Header::read) {
        headers.push(at..at + header.len);
        at = at.saturating_add(header.len).saturating_add(header.payload);
    }
    headers
}

/// Writes one of the [`whole`] frames so that it is read back.
pub(super) fn write(frame: &[u8]) -> String {
    let header = Header::read(frame).expect("a whole frame has a header");
    let payload = &frame[header.len..];
    let kind = KINDS.iter().find(|(_, code)| *code == header.first & !LAST);
    let (kind, opcode) = kind.expect("a header has a known kind");
    let mut out = format!("{{{kind}");
    if header.first & LAST == 0 {
        out.push('-');
    }
    match payload {
        [] => {}
        [byte] if *opcode == CLOSE => out.push_str(&format!(" \\x{byte:02x}")),
        [high, low, reason @ ..] if *opcode == CLOSE => {
            out.push_str(&format!(" {}", u16::from_be_bytes([*high, *low])));
            if !reason.is_empty() {
                out.push_str(&format!(" {}", escape_payload(reason)));
            }
        }
        payload => out.push_str(&format!(" {}", escape_payload(payload))),
    }
    out.push('}');
    out
}

/// `1000 bye`: a code and a reason. Any other text is the payload itself, for a close without a whole code.
fn close(text: &str) -> Result<Vec<u8>, String> {
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    if code.is_empty() || !code.bytes().all(|b| b.is_ascii_digit()) {
        return unescape(text, Frames::None);
    }
    let code: u16 = code
        .parse()
        .map_err(|_| format!("{code} is too much for a close code"))?;
    let mut payload = Vec::from(code.to_be_bytes());
    payload.extend(unescape(reason, Frames::None)?);
    Ok(payload)
}

/// A frame with the shortest length field.
fn encode(first: u8, mask: Frames, payload: &[u8]) -> Vec<u8> {
    let len = payload.len();
    let mut frame = Vec::from([first]);
    match len {
        0..=125 => frame.push(len as u8),
        126..=0xffff => {
            frame.push(TWO_BYTES);
            frame.extend((len as u16).to_be_bytes());
        }
        _ => {
            frame.push(EIGHT_BYTES);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    match mask {
        Frames::Masked => {
            frame[1] |= MASKED;
            frame.extend(KEY);
            let bytes = payload.iter().zip(KEY.iter().cycle());
            frame.extend(bytes.map(|(byte, key)| byte ^ key));
        }
        Frames::Plain | Frames::None => frame.extend(payload),
    }
    frame
}

/// The header of a frame.
struct Header {
    /// The kind, and whether more frames of the message follow.
    first: u8,
    /// The length of the header, with its mask.
    len: usize,
    /// The length of the payload.
    payload: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        if KINDS.iter().all(|(_, opcode)| *opcode != first & !LAST) {
            return None;
        }
        let (payload, len) = match second & !MASKED {
            TWO_BYTES => {
                let len = bytes.get(2..4)?.try_into().ok()?;
                (u16::from_be_bytes(len).into(), 4)
            }
            EIGHT_BYTES => {
                let len = bytes.get(2..10)?.try_into().ok()?;
                (usize::try_from(u64::from_be_bytes(len)).ok()?, 10)
            }
            short => (short.into(), 2),
        };
        let mask = if second & MASKED == 0 { 0 } else { KEY.len() };
        Some(Self {
            first,
            len: len + mask,
            payload,
        })
    }
}

/// The opcodes and their words in transcripts.
const KINDS: [(&str, u8); 6] = [
    ("more", 0),
    ("text", 1),
    ("binary", 2),
    ("close", CLOSE),
    ("ping", 9),
    ("pong", 10),
];

const CLOSE: u8 = 8;

/// In the first byte: no further frame of the message follows.
const LAST: u8 = 0x80;

/// In the second byte: a mask follows the length.
const MASKED: u8 = 0x80;

/// In place of a length: it follows in two bytes, or in eight.
const TWO_BYTES: u8 = 126;
const EIGHT_BYTES: u8 = 127;

/// The mask of all frames, from the examples in RFC 6455. It is fixed, so that the same bytes are sent every time.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn masked(text: &str) -> Vec<u8> {
        unescape(text, Frames::Masked).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn plain(text: &str) -> Vec<u8> {
        unescape(text, Frames::Plain).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(masked("{text Hello}"), hello);
        let hello = b"\x81\x05Hello";
        assert_eq!(plain("{text Hello}"), hello);
        assert_eq!(masked("{unmasked text Hello}"), hello);
        assert_eq!(plain("{text- Hel}{more lo}"), b"\x01\x03Hel\x80\x02lo");
        assert_eq!(plain("{ping Hello}"), b"\x89\x05Hello");
        let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(masked("{pong Hello}"), pong);
        let long = plain("{binary {x*256}}");
        assert_eq!(long[..4], *b"\x82\x7e\x01\x00");
        assert_eq!(long.len(), 4 + 256);
        let longer = plain("{binary {x*65536}}");
        assert_eq!(longer[..10], *b"\x82\x7f\0\0\0\0\0\x01\0\0");
        assert_eq!(longer.len(), 10 + 65536);
    }

    #[test]
    fn kinds_and_payloads() {
        let cases: &[(&str, &[u8])] = &[
            ("{text}", b"\x81\x00"),
            ("{text-}{more-}{more}", b"\x01\x00\x00\x00\x80\x00"),
            ("{binary LIST\\0}", b"\x82\x05LIST\0"),
            ("{close}", b"\x88\x00"),
            ("{close 1000}", b"\x88\x02\x03\xe8"),
            ("{close 1000 bye}", b"\x88\x05\x03\xe8bye"),
            ("{close 0}", b"\x88\x02\0\0"),
            ("{close \\x03}", b"\x88\x01\x03"),
            ("{close- 1001}", b"\x08\x02\x03\xe9"),
            ("{text  a}", b"\x81\x02 a"),
            ("{text {\"a\":{}}}", b"\x81\x08{\"a\":{}}"),
            ("{text a\\x7d}", b"\x81\x02a}"),
            ("{text a*3}", b"\x81\x03a*3"),
            ("{text a{b*3}}{c*2}", b"\x81\x04abbbcc"),
            ("{{ping a}*2}", b"\x89\x01a\x89\x01a"),
            ("x{text y}z", b"x\x81\x01yz"),
            // Not a frame, so it is text.
            ("{texts a}", b"{texts a}"),
            ("{TEXT a}", b"{TEXT a}"),
            ("{unmasked a}", b"{unmasked a}"),
        ];
        for (text, bytes) in cases {
            assert_eq!(plain(text), *bytes, "{text}");
        }
        assert_eq!(unescape("{text a}", Frames::None).unwrap(), b"{text a}");
    }

    #[test]
    fn masks_go_round_in_the_payload() {
        let payload = [0; 9];
        let frame = masked("{binary {\\0*9}}");
        assert_eq!(
            frame,
            b"\x82\x89\x37\xfa\x21\x3d\x37\xfa\x21\x3d\x37\xfa\x21\x3d\x37"
        );
        assert_eq!(frame, encode(0x82, Frames::Masked, &payload));
    }

    #[test]
    fn lengths_have_their_shortest_form() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            for (text, mask) in [("", 4), ("unmasked ", 0)] {
                let frame = masked(&format!("{{{text}binary {{x*{len}}}}}"));
                assert_eq!(frame.len(), header + mask + len, "{len}");
                assert_eq!(headers(&frame), vec![0..header + mask]);
            }
            let frame = plain(&format!("{{binary {{x*{len}}}}}"));
            assert_eq!(frame.len(), header + len, "{len}");
        }
    }

    #[test]
    fn mistakes_are_errors() {
        for text in ["{text a", "{close 1000 ", "{close 65536}", "{text \\q}"] {
            assert!(unescape(text, Frames::Masked).is_err(), "{text}");
        }
        assert!(unescape("{unmasked text a}", Frames::Plain).is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let texts = [
            "{text}",
            "{text <msg a=\"b\"/>}",
            "{binary <pong value=\"x\"/>\\0}",
            "{text- LI}{more- S}{more T}",
            "{ping abc}{pong \\xff}",
            "{close}{close 1000}{close 1001  so long}{close \\x35}",
            "{text \\x7ba\\x7d}",
            "{text a }",
            "{binary {x*125}}{binary {x*126}}{binary {x*65535}}{binary {x*65536}}",
        ];
        for text in texts {
            let mut stream = UPGRADED.to_vec();
            stream.extend(plain(text));
            let frames = whole(&stream);
            let shown: String = frames.iter().map(|f| write(&stream[f.clone()])).collect();
            assert_eq!(shown, text);
            assert_eq!(frames.last().map(|f| f.end), Some(stream.len()));
        }
    }

    #[test]
    fn only_whole_frames_of_a_server_are_frames() {
        let after = |bytes: &[u8]| whole(&[UPGRADED, bytes].concat()).len();
        assert_eq!(after(b"\x81\x01a\x81\x02a"), 1);
        assert_eq!(after(b"\x81\x01a\x81"), 1);
        assert_eq!(after(b"\x81\x81\x37\xfa\x21\x3d\x56"), 0);
        assert_eq!(after(b"\x81\x7e\x00\x01a"), 0);
        assert_eq!(after(b"\x83\x01a\x81\x01a"), 0);
        assert_eq!(after(b"\xc1\x01a"), 0);
        assert_eq!(after(b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), 0);
        assert!(whole(b"\x81\x01a").is_empty());
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n\x81\x01a").is_empty());
    }

    #[test]
    fn headers_are_found_where_a_client_sends_frames() {
        let sent = masked("{text- {x*200}}{unmasked ping a}{more}");
        assert_eq!(headers(&sent), vec![0..8, 208..210, 211..217]);
        assert_eq!(headers(&sent[..100]), vec![0..8]);
        assert!(headers(b"PING x\0").is_empty());
    }
}
