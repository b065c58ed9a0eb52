//! The counters behind `/metrics`. Each only grows, and costs an addition.

use crate::conn::filter::TlsVersion;
use crate::member::{Answer, Unavailable};
use crate::note::CloseReason;
use crate::time::Millis;

/// What has happened since the start. Each counter only grows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Policy documents that were sent, on a socket or over HTTP.
    pub policy_requests: u64,
    /// HTTP requests that were answered.
    pub http_requests: u64,
    /// Chat connections.
    pub chats: u64,
    /// Commands that were taken.
    pub commands: u64,
    /// Commands that the command rate held back.
    pub slowed: u64,
    /// Messages from one member to another.
    pub messages: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that failed.
    pub failed_logins: u64,
    /// Logins with a right password, refused since the member is online already.
    pub online_already: u64,
    /// Logins for which the member store had no answer.
    pub unavailable_logins: u64,
    /// Bytes from peers.
    pub received: u64,
    /// Bytes for peers, written or waiting.
    pub sent: u64,
    /// Handshakes of TLS 1.2 that were finished.
    pub tls12: u64,
    /// Handshakes of TLS 1.3 that were finished.
    pub tls13: u64,
    /// Handshakes that failed or were not finished.
    pub tls_failed: u64,
    /// How long the answers to questions took, in milliseconds. A refused login counts as at least
    /// [`Limits::failure_delay`](crate::Limits::failure_delay), which its client waits: the time of the lookup itself
    /// would show a stranger whether a member exists.
    pub lookups: Histogram<11>,
    /// The memory, in bytes, that was still queued after a write, if it was more than 16 KiB. Less than that may only
    /// wait for a thread that writes.
    pub queues: Histogram<7>,
    closed: [u64; REASONS.len()],
    limits: [u64; LIMITS.len()],
    proxy_faults: [u64; PROXY_FAULTS.len()],
    store_errors: [u64; STORE_ERRORS.len()],
}

impl Counters {
    /// Chat connections that ended for this reason.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    /// Counts a handshake of a filter; one without a version is not TLS.
    pub(crate) fn tls_established(&mut self, version: Option<TlsVersion>) {
        match version {
            Some(TlsVersion::V1_2) => self.tls12 += 1,
            Some(TlsVersion::V1_3) => self.tls13 += 1,
            None => {}
        }
    }

    pub(crate) fn close(&mut self, reason: CloseReason) {
        self.closed[reason as usize] += 1;
    }

    /// Times that clients met a limit.
    pub fn limit_hits(&self, limit: Limit) -> u64 {
        self.limits[limit as usize]
    }

    pub(crate) fn hit(&mut self, limit: Limit) {
        self.limits[limit as usize] += 1;
    }

    /// Connections from proxies whose PROXY header was missing or wrong.
    pub fn proxy_faults(&self, fault: ProxyFault) -> u64 {
        self.proxy_faults[fault as usize]
    }

    pub(crate) fn proxy_fault(&mut self, fault: ProxyFault) {
        self.proxy_faults[fault as usize] += 1;
    }

    /// Questions that the member store did not answer, for this reason.
    pub fn store_errors(&self, why: Unavailable) -> u64 {
        self.store_errors[why as usize]
    }

    /// Counts an answer of the member store, `asked` that long ago.
    pub(crate) fn answered(&mut self, answer: &Answer, took: Millis, failure_delay: Millis) {
        let seen = match answer {
            Answer::Denied(..) => took.max(failure_delay),
            Answer::Unavailable(why) => {
                self.store_errors[*why as usize] += 1;
                took
            }
            Answer::Member(_)
            | Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_) => took,
        };
        self.lookups.observe(seen.0);
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            accepted: 0,
            policy_requests: 0,
            http_requests: 0,
            chats: 0,
            commands: 0,
            slowed: 0,
            messages: 0,
            logins: 0,
            failed_logins: 0,
            online_already: 0,
            unavailable_logins: 0,
            received: 0,
            sent: 0,
            tls12: 0,
            tls13: 0,
            tls_failed: 0,
            lookups: Histogram::new(LOOKUP_MILLIS, Unit::Millis),
            queues: Histogram::new(QUEUE_BYTES, Unit::Bytes),
            closed: [0; REASONS.len()],
            limits: [0; LIMITS.len()],
            proxy_faults: [0; PROXY_FAULTS.len()],
            store_errors: [0; STORE_ERRORS.len()],
        }
    }
}

