//! Connections through a proxy: whether their header is taken, and which peer they have from then on.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::Model;
use super::side::Stage;
use crate::sim::client::Kind;
use crate::sim::hop::{Header, Hop, Need};
use crate::sim::key::Key;
use flashgate_core::{Loopback, Millis, Note, Peer, Refusal};

/// The opening of a connection whose header is not whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    hop: Hop,
    /// Whether its listener serves nothing but the policy.
    is_policy: bool,
    arrived: u64,
    first: Option<Millis>,
    /// It must end with this input.
    over: bool,
    /// The log has said that it has no header.
    logged: bool,
}

impl Opening {
    /// Whether it has begun without a header.
    fn is_bare(&self) -> bool {
        self.hop.header == Header::Missing && self.arrived > 0
    }
}

/// The peers that were turned away and are not in the log, by reason.
pub(super) type TurnedAway = BTreeMap<&'static str, Vec<SocketAddr>>;

impl Model {
    /// A connection that was just accepted will begin with this.
    pub(in crate::sim) fn comes_through(&mut self, id: Key, hop: Hop, is_policy: bool) {
        if (hop.need, hop.header) == (Need::Optional, Header::Missing) {
            return self.count("no PROXY header, and none needed");
        }
        let opening = Opening {
            hop,
            is_policy,
            arrived: 0,
            first: None,
            over: false,
            logged: false,
        };
        self.side(id).opening = Some(opening);
    }

    /// Whether the limits for each address hold for clients there.
    pub(super) fn is_limited(&self, address: IpAddr) -> bool {
        self.config.loopback == Loopback::Limited || !address.is_loopback()
    }

    /// How many connections count for an address.
    pub(super) fn open(&self, address: IpAddr) -> usize {
        let sides = self.sides.values();
        sides
            .filter(|side| side.limited && side.peer.ip() == address)
            .count()
    }

    /// Ends the openings whose time is over. Their timers fire before the present input.
    pub(super) fn time_out_openings(&mut self) {
        let now = self.now.mono;
        let ids: Vec<Key> = self.sides.keys().copied().collect();
        for id in ids {
            if let Some(opening) = self.opening(id)
                && let due = self.opening_deadline(id, opening)
                && now >= due
                && self.stopping.is_none_or(|until| due <= until)
            {
                self.count("PROXY header timed out");
                self.end_opening(id, opening);
            }
        }
    }

    /// Whether the time for the header of a connection is over, or was over before the header was whole.
    pub(in crate::sim) fn has_late_header(&self, id: Key, now: Millis) -> bool {
        let opening = self.sides.get(&id).and_then(|side| side.opening);
        let late = |opening| now >= self.opening_deadline(id, opening);
        self.mistaken.contains(&id) || opening.is_some_and(late)
    }

    fn opening_deadline(&self, id: Key, opening: Opening) -> Millis {
        let (limits, accepted) = (&self.config.limits, self.sides[&id].accepted);
        let due = match opening.first {
            Some(first) => first + limits.request,
            None => accepted + limits.login,
        };
        if opening.hop.need == Need::Optional && !opening.is_policy {
            due
        } else {
            due.min(accepted + limits.request)
        }
    }

    /// The opening of a connection that has not ended.
    fn opening(&self, id: Key) -> Option<Opening> {
        let side = &self.sides[&id];
        let opening = side.opening.filter(|opening| !opening.over);
        opening.filter(|_| side.ending.is_none())
    }

    /// Takes these bytes of a connection. Returns how many of them are behind its header.
    fn opens(&mut self, id: Key, bytes: u64) -> u64 {
        let now = self.now.mono;
        let Some(mut opening) = self.opening(id) else {
            // What comes behind a malformed header means nothing.
            return if self.sides[&id].opening.is_some() {
                0
            } else {
                bytes
            };
        };
        let hop = opening.hop;
        opening.first.get_or_insert(now);
        opening.arrived += bytes;
        let behind = opening.arrived.saturating_sub(hop.length);
        self.side(id).opening = Some(opening);
        match hop.header {
            Header::Whole(client) if opening.arrived >= hop.decisive => {
                self.side(id).opening = None;
                self.named(id, client);
                // What comes behind the header of a client that is turned away means nothing.
                if self.side(id).refused { 0 } else { behind }
            }
            Header::Malformed if opening.arrived >= hop.decisive => {
                self.refuse_header(id, opening, Refusal::BadProxyHeader);
                0
            }
            Header::Whole(_) | Header::Malformed | Header::Cut | Header::Missing => 0,
        }
    }

    /// A proxy has named its client, or says that there is none.
    fn named(&mut self, id: Key, client: Option<SocketAddr>) {
        let Some(client) = client else {
            return self.count("PROXY header without a client");
        };
        let address = client.ip().to_canonical();
        let is_limited = self.is_limited(address);
        let is_full = is_limited && self.open(address) >= self.config.limits.per_address;
        let side = self.side(id);
        side.peer = SocketAddr::new(address, client.port());
        side.limited = is_limited && !is_full;
        if is_full {
            self.turn_away(id, Refusal::AddressLimit);
            self.side(id).refused = true;
            self.count("PROXY header of an address at its limit");
        } else {
            self.count("PROXY header");
        }
    }

