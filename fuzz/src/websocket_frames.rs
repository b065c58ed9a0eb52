//! A client's frames beside a second opinion, and there and back again.

#[path = "../../core/tests/websocket/agreement.rs"]
mod agreement;

use agreement::{End, Event, agree, ours, theirs};

/// Any frames of a client, cut in any way, are read as tungstenite's server reads them, except for differences on
/// purpose. Messages that are put into frames, in a number and with keys that the data chooses, are read back as they
/// were.
pub fn websocket_frames(data: &[u8]) {
    let [size, key, rest @ ..] = data else {
        return;
    };
    let size = usize::from(*size).max(1);
    // Pings behind it show where one has taken a frame that the other has not.
    let probes = frame(PING, b"probe", [*key; 4]).repeat(40);
    both_read(&[rest, &probes].concat(), size);

    let (sent, stream) = messages(*key, rest);
    let (read, end) = both_read(&[&stream[..], &probes].concat(), size);
    assert!(matches!(end, End::Open), "{end:?}");
    assert_eq!(read[..sent.len()], sent);
    assert_eq!(read.len(), sent.len() + 40);
}

fn both_read(
    stream: &[u8],
    size: usize,
) -> (Vec<Event>, End<flashgate_core::websocket::Violation>) {
    let (ours, our_end) = ours(stream, &mut || size);
    let (theirs, their_end) = theirs(stream, &mut || 4096);
    assert!(
        agree(&ours, &our_end, &theirs, &their_end),
        "{}\n ours: {ours:?}, {our_end:?}\n theirs: {theirs:?}, {their_end:?}",
        stream.escape_ascii()
    );
    (ours, our_end)
}

/// A line of the data is a message: text where it can be. Its first byte says into how many frames
/// it is cut, and whether a ping is between them.
fn messages(key: u8, data: &[u8]) -> (Vec<Event>, Vec<u8>) {
    let (mut sent, mut stream) = (Vec::new(), Vec::new());
    for (number, line) in (0_u8..).zip(data.split(|byte| *byte == b'\n').take(200)) {
        let Some((&how, payload)) = line.split_first() else {
            continue;
        };
        let key = [key, number, how, !key];
        let text = std::str::from_utf8(payload).is_ok() && how < 0x80;
        let count = 1 + usize::from(how % 4);
        let mut pieces: Vec<_> = payload
            .chunks(payload.len().div_ceil(count).max(1))
            .collect();
        if pieces.is_empty() {
            pieces.push(b"");
        }
        let last = pieces.len() - 1;
        for (at, piece) in pieces.into_iter().enumerate() {
            let opcode = if at > 0 {
                0
            } else if text {
                1
            } else {
                2
            };
            let fin = if at == last { 0x80 } else { 0 };
            stream.extend(frame(fin | opcode, piece, key));
            if how & 0x10 != 0 && at < last {
                stream.extend(frame(PING, &[how], key));
                sent.push(Event::Ping(vec![how]));
            }
        }
        let payload = payload.to_vec();
        sent.push(if text {
            Event::Text(payload)
        } else {
            Event::Binary(payload)
        });
    }
    (sent, stream)
}

/// A frame as a client sends it, RFC 6455 section 5.2.
fn frame(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("what a fuzzer tries is short");
    let mut frame = match u8::try_from(length) {
        Ok(short @ ..126) => vec![first, 0x80 | short],
        Ok(_) | Err(_) => [&[first, 0x80 | 126][..], &length.to_be_bytes()].concat(),
    };
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

const PING: u8 = 0x89;