/// A limit that a client can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::clients`](crate::Limits::clients): the chat is refused.
    Clients,
    /// [`Limits::connections`](crate::Limits::connections): the connection is refused.
    Connections,
    /// [`Limits::per_address`](crate::Limits::per_address): the connection is refused.
    PerAddress,
    /// [`Limits::guests_from`](crate::Limits::guests_from): the guest is refused.
    GuestsFrom,
    /// [`Limits::command`](crate::Limits::command): the command is refused.
    Command,
    /// [`Limits::backlog`](crate::Limits::backlog): the connection is closed.
    Backlog,
    /// [`Limits::head`](crate::Limits::head): the HTTP request is refused.
    Head,
    /// [`Limits::request`](crate::Limits::request): the HTTP request is refused.
    Request,
    /// [`Limits::login`](crate::Limits::login): the connection is closed.
    Login,
    /// [`Limits::silence`](crate::Limits::silence): the WebSocket is closed.
    Silence,
    /// [`Limits::lookup`](crate::Limits::lookup): the login or command fails.
    Lookup,
    /// [`Limits::failures`](crate::Limits::failures): the connection is closed.
    Failures,
    /// [`Limits::throttle`](crate::Limits::throttle): the login waits.
    Throttle,
    /// [`Limits::rate`](crate::Limits::rate): the command waits.
    Rate,
    /// [`Limits::nick_wait`](crate::Limits::nick_wait): the change of nick is refused.
    NickWait,
    /// [`Limits::rooms`](crate::Limits::rooms): the room is not created.
    Rooms,
    /// [`Limits::rooms_each`](crate::Limits::rooms_each): the client stays out of the room.
    RoomsEach,
    /// [`Limits::rooms_per_address`](crate::Limits::rooms_per_address): the room is not created.
    RoomsPerAddress,
}

impl Limit {
    /// The label in `/metrics`: the name of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clients => "max-clients",
            Self::Connections => "connections",
            Self::PerAddress => "max-per-address",
            Self::GuestsFrom => "guests-from",
            Self::Command => "max-command",
            Self::Backlog => "max-backlog",
            Self::Head => "head",
            Self::Request => "request",
            Self::Login => "login-timeout",
            Self::Silence => "silence",
            Self::Lookup => "lookup",
            Self::Failures => "failures",
            Self::Throttle => "login-throttle",
            Self::Rate => "rate",
            Self::NickWait => "nick-wait",
            Self::Rooms => "max-rooms",
            Self::RoomsEach => "rooms-each",
            Self::RoomsPerAddress => "rooms-per-address",
        }
    }
}

/// What is wrong with the PROXY header of a connection that must have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFault {
    /// The connection begins with something else.
    Missing,
    /// The header breaks the rules of its format, or is too long.
    Malformed,
    /// The header was not finished in time, or the connection ended before.
    Unfinished,
}

impl ProxyFault {
    /// The label in `/metrics`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unfinished => "unfinished",
        }
    }
}

/// How often values of different sizes have occurred.
#[derive(Clone, Debug)]
pub struct Histogram<const N: usize> {
    bounds: [u64; N],
    unit: Unit,
    /// Values up to each bound, and above the one before.
    times: [u64; N],
    count: u64,
    sum: u64,
}

/// The unit of a histogram's values. Prometheus writes times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Millis,
    Bytes,
}

impl<const N: usize> Histogram<N> {
    const fn new(bounds: [u64; N], unit: Unit) -> Self {
        Self {
            bounds,
            unit,
            times: [0; N],
            count: 0,
            sum: 0,
        }
    }

