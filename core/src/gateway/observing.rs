//! Shows an observer what happens, if there is one.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::Gateway;
use crate::config::Config;
use crate::conn::{Asks, State, Wire};
use crate::id::ConnId;
use crate::observer::{Meaning, Observer, Wanted};
use crate::time::Now;
use crate::wire::typed::Habits;
use crate::wire::websocket::{Decoder, Head, Payload};

impl Gateway {
    /// A gateway as [`Gateway::new`] makes it, with an observer.
    pub fn observed(config: Arc<Config>, now: Now, observer: Option<Box<dyn Observer>>) -> Self {
        let mut gateway = Self::new(config, now);
        gateway.observer = observer.map(|mut observer| {
            observer.begin(now, &gateway.config);
            observer
        });
        gateway
    }

    #[inline]
    pub(super) fn understood(&mut self, id: ConnId, meaning: Meaning<'_>) {
        if let Some(observer) = &mut self.observer {
            observer.understood(id, meaning);
        }
    }

    pub(super) fn dropped(&mut self, id: ConnId, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.understood(id, Meaning::Dropped(bytes));
        }
    }

    /// Shows the head of the frame that `input` begins with, or all of a control frame. Returns how many bytes
    /// that takes; without an observer none.
    pub(super) fn understood_frame(&mut self, id: ConnId, input: &[u8]) -> usize {
        let Some(observer) = &mut self.observer else {
            return 0;
        };
        let (meaning, size) = match Head::read(input) {
            Err(violation) => {
                let broken = |end: &usize| Head::read(&input[..*end]).is_err();
                let end = (1..input.len()).find(broken).unwrap_or(input.len());
                (Meaning::Broken(violation, &input[..end]), end)
            }
            Ok(Some(head)) if head.opcode.is_control() => {
                let end = head.size + head.length as usize;
                match input.get(head.size..end) {
                    Some(masked) => {
                        let payload = Payload::unmasked(masked, head.key);
                        observer.understood(id, Meaning::Control(head.opcode, payload.as_bytes()));
                        return end;
                    }
                    None => (Meaning::Begun(input), input.len()),
                }
            }
            Ok(Some(head)) => {
                let meaning = Meaning::Frame {
                    opcode: head.opcode,
                    fin: head.fin,
                    length: head.length,
                };
                (meaning, head.size)
            }
            Ok(None) => (Meaning::Begun(input), input.len()),
        };
        if size > 0 {
            observer.understood(id, meaning);
        }
        size
    }

    /// Shows the frame that a WebSocket would have read next, which may have had to wait. Its payload joins
    /// `unmasked`. Returns how many bytes it takes; without an observer none.
    pub(super) fn unread_frame(
        &mut self,
        id: ConnId,
        mut decoder: Decoder,
        input: &[u8],
        unmasked: &mut Vec<u8>,
    ) -> usize {
        if self.observer.is_none() {
            return 0;
        }
        let (before, begins) = (unmasked.len(), decoder.is_between_frames());
        // Whatever comes of it, the payload has been appended.
        let _ = decoder.decode(input, unmasked, usize::MAX);
        let head = if begins {
            self.understood_frame(id, input)
        } else {
            0
        };
        head + unmasked.len() - before
    }

    /// Shows payload of which no command will be carried out.
    pub(super) fn unused_payload(&mut self, id: ConnId, payload: &[u8]) {
        let habits = Habits {
            line: false,
            telnet: false,
            page: self.config.codepage,
        };
        if !payload.is_empty() {
            self.understood(id, Meaning::Unused(payload, habits));
        }
    }

    /// Shows the bytes that a connection holds and of which no meaning will be shown any more.
    pub(super) fn unread(&mut self, id: ConnId) {
        if self.observer.is_none() {
            return;
        }
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        // Copied, since a recording may end while the connection goes on.
        let bytes = Zeroizing::new(conn.inbox.bytes().to_vec());
        match &mut conn.state {
            State::Http {
                asks: Asks::Admin(_),
                ..
            } if !bytes.is_empty() => self.understood(id, Meaning::Body(&bytes)),
            State::Http { .. } if !bytes.is_empty() => {
                self.understood(id, Meaning::Head(&bytes));
            }
            State::Chat(chat) => match &mut chat.wire {
                Wire::Stream => self.dropped(id, &bytes),
                Wire::WebSocket(websocket) => {
                    let decoder = websocket.decoder;
                    let mut payload = websocket.unmasked.clone();
                    let used = self.unread_frame(id, decoder, &bytes, &mut payload);
                    self.unused_payload(id, &payload);
                    self.dropped(id, &bytes[used..]);
                }
            },
            // First bytes have been seen already.
            State::Sniffing(..) | State::Http { .. } | State::Ending(_) => {}
        }
    }

    /// The runtime has polled every action.
    #[inline]
    pub(super) fn polled(&mut self) {
        if let Some(observer) = &mut self.observer
            && observer.polled() == Wanted::NoMore
        {
            self.end_observation();
        }
    }

    fn end_observation(&mut self) {
        if self.observer.is_some() {
            for id in self.conns.ids() {
                self.unread(id);
            }
        }
        self.observer = None;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end_observation();
    }
}