    /// Nothing more comes for a header that is not whole.
    fn end_opening(&mut self, id: Key, opening: Opening) {
        let Opening { hop, arrived, .. } = opening;
        let is_text = arrived < hop.signature;
        if arrived == 0 || is_text && opening.is_policy && hop.need == Need::Optional {
            return self.doom(id, opening);
        }
        if is_text && hop.need == Need::Optional {
            // It is the beginning of a command.
            let side = self.side(id);
            side.opening = None;
            side.kind = Kind::Garbage;
            self.mistaken.insert(id);
            return self.count("PROXY header taken for a command");
        }
        let reason = match is_text || opening.is_bare() {
            true => Refusal::NoProxyHeader,
            false => Refusal::BadProxyHeader,
        };
        self.refuse_header(id, opening, reason);
    }

    fn refuse_header(&mut self, id: Key, opening: Opening, reason: Refusal) {
        self.turn_away(id, reason);
        self.doom(id, opening);
    }

    fn doom(&mut self, id: Key, opening: Opening) {
        let over = true;
        self.side(id).opening = Some(Opening { over, ..opening });
    }

    /// The end of a connection's stream ends its opening.
    pub(super) fn interrupt(&mut self, id: Key) {
        if let Some(opening) = self.opening(id) {
            self.end_opening(id, opening);
        }
    }

    /// The server stops, and closes connections that have sent nothing.
    pub(super) fn interrupt_the_silent(&mut self) {
        let ids: Vec<Key> = self.sides.keys().copied().collect();
        for id in ids {
            if let Some(opening) = self.opening(id)
                && opening.arrived == 0
            {
                self.end_opening(id, opening);
            }
        }
    }

    /// Checks an end of a connection whose header was not taken. Returns false if its header was.
    pub(super) fn is_refused(&mut self, id: Key, stage: Stage) -> bool {
        let side = &self.sides[&id];
        if side.ending.is_some() {
            return false;
        }
        let (refused, stopping) = (side.refused, self.stopping.is_some());
        let Some(opening) = side.opening else {
            if refused {
                assert_eq!(stage, Stage::Close, "an address at its limit");
            }
            return refused;
        };
        let undecided = opening.is_bare();
        assert!(
            opening.over || undecided || stopping,
            "its header is not decided: {opening:?}"
        );
        assert!(stage == Stage::Close || stopping, "{stage:?}");
        if undecided && !opening.over && !opening.logged && stage == Stage::Close {
            self.turn_away(id, Refusal::NoProxyHeader);
        }
        true
    }

    /// Whether a connection should have ended, because of its header or its address.
    pub(super) fn should_be_refused(&self, id: Key) -> bool {
        let side = &self.sides[&id];
        let over = |opening: Opening| {
            opening.over || opening.is_bare() && opening.arrived >= LONGEST_REQUEST
        };
        side.ending.is_none() && (side.refused || side.opening.is_some_and(over))
    }

    pub(super) fn turn_away(&mut self, id: Key, reason: Refusal) {
        let peer = self.sides[&id].peer;
        self.turned_away_from(peer, reason);
    }

    /// The log must say that a peer was turned away.
    pub(super) fn turned_away_from(&mut self, peer: SocketAddr, reason: Refusal) {
        self.count(reason.as_str());
        let peers = self.turned_away.entry(reason.as_str());
        peers.or_default().push(peer);
    }

    /// Checks that the log has said so of each. A server that stops early may leave the last ones out.
    pub(in crate::sim) fn assert_logged(&self) {
        let is_logged = self.turned_away.values().all(Vec::is_empty);
        assert!(is_logged, "not in the log: {:?}", self.turned_away);
    }

    /// The log says so.
    pub(super) fn logged_refusal(&mut self, note: &Note, reason: Refusal, times: u64) {
        self.count("refused");
        let is_known = [
            Refusal::AddressLimit,
            Refusal::NoProxyHeader,
            Refusal::BadProxyHeader,
        ];
        if !is_known.contains(&reason) {
            return;
        }
        let (now, stopping) = (self.now.mono, self.stopping);
        let peers = self.turned_away.entry(reason.as_str()).or_default();
        if stopping.is_some_and(|until| now >= until) {
            // Some openings may have timed out, and others were aborted: the model cannot tell which.
            peers.drain(..peers.len().min(times as usize));
            return;
        }
        if let Some(last) = peers
            .iter()
            .position(|peer| Peer::Address(*peer) == note.peer)
        {
            peers.remove(last);
        } else {
            // The model does not know which byte shows that there is no header.
            let mut openings = self.sides.values_mut();
            let side = openings
                .find(|side| Peer::Address(side.peer) == note.peer && side.ending.is_none());
            let opening = side.and_then(|side| side.opening.as_mut());
            let opening = opening.filter(|opening| opening.is_bare() && !opening.logged);
            opening
                .unwrap_or_else(|| panic!("not turned away: {note:?}"))
                .logged = true;
        }
        assert!(peers.len() as u64 + 1 >= times, "{times} times: {peers:?}");
        peers.drain(..times as usize - 1);
    }

    /// Takes note of bytes that a connection has sent.
    pub(super) fn received(&mut self, id: Key, bytes: usize) {
        let now = self.now.mono;
        let behind = self.opens(id, bytes as u64);
        let behind = self.counted_by_client(id, behind);
        let side = self.side(id);
        side.arrived_before = side.arrived;
        side.heard_before = std::mem::replace(&mut side.last_bytes, now);
        if behind > 0 {
            side.arrived += behind;
            side.began.get_or_insert(now);
        }
    }
}

/// The bytes of a policy request. No beginning that is as long can still become a header.
const LONGEST_REQUEST: u64 = 23;