    #[cold]
    pub(crate) fn observe(&mut self, value: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        let mut buckets = self.bounds.iter().zip(&mut self.times);
        if let Some((_, times)) = buckets.find(|(bound, _)| value <= **bound) {
            *times += 1;
        }
    }

    /// Each bound, and how many values were not above it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut sum = 0;
        self.bounds
            .iter()
            .zip(&self.times)
            .map(move |(bound, times)| {
                sum += times;
                (*bound, sum)
            })
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The values, added up.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }
}

/// From a lookup in memory to the longest time that the gateway waits by default.
const LOOKUP_MILLIS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/// The longest queue that is not counted: its length depends on which thread runs first, and not on the client.
pub(crate) const SHORT_QUEUE: usize = 16 * 1024;

/// From a few messages to four times the default limit of a slow client.
const QUEUE_BYTES: [u64; 7] = [
    32_768, 65_536, 131_072, 262_144, 524_288, 1_048_576, 4_194_304,
];

/// In the order of their declaration, which is their place in `Counters::limits`.
pub(crate) const LIMITS: [Limit; 18] = [
    Limit::Clients,
    Limit::Connections,
    Limit::PerAddress,
    Limit::GuestsFrom,
    Limit::Command,
    Limit::Backlog,
    Limit::Head,
    Limit::Request,
    Limit::Login,
    Limit::Silence,
    Limit::Lookup,
    Limit::Failures,
    Limit::Throttle,
    Limit::Rate,
    Limit::NickWait,
    Limit::Rooms,
    Limit::RoomsEach,
    Limit::RoomsPerAddress,
];

/// In the order of their declaration, which is their place in `Counters::proxy_faults`.
pub(crate) const PROXY_FAULTS: [ProxyFault; 3] = [
    ProxyFault::Missing,
    ProxyFault::Malformed,
    ProxyFault::Unfinished,
];

/// In the order of their declaration, which is their place in `Counters::store_errors`.
pub(crate) const STORE_ERRORS: [Unavailable; 5] = [
    Unavailable::Failed,
    Unavailable::Busy,
    Unavailable::TimedOut,
    Unavailable::TicketBeforeStart,
    Unavailable::TicketsFull,
];

/// In the order of their declaration, which is their place in `Counters::closed`.
pub(crate) const REASONS: [CloseReason; 15] = [
    CloseReason::Quit,
    CloseReason::EndOfStream,
    CloseReason::Reset,
    CloseReason::TooSlow,
    CloseReason::NoLogin,
    CloseReason::Timeout,
    CloseReason::FailedLogins,
    CloseReason::Replaced,
    CloseReason::ProtocolError,
    CloseReason::Shutdown,
    CloseReason::Disabled,
    CloseReason::Kicked,
    CloseReason::Drained,
    CloseReason::NotChat,
    CloseReason::Tls,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Setting;

    #[test]
    fn everything_stands_in_its_place() {
        for (place, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        for (place, limit) in LIMITS.into_iter().enumerate() {
            assert_eq!(limit as usize, place);
        }
        for (place, fault) in PROXY_FAULTS.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
        }
        for (place, error) in STORE_ERRORS.into_iter().enumerate() {
            assert_eq!(error as usize, place);
        }
    }

    #[test]
    fn a_limit_is_a_setting() {
        for limit in LIMITS {
            let name = limit.as_str();
            assert!(Setting::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_refused_login_does_not_show_how_long_its_lookup_took() {
        let mut counters = Counters::default();
        let wrong = Answer::Denied(crate::member::Denial::WrongPassword, None);
        counters.answered(&wrong, Millis(1), Millis(300));
        assert_eq!(counters.lookups.sum(), 300);
        counters.answered(&wrong, Millis(400), Millis(300));
        counters.answered(&Answer::Claimed, Millis(1), Millis(300));
        assert_eq!((counters.lookups.sum(), counters.lookups.count()), (701, 3));
    }
}
