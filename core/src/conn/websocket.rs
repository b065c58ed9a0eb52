//! A WebSocket under a chat: how it speaks, what it has said, and whether it lives.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::config::Limits;
use crate::conn::Incoming;
use crate::conn::chat::earliest;
use crate::note::CloseReason;
use crate::time::Millis;
use crate::wire::websocket::{CloseCode, Decoder, Kind};

/// A WebSocket. Idle, it holds no buffer.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(crate) decoder: Decoder,
    /// What its first data message was.
    pub(crate) speaks: Option<Kind>,
    /// Payload that was not used yet: the beginning of a command, or what waits its turn.
    pub(crate) unmasked: Zeroizing<Vec<u8>>,
    /// Whether a text message is whole; nothing else is unmasked then.
    pub(crate) whole: bool,
    pub(crate) end: Option<End>,
    /// The last sign of life, or when the wait for one began.
    pub(crate) heard: Millis,
    /// Not looked at while pings are switched off.
    next_ping: Millis,
    /// That a ping was due while something waited, and goes out when all of that was taken.
    pub(crate) owed_ping: bool,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client said goodbye, and so do we, with the same code.
    Closed(Option<CloseCode>),
    /// The client has closed its sending side without a goodbye.
    Silent,
    /// It broke a rule.
    Broken(CloseCode),
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It has not been heard of for too long.
    Dead,
    /// It is to be asked.
    Ping,
    /// Nothing.
    Fine,
}

impl WebSocket {
    /// `slot` spreads the first pings, so that those who came at once are not asked at once.
    pub(crate) fn new(now: Millis, slot: usize, limits: &Limits) -> Self {
        let first = limits.ping.unwrap_or_default();
        let early = slot as u64 * SPREAD % (first.0 / 5).max(1);
        Self {
            decoder: Decoder::default(),
            speaks: None,
            unmasked: Zeroizing::default(),
            whole: false,
            end: None,
            heard: now,
            next_ping: now + Millis(first.0 - early),
            owed_ping: false,
        }
    }

    /// Whether its data messages have been of the other kind so far.
    pub(crate) fn other_than(&self, kind: Kind) -> bool {
        self.speaks.is_some_and(|speaks| speaks != kind)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// What the close frame says when the chat ends for this reason; `None` if no frame can reach the peer.
    pub(crate) fn goodbye(&self, reason: CloseReason) -> Option<Option<CloseCode>> {
        match (reason, self.end) {
            (CloseReason::EndOfStream, Some(End::Closed(code))) => Some(code),
            (CloseReason::ProtocolError, Some(End::Broken(code))) => Some(Some(code)),
            (CloseReason::Quit, _) => Some(Some(CloseCode::NORMAL)),
            (CloseReason::Shutdown | CloseReason::Drained, _) => Some(Some(CloseCode::GOING_AWAY)),
            (
                CloseReason::NoLogin
                | CloseReason::FailedLogins
                | CloseReason::Replaced
                | CloseReason::Disabled
                | CloseReason::Kicked,
                _,
            ) => Some(Some(CloseCode::POLICY)),
            (
                CloseReason::EndOfStream
                | CloseReason::ProtocolError
                | CloseReason::Reset
                | CloseReason::TooSlow
                | CloseReason::Timeout
                | CloseReason::NotChat
                | CloseReason::Tls,
                _,
            ) => None,
        }
    }

    /// When its life has to be looked at.
    pub(crate) fn deadline(&self, incoming: Incoming, limits: &Limits) -> Option<Millis> {
        earliest(self.silent_at(incoming, limits), self.ping_at(limits))
    }

    /// What is due now; the time of the next ping is moved on.
    pub(crate) fn life(&mut self, now: Millis, incoming: Incoming, limits: &Limits) -> Life {
        if let Some(at) = self.silent_at(incoming, limits).filter(|at| *at <= now) {
            if now - at < AWAY {
                return Life::Dead;
            }
            // Nobody looked when the time came: it was we who were away (a machine that was paused),
            // and what it said meanwhile is still to be read. It is asked, and has its time again.
            self.heard = now;
            self.next_ping = now;
        }
        match (limits.ping, self.ping_at(limits)) {
            (Some(ping), Some(at)) if at <= now => {
                self.next_ping = now + ping.max(Millis(1));
                Life::Ping
            }
            _ => Life::Fine,
        }
    }

    fn ping_at(&self, limits: &Limits) -> Option<Millis> {
        // At the end of time there is no next one: it would be due again at once, for ever.
        (limits.ping.is_some() && self.next_ping < Millis(u64::MAX)).then_some(self.next_ping)
    }

    /// While we read nothing, nothing can be heard; nor from a client that has said its last, and
    /// waits for the answers.
    fn silent_at(&self, incoming: Incoming, limits: &Limits) -> Option<Millis> {
        match incoming {
            Incoming::Open if !self.has_ended() => {
                limits.silence.map(|silence| self.heard + silence)
            }
            Incoming::Open | Incoming::Paused | Incoming::Ended => None,
        }
    }
}

/// So late no timer is looked at unless the whole host stood still.
pub(crate) const AWAY: Millis = Millis::from_secs(5);

/// Milliseconds from one slot's first ping to the next slot's; a prime, so that few meet.
const SPREAD: u64 = 61;
