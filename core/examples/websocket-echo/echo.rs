//! The answers of an echo server: bytes in, bytes out.

use flashgate_core::websocket::{CloseCode, Decoded, Decoder, Kind, Opcode, Violation, head};

/// The conversation with one client.
#[derive(Default)]
pub(crate) struct Echo {
    decoder: Decoder,
    /// The beginning of a frame that cannot be read yet.
    input: Vec<u8>,
    message: Vec<u8>,
    closed: bool,
}

impl Echo {
    /// Takes bytes of the client and appends the answer to `out`. Returns whether the conversation is over.
    pub(crate) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        self.input.extend_from_slice(bytes);
        let mut at = 0;
        while !self.closed {
            let input = &self.input[at..];
            match self.decoder.decode(input, &mut self.message, MAX_MESSAGE) {
                Ok(Decoded::Partial) => break,
                Ok(Decoded::Data { used, kind, end }) => {
                    at += used;
                    self.data(kind, end, out);
                }
                Ok(Decoded::Ping(used, payload)) => {
                    at += used;
                    send(Opcode::Pong, payload.as_bytes(), out);
                }
                Ok(Decoded::Pong(used)) => at += used,
                Ok(Decoded::Close(_, code)) => self.close(code, out),
                Err(violation) => self.close(Some(violation.close_code()), out),
            }
        }
        self.input.drain(..at);
        self.closed
    }

    fn data(&mut self, kind: Kind, end: bool, out: &mut Vec<u8>) {
        if self.message.len() > MAX_MESSAGE {
            self.close(Some(Violation::LongText.close_code()), out);
        } else if end {
            let text = kind == Kind::Text;
            let opcode = if text { Opcode::Text } else { Opcode::Binary };
            send(opcode, &self.message, out);
            self.message = Vec::new();
        }
    }

    fn close(&mut self, code: Option<CloseCode>, out: &mut Vec<u8>) {
        let code = code.map(|code| code.get().to_be_bytes());
        send(Opcode::Close, code.as_ref().map_or(&[], |code| code), out);
        self.closed = true;
    }
}

fn send(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    let (head, size) = head(opcode, payload.len());
    out.extend_from_slice(&head[..size]);
    out.extend_from_slice(payload);
}

/// The largest message of the Autobahn suite (in its category 9).
pub(crate) const MAX_MESSAGE: usize = 16 << 20;
