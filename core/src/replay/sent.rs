//! The bytes of a connection, put together from the lines of its content.

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::record::KEY;
use crate::record::format::Content;
use crate::wire::websocket;

/// The bytes that a connection has sent.
#[derive(Debug, Default)]
pub(super) struct Sent<'a> {
    pieces: VecDeque<Piece<'a>>,
    text: VecDeque<u8>,
    /// Bytes were made up, since the lines that have them are lost.
    guessed: bool,
}

#[derive(Debug)]
enum Piece<'a> {
    /// These, from here on.
    Bytes(Cow<'a, [u8]>, usize),
    /// So much of the chat's bytes, under this mask; for ever, if there is none.
    Text(u64, Option<[u8; 4]>),
    Skip(u64),
}

impl<'a> Sent<'a> {
    pub(super) fn take(&mut self, content: Content<'a>) {
        match content {
            Content::Raw(bytes) => self.pieces.push_back(Piece::Bytes(bytes, 0)),
            Content::Chat => self.pieces.push_back(Piece::Text(u64::MAX, None)),
            Content::Frame(mut head) => {
                head.extend_from_slice(&KEY);
                let read = websocket::Head::read(&head);
                let length = read.ok().flatten().map_or(0, |head| head.length);
                self.pieces.push_back(Piece::Bytes(Cow::Owned(head), 0));
                self.pieces.push_back(Piece::Text(length, Some(KEY)));
            }
            Content::Text(bytes) => self.text.extend(bytes.iter()),
            Content::Skip(count) => self.pieces.push_back(Piece::Skip(count)),
        }
    }

    /// Whether some of the bytes so far were made up.
    pub(super) fn is_guessed(&self) -> bool {
        self.guessed
    }

    /// The next bytes; `None` if the recording has not so many.
    pub(super) fn next(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(length);
        while out.len() < length {
            let wanted = length - out.len();
            match self.pieces.front_mut()? {
                Piece::Bytes(bytes, at) => {
                    let end = bytes.len().min(*at + wanted);
                    out.extend_from_slice(&bytes[*at..end]);
                    *at = end;
                    if end == bytes.len() {
                        self.pieces.pop_front();
                    }
                }
                Piece::Text(left, mask) => {
                    let here = usize::try_from(*left).map_or(wanted, |left| left.min(wanted));
                    let start = out.len();
                    let there = here.min(self.text.len());
                    out.extend(self.text.drain(..there));
                    // Bytes that waited when the recording was cut off are in no line.
                    self.guessed |= there < here;
                    out.resize(start + here, b'x');
                    if let Some(mask) = mask {
                        websocket::unmask(&mut out[start..], *mask);
                        mask.rotate_left(here % 4);
                        *left -= here as u64;
                    }
                    if *left == 0 {
                        self.pieces.pop_front();
                    }
                }
                Piece::Skip(left) => {
                    let here = usize::try_from(*left).map_or(wanted, |left| left.min(wanted));
                    out.resize(out.len() + here, b'x');
                    *left -= here as u64;
                    if *left == 0 {
                        self.pieces.pop_front();
                    }
                }
            }
        }
        Some(out)
    }
}
