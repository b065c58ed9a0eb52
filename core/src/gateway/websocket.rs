//! WebSocket: from the upgrade through frames to the bytes of commands, and to the goodbye.

use alloc::vec::Vec;
use core::mem;

use zeroize::Zeroizing;

use super::ending::Ends;
use super::{Gateway, Step};
use crate::chunk::{Chunk, Form};
use crate::conn::websocket::{End, Life, WebSocket};
use crate::conn::{Cost, Incoming, Stage, Turn, Wire};
use crate::id::ConnId;
use crate::note::{CloseReason, Refusal};
use crate::web::counters::Limit;
use crate::wiped;
use crate::wire::http::{Response, Status};
use crate::wire::websocket::{
    CloseCode, Decoded, Decoder, Handshake, Kind, Opcode, Refusal as Of, Violation,
};

impl Gateway {
    /// Answers a request to speak WebSocket; an answer that is left to send means no.
    pub(super) fn upgrade(&mut self, id: ConnId, handshake: &Handshake<'_>) -> Option<Response> {
        if !self.is_running() {
            self.refuse(id, Refusal::Shutdown, None);
            return Some(Response::plain(Status::ServiceUnavailable));
        }
        if let Some(origin) = handshake.origin
            && !self.config.origins.allow(origin)
        {
            self.refuse(id, Refusal::Origin, Some(origin));
            return Some(Response::plain(Status::Forbidden));
        }
        self.write(id, Chunk::new(handshake.answer().as_bytes()));
        let websocket = WebSocket::new(self.now.mono, id.slot(), &self.config.limits);
        self.begin_chat(id, Wire::WebSocket(websocket.into()));
        None
    }

    /// Answers a request that asks for a WebSocket and cannot have one, and logs the reason: nothing else shows an
    /// operator what the proxy in front lacks.
    pub(super) fn refuse_upgrade(&mut self, id: ConnId, refusal: Of<'_>) -> Response {
        let (reason, detail) = match refusal {
            Of::Http10 => (Refusal::Http10, None),
            Of::Host => (Refusal::Host, None),
            Of::Method => (Refusal::Method, None),
            Of::NoConnection => (Refusal::NoConnection, None),
            Of::Body => (Refusal::Body, None),
            Of::NoVersion => (Refusal::NoVersion, None),
            Of::Version(version) => (Refusal::Version, Some(version)),
            Of::TwoVersions => (Refusal::TwoVersions, None),
            Of::NoKey => (Refusal::NoKey, None),
            Of::BadKey => (Refusal::BadKey, None),
        };
        self.refuse(id, reason, detail);
        if matches!(reason, Refusal::Version | Refusal::TwoVersions) {
            // RFC 9110 section 15.5.22 and RFC 6455 section 4.4.
            Response::plain(Status::UpgradeRequired)
                .with("Upgrade", "websocket")
                .with("Sec-WebSocket-Version", "13")
        } else {
            Response::plain(Status::BadRequest)
        }
    }

    /// Takes frames and carries out their commands, until something has to wait or the chat has ended.
    pub(super) fn websocket(&mut self, id: ConnId, input: &[u8]) -> Step {
        let Some(websocket) = self.conns.known_mut(id).and_then(|conn| conn.websocket()) else {
            return Step::Wait;
        };
        // Most messages are one command that is carried out at once: they pass through one buffer
        // that all connections share.
        let shared = websocket.unmasked.is_empty();
        let mut unmasked = mem::take(if shared {
            &mut self.scratch
        } else {
            &mut websocket.unmasked
        });
        let mut used = 0;
        let step = loop {
            match self.frame(id, &input[used..], &mut unmasked) {
                Some(Step::Consumed(bytes)) => used += bytes,
                Some(Step::Last(bytes)) => break Step::Last(used + bytes),
                Some(Step::Wait) => break Step::Last(used),
                None => break Step::Consumed(used),
            }
        };
        self.keep(id, unmasked, shared);
        step
    }

    /// Carries out the commands that are there, then reads one more piece of the input.
    fn frame(&mut self, id: ConnId, input: &[u8], unmasked: &mut Vec<u8>) -> Option<Step> {
        let decoder = match &self.observer {
            Some(_) => Some(self.conns.known(id)?.as_websocket()?.decoder),
            None => None,
        };
        let used = self.commands(id, unmasked);
        wiped::consume(unmasked, used);
        match (self.decode(id, input, unmasked), decoder) {
            (None, Some(decoder)) => {
                let unread = self.unread_frame(id, decoder, input, unmasked);
                Some(Step::Consumed(unread))
            }
            (step, _) => step,
        }
    }

