//! Requests that came through proxies of HTTP: which peer their connections have from then on.

use std::net::SocketAddr;

use super::Model;
use crate::sim::client::Kind;
use crate::sim::forward::Forward;
use crate::sim::key::Key;
use flashgate_core::Refusal;

/// A head that is not whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing {
    forward: Forward,
    arrived: u64,
}

impl Model {
    /// The head of a connection's request has lines that its client has not counted.
    pub(in crate::sim) fn will_forward(&mut self, id: Key, forward: Forward) {
        let arrived = 0;
        self.side(id).passing = Some(Passing { forward, arrived });
    }

    /// Takes these bytes of a connection. Returns how many of them its client has counted.
    pub(super) fn counted_by_client(&mut self, id: Key, bytes: u64) -> u64 {
        let Some(Passing { forward, arrived }) = self.side(id).passing else {
            return bytes;
        };
        let Forward {
            head,
            added,
            client,
        } = forward;
        let counted = |arrived: u64| arrived.min(head - 1);
        let before = counted(arrived);
        let arrived = arrived + bytes;
        if arrived < head + added {
            self.side(id).passing = Some(Passing { forward, arrived });
            return counted(arrived) - before;
        }
        self.side(id).passing = None;
        if self.may_still_ask(id) {
            match client {
                Some(client) => self.forwarded(id, client),
                None => self.count("no client in the head"),
            }
        }
        arrived - added - before
    }

    /// Whether the gateway waits for the rest of a head. Its timers fire first.
    fn may_still_ask(&self, id: Key) -> bool {
        let (side, now) = (&self.sides[&id], self.now.mono);
        let began = side.began.unwrap_or(now);
        side.ending.is_none()
            && !side.refused
            && !side.chat
            && side.kind != Kind::Garbage
            && now < began + self.config.limits.request
            && (began < now || now < side.accepted + self.config.limits.login)
    }

    fn forwarded(&mut self, id: Key, client: SocketAddr) {
        let address = client.ip().to_canonical();
        let is_limited = self.is_limited(address);
        self.side(id).limited = false;
        let is_full = is_limited && self.open(address) >= self.config.limits.per_address;
        let side = self.side(id);
        side.peer = SocketAddr::new(address, client.port());
        side.limited = is_limited && !is_full;
        side.too_many = is_full;
        if is_full {
            self.turn_away(id, Refusal::AddressLimit);
            self.count("a client in the head, at its limit");
        } else {
            self.count("a client in the head");
        }
    }
}
