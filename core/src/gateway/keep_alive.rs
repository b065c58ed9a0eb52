//! Keeps raw connections of Flash clients alive behind a proxy that cuts what is silent: a lone NUL, which
//! Flash Player and Ruffle take for an empty message. Nothing is kept for it while it is switched off.

use super::Gateway;
use crate::chunk::Chunk;
use crate::conn::{State, Wire};
use crate::id::ConnId;
use crate::time::Millis;

impl Gateway {
    /// The connection may have sent its first command that was ended by NUL.
    #[inline]
    pub(super) fn keep_alive(&mut self, id: ConnId) {
        if self.config.limits.raw_keepalive.is_some() && self.silences.get(id).is_none() {
            self.await_silence(id);
        }
    }

    /// Something was sent to the connection.
    #[inline]
    pub(super) fn not_silent(&mut self, id: ConnId) {
        if self.config.limits.raw_keepalive.is_some() && self.silences.get(id).is_some() {
            self.await_silence(id);
        }
    }

    /// The setting may have changed.
    pub(super) fn keep_all_alive(&mut self) {
        for id in self.conns.ids() {
            let before = self.silences.get(id);
            self.await_silence(id);
            // A silence goes on that was not made shorter.
            if let (Some(before), Some(now)) = (before, self.silences.get(id)) {
                self.silences.set(id, before.min(now));
            }
        }
    }

    /// The connection has been silent.
    pub(super) fn break_silence(&mut self, id: ConnId) {
        let nothing_waits = self.conns.known(id).is_some_and(|c| c.waiting() == 0);
        self.await_silence(id);
        // Behind what the client has not taken yet a NUL would come too late.
        if nothing_waits && self.silences.get(id).is_some() {
            self.write(id, Chunk::new(b"\0"));
        }
    }

    /// Lets a whole silence pass from now on; none for a connection that gets no NUL.
    fn await_silence(&mut self, id: ConnId) {
        let silence = self.config.limits.raw_keepalive;
        let is_flash = match self.conns.known(id).map(|conn| &conn.state) {
            Some(State::Chat(chat)) => matches!(chat.wire, Wire::Stream) && chat.framer.is_flash(),
            Some(State::Sniffing(..) | State::Http { .. } | State::Ending(_)) | None => false,
        };
        match silence {
            Some(silence) if is_flash => {
                let silence = silence.max(Millis(1));
                self.silences.set(id, self.now.mono + silence);
            }
            Some(_) | None => self.silences.remove(id),
        }
    }
}