    /// Carries out commands until there is none, or one has to wait.
    fn commands(&mut self, id: ConnId, unmasked: &[u8]) -> usize {
        let mut used = 0;
        while let Step::Consumed(bytes) = self.next_command(id, &unmasked[used..]) {
            used += bytes;
        }
        used
    }

    /// Reads one more piece of the input, if its turn has come; nothing if the chat has ended.
    fn decode(&mut self, id: ConnId, input: &[u8], unmasked: &mut Vec<u8>) -> Option<Step> {
        let (limits, now) = (&self.config.limits, self.now.mono);
        let conn = self.conns.known_mut(id)?;
        let (incoming, is_behind) = (conn.incoming, conn.is_behind(limits));
        let chat = conn.chat()?;
        let ready = matches!(chat.turn, Turn::Ready);
        let websocket = chat.websocket()?;
        if websocket.has_ended() && !input.is_empty() {
            self.dropped(id, input);
            return Some(Step::Consumed(input.len()));
        }
        if !ready || websocket.has_ended() {
            return Some(Step::Wait);
        }
        let mut decoder = websocket.decoder;
        let (before, begins) = (unmasked.len(), decoder.is_between_frames());
        let goes_on = decoder.is_in_message() || before > 0;
        // A terminator does not count: it takes at most two bytes more.
        let decoded = decoder.decode(input, unmasked, limits.command.saturating_add(2));
        let idle = match &decoded {
            // This is answered with an error.
            Ok(Decoded::Data { kind, .. }) if websocket.other_than(*kind) => false,
            // The frame that begins a command costs nothing: the command does.
            Ok(Decoded::Data { .. }) => {
                let empty = unmasked.len() == before && decoder.is_between_frames();
                begins && (goes_on || empty)
            }
            Ok(Decoded::Ping(..)) if is_behind => {
                chat.wait(Turn::Backlog, now);
                return Some(Step::Wait);
            }
            Ok(Decoded::Ping(..) | Decoded::Pong(_)) => true,
            Ok(Decoded::Partial) if incoming != Incoming::Ended => return Some(Step::Wait),
            Ok(Decoded::Partial | Decoded::Close(..)) | Err(_) => false,
        };
        if idle && let Err(until) = chat.take(Cost::Idle(1), limits, now) {
            wiped::truncate(unmasked, before);
            self.slow_down(id, until);
            return Some(Step::Wait);
        }
        let head = if begins {
            self.understood_frame(id, input)
        } else {
            0
        };
        let seen = head + unmasked.len() - before;
        Some(match self.decoded(id, &decoded, decoder, unmasked) {
            Ok(used) => Step::Consumed(used.max(seen)),
            Err(code) => {
                self.fail(id, code);
                Step::Consumed(seen)
            }
        })
    }

    /// Does what a piece of the input asks for. Returns how many bytes it takes, or the code to close the
    /// connection with.
    fn decoded(
        &mut self,
        id: ConnId,
        decoded: &Result<Decoded, Violation>,
        decoder: Decoder,
        unmasked: &[u8],
    ) -> Result<usize, CloseCode> {
        let limit = self.config.limits.command;
        let Some(conn) = self.conns.known_mut(id) else {
            return Ok(0);
        };
        let Some(websocket) = conn.websocket() else {
            return Ok(0);
        };
        let used = match decoded {
            Ok(Decoded::Partial) => {
                websocket.end = Some(End::Silent);
                return Ok(0);
            }
            Ok(Decoded::Data { kind, .. }) if websocket.other_than(*kind) => {
                return Err(CloseCode::UNSUPPORTED);
            }
            Ok(Decoded::Data { used, kind, end }) => {
                websocket.speaks = Some(*kind);
                websocket.decoder = decoder;
                if *kind == Kind::Text {
                    if without_terminator(unmasked).len() > limit {
                        return Err(CloseCode::TOO_BIG);
                    }
                    websocket.whole = *end;
                    conn.form = Form::Text;
                }
                return Ok(*used);
            }
            Ok(Decoded::Ping(used, _) | Decoded::Pong(used)) => used,
            Ok(Decoded::Close(used, code)) => {
                websocket.end = Some(End::Closed(*code));
                used
            }
            Err(violation) => {
                return Err(first_fault(*violation, websocket.speaks, unmasked, limit));
            }
        };
        websocket.decoder = decoder;
        if let Ok(Decoded::Ping(_, payload)) = decoded {
            self.write(id, Chunk::frame(Opcode::Pong, payload.as_bytes()));
        }
        Ok(*used)
    }

