//! A client's WebSocket frames.

use flashgate_core::websocket::{CloseCode, Decoded, Decoder, Kind, MAX_CONTROL, Violation};

/// However a stream is cut, the same messages, pings and end come out of it, at the same byte; no
/// more payload than there were bytes, no text over the limit; and never does more have to be kept
/// than a control frame.
pub fn websocket(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else {
        return;
    };
    let whole = pieces(stream, usize::MAX);
    assert_eq!(whole, pieces(stream, 1), "byte by byte");
    let cut = usize::from(cut).max(1);
    assert_eq!(whole, pieces(stream, cut), "in pieces of {cut}");

    let payload = whole.iter().map(|piece| match piece {
        Piece::Message(Kind::Text, text) | Piece::Unfinished(Kind::Text, text) => {
            assert!(text.len() <= MAX_TEXT);
            text.len()
        }
        Piece::Message(Kind::Binary, bytes) | Piece::Unfinished(Kind::Binary, bytes) => bytes.len(),
        Piece::Ping(payload) => payload.len(),
        Piece::Pong | Piece::Closed(_) | Piece::Broken(_) => 0,
    });
    assert!(payload.sum::<usize>() <= stream.len());
    for piece in &whole {
        if let Piece::Message(Kind::Text, text) = piece {
            assert!(std::str::from_utf8(text).is_ok());
        }
    }
}

/// What a stream holds. The last may be one of the last three.
#[derive(Debug, PartialEq)]
enum Piece {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Unfinished(Kind, Vec<u8>),
    Closed(Option<CloseCode>),
    Broken(Violation),
}

/// Reads a stream as a connection does, this many bytes at a time.
fn pieces(stream: &[u8], size: usize) -> Vec<Piece> {
    let (mut decoder, mut out, mut seen) = (Decoder::default(), Vec::new(), Vec::new());
    let (mut at, mut under_way) = (0, None);
    for end in (0..stream.len())
        .step_by(size)
        .map(|start| start.saturating_add(size))
    {
        let end = end.min(stream.len());
        loop {
            let before = out.len();
            let decoded = decoder.decode(&stream[at..end], &mut out, MAX_TEXT);
            let (used, piece) = match decoded {
                Ok(Decoded::Partial) => break,
                Ok(Decoded::Data { used, kind, end }) => {
                    assert!(out.len() - before <= used);
                    under_way = (!end).then_some(kind);
                    (
                        used,
                        end.then(|| Piece::Message(kind, std::mem::take(&mut out))),
                    )
                }
                Ok(Decoded::Ping(used, payload)) => {
                    assert!(payload.as_bytes().len() <= MAX_CONTROL);
                    (used, Some(Piece::Ping(payload.as_bytes().to_vec())))
                }
                Ok(Decoded::Pong(used)) => (used, Some(Piece::Pong)),
                Ok(Decoded::Close(_, code)) => {
                    seen.push(Piece::Closed(code));
                    return seen;
                }
                Err(violation) => {
                    // There is nothing more to read, and reading on all the same must not panic.
                    let _ = decoder.decode(&stream[at..end], &mut out, MAX_TEXT);
                    seen.push(Piece::Broken(violation));
                    return seen;
                }
            };
            assert!(used > 0 && used <= end - at);
            at += used;
            seen.extend(piece);
        }
        assert!(end - at < LONGEST_WHOLE);
    }
    seen.extend(under_way.map(|kind| Piece::Unfinished(kind, out)));
    seen
}

/// Little, so that a fuzzer comes upon it.
const MAX_TEXT: usize = 40;

/// A control frame: its head, the key, and as much payload as it may have.
const LONGEST_WHOLE: usize = 2 + 4 + MAX_CONTROL;

#[cfg(test)]
mod tests {
    use super::*;

    /// A fuzzer in small, with the bytes that frames are made of.
    #[test]
    fn random_frames_break_nothing() {
        let mut state = 6455_u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..4000 {
            let mut data = Vec::from([random(20) as u8]);
            for _ in 0..random(12) {
                let heads = b"\x81\x81\x82\x01\x02\x00\x00\x80\x80\x88\x89\x8a";
                let length = random(20) as u8;
                data.extend([heads[random(12) as usize], 0x80 | length]);
                // Half of the keys leave text as it is.
                data.extend([random(2) as u8 * 7, 0, 0, 0]);
                data.extend((0..length).map(|_| b"ab\xc3\xa4\xe2\x82\xac\0"[random(8) as usize]));
            }
            websocket(&data);
        }
    }
}