    /// Ends a connection that broke a rule.
    fn fail(&mut self, id: ConnId, code: CloseCode) {
        if code == CloseCode::TOO_BIG {
            self.counters.hit(Limit::Command);
        }
        if let Some(websocket) = self.conns.known_mut(id).and_then(|conn| conn.websocket()) {
            websocket.end = Some(End::Broken(code));
        }
        self.end_chat(id, CloseReason::ProtocolError, Ends::With(Stage::Finishing));
    }

    /// Keeps what is left of a buffer with the connection, and the shared buffer for the next.
    fn keep(&mut self, id: ConnId, mut unmasked: Zeroizing<Vec<u8>>, shared: bool) {
        if !unmasked.is_empty() {
            match self.conns.known_mut(id).and_then(|conn| conn.websocket()) {
                Some(websocket) if shared => websocket.unmasked = unmasked.clone(),
                Some(websocket) => {
                    wiped::fit(&mut unmasked);
                    websocket.unmasked = mem::take(&mut unmasked);
                }
                None => self.unused_payload(id, &unmasked),
            }
        }
        if shared {
            wiped::clear(&mut unmasked);
            self.scratch = unmasked;
        }
    }

    /// Says goodbye in a frame, where the end of a chat is one that can be said.
    pub(super) fn say_goodbye(&mut self, id: ConnId, reason: CloseReason) {
        let websocket = self.conns.known_mut(id).and_then(|conn| conn.websocket());
        if let Some(code) = websocket.and_then(|websocket| websocket.goodbye(reason)) {
            self.write_close(id, code);
        }
    }

    pub(super) fn write_close(&mut self, id: ConnId, code: Option<CloseCode>) {
        let code = code.map(|code| code.get().to_be_bytes());
        let payload = code.as_ref().map_or(&[][..], |code| code);
        self.write(id, Chunk::frame(Opcode::Close, payload));
    }

    /// Asks a WebSocket whether it lives, or gives it up.
    pub(super) fn look_after(&mut self, id: ConnId) {
        let now = self.now.mono;
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let (incoming, waiting) = (conn.incoming, conn.waiting());
        let Some(websocket) = conn.websocket() else {
            return;
        };
        match websocket.life(now, incoming, &self.config.limits) {
            Life::Dead => {
                self.counters.hit(Limit::Silence);
                self.end_chat(id, CloseReason::Timeout, Ends::With(Stage::Aborted));
            }
            // Behind what it has not taken yet a ping would come too late, and pings would pile up.
            // In a busy room something is on its way most of the time: the ping must not be lost.
            Life::Ping => {
                websocket.owed_ping = true;
                if waiting == 0 {
                    self.ping(id);
                }
            }
            Life::Fine => {}
        }
    }

    /// Sends the ping that is due, if one is.
    pub(super) fn ping(&mut self, id: ConnId) {
        if let Some(websocket) = self.conns.known_mut(id).and_then(|conn| conn.websocket())
            && mem::take(&mut websocket.owed_ping)
            && !websocket.has_ended()
        {
            self.write(id, Chunk::frame(Opcode::Ping, b""));
        }
    }
}

/// The command in a text message, which needs no terminator but may have one.
pub(super) fn without_terminator(message: &[u8]) -> &[u8] {
    match message {
        [command @ .., b'\r', b'\n'] | [command @ .., b'\0' | b'\r' | b'\n'] => command,
        command => command,
    }
}

/// What to close with when a text message is wrong. Had its bytes come one at a time, another fault
/// might have shown first; how they were cut must make no difference.
fn first_fault(
    violation: Violation,
    speaks: Option<Kind>,
    message: &[u8],
    limit: usize,
) -> CloseCode {
    match violation {
        Violation::BadText | Violation::LongText if speaks == Some(Kind::Binary) => {
            CloseCode::UNSUPPORTED
        }
        Violation::BadText if message.len() > limit.saturating_add(1) => {
            let first = &message[..=limit];
            let may_go_on = match core::str::from_utf8(first) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none(),
            };
            if may_go_on && without_terminator(first).len() > limit {
                CloseCode::TOO_BIG
            } else {
                CloseCode::INVALID_DATA
            }
        }
        Violation::ReservedBits
        | Violation::ReservedOpcode
        | Violation::Unmasked
        | Violation::Length
        | Violation::FragmentedControl
        | Violation::LongControl
        | Violation::UnexpectedContinuation
        | Violation::ExpectedContinuation
        | Violation::HalfCloseCode
        | Violation::BadCloseCode
        | Violation::BadCloseReason
        | Violation::BadText
        | Violation::LongText => violation.close_code(),
    }
}
