//! Everything an operator can set, and why each default is what it is.

mod check;
mod names;
mod origin;
mod setting;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::id::ListenerId;
use crate::time::Millis;
use crate::web::policy::Policy;
use crate::web::site::Site;
use crate::wire::codepage::CodePage;

pub use check::is_host_name;
pub use names::SETTINGS;
pub use origin::Origins;
#[cfg(feature = "_testing")]
pub(crate) use setting::span;
pub use setting::{Help, Setting, SettingError};

/// The settings of a gateway. Read when used and never copied into a connection, so that new
/// settings are one [`Input::Configure`](crate::Input::Configure).
#[derive(Clone, Debug)]
pub struct Config {
    /// Every bound there is.
    pub limits: Limits,
    /// What each listener serves, by [`ListenerId`]; one that is not named here serves everything.
    pub listeners: Vec<Role>,
    /// The Flash policy document.
    pub policy: Policy,
    /// The files that are served over HTTP.
    pub site: Arc<Site>,
    /// Where a 301 leads from each path that neither the gateway nor the site has, as in 2007. It goes
    /// into a header as it stands: visible ASCII only. Where it is a path and nothing is there, that
    /// path gets a 404, since the redirect would never end.
    pub redirect: Option<String>,
    /// What such a path gets where there is no redirect.
    pub missing: Missing,
    /// The encoding of a command that is not valid UTF-8: movies that set `System.useCodepage`, and old
    /// terminals. Without one such a command is an error.
    pub codepage: Option<CodePage>,
    /// Which web pages may open a WebSocket.
    pub origins: Origins,
    /// Who may ask for LIST.
    pub list: ListAccess,
    /// Who is told that a member logs in or leaves.
    pub presence: Presence,
    /// What happens when a member logs in who is online already.
    pub duplicates: OnDuplicate,
    /// Who decides whether a member may become online.
    pub claims: Claims,
    /// Whether the limits per address hold for loopback too.
    pub loopback: Loopback,
}

impl Config {
    /// Sets the setting `name` of [`SETTINGS`] to what `value` says, within its bounds.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        match Setting::named(name) {
            Some(setting) => setting.set(self, value),
            None => Err(SettingError::Unknown),
        }
    }

    pub(crate) fn role(&self, listener: ListenerId) -> Role {
        self.listeners
            .get(listener.0)
            .copied()
            .unwrap_or(Role::Gateway)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            listeners: Vec::new(),
            policy: Policy::default(),
            codepage: None,
            origins: Origins::Any,
            site: Arc::default(),
            redirect: None,
            missing: Missing::Chat,
            list: ListAccess::Everyone,
            presence: Presence::All,
            duplicates: OnDuplicate::Stale,
            claims: Claims::Gateway,
            loopback: Loopback::Exempt,
        }
    }
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Policy, HTTP and chat, told apart by the first bytes.
    Gateway,
    /// Policy requests alone; anything else is closed in silence (Flash asks port 843 first).
    Policy,
    /// `/metrics` over HTTP alone, which then is not served by the other listeners; anything else is
    /// closed in silence, or a 404.
    Metrics,
}

/// What a path gets that neither the gateway nor the site has. No cache may keep the answer: what is
/// missing now may be there after the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A temporary redirect (302) to the chat page, `/chat/`.
    Chat,
    /// 404, with the site's `/404.html` as its body if there is one. `/` alone leads to `/chat/`.
    NotFound,
}

/// Who may ask for LIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAccess {
    /// Anyone who is connected, as in 2007.
    Everyone,
    /// Who is identified.
    Identified,
}

/// Who is told that a member logs in or leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Everyone online. Each login costs a message for each of them.
    All,
    /// Nobody but the member. LIST and MSG work as ever.
    Off,
}

/// What happens when a member logs in who is online already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// A newcomer from the same address takes the place of an older connection that gives no sign of
    /// life: a WebSocket that sends nothing for [`Limits::ghost_websocket`] after a ping, or a plain
    /// stream that has sent nothing for [`Limits::ghost_raw`]. Any other newcomer is refused.
    Stale,
    /// The newcomer is refused.
    Refuse,
    /// The newcomer takes the older connection's place.
    Replace,
}

/// Who decides whether a member may become online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// The gateway, at once, by who is online on it.
    Gateway,
    /// The host, which is asked with [`Query::Claim`](crate::Query::Claim) after each right password: several
    /// gateways share their members. Then the gateway decides among its own connections.
    Host,
}

/// Whether the limits per address hold for loopback, where a reverse proxy or a test may be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// They do not.
    Exempt,
    /// They do.
    Limited,
}

/// Every bound on what a peer can make the gateway hold, or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open chat connections. 4,096 default: a large site of 2007, far below what one thread serves.
    pub clients: usize,
    /// Open connections of any kind; the rest over `clients` is for policy and HTTP.
    pub connections: usize,
    /// Open connections from one address: a school or a carrier's NAT fits, one machine cannot fill the server.
    pub per_address: usize,
    /// Bytes in one command, without its terminator.
    pub command: usize,
    /// Memory that others' messages may take while they wait for a client that does not read, in bytes, as
    /// [`Chunk::memory`](crate::Chunk::memory) counts it. Of 4 GiB and more there is no limit: what waits is
    /// counted up to there.
    pub backlog: usize,
    /// Memory of what waits for a client above which its own next command, or ping, waits. An answer that
    /// alone takes more holds them back until it is taken whole.
    pub own_backlog: usize,
    /// Bytes in the head of an HTTP request, its empty line included (nginx: 4 × 8 KiB, hyper: 400 KiB).
    pub head: usize,
    /// To finish a request, or the first bytes of one, once begun.
    pub request: Millis,
    /// For the terminator of a policy request: old players send none.
    pub policy_grace: Millis,
    /// For the peer to close after we did, and for everything at shutdown.
    pub linger: Millis,
    /// Without progress, until a connection that is being closed is cut off.
    pub close_stall: Millis,
    /// Without progress, until a client that does not take its HTTP answer is cut off.
    pub body_stall: Millis,
    /// To identify, from accept.
    pub login: Millis,
    /// From one WebSocket ping to the next, below the 60 s after which nginx closes a silent connection.
    /// `None`: no pings. Less than 1 ms counts as 1 ms.
    pub ping: Option<Millis>,
    /// Without a byte from the client, until a WebSocket is closed: three pings. `None`: never.
    pub silence: Option<Millis>,
    /// For an older WebSocket of a member to answer a ping, before a newcomer takes its place: a phone
    /// that was asleep answers within two seconds.
    pub ghost_websocket: Millis,
    /// Without a byte from it, until a newcomer may take the place of an older plain stream.
    pub ghost_raw: Millis,
    /// Without output, until a raw connection that has sent a command ended by NUL gets a lone NUL, which
    /// Flash reads as an empty message, so that no proxy in front closes a silent connection. `None`: never.
    /// Less than 1 ms counts as 1 ms.
    pub raw_keepalive: Option<Millis>,
    /// For the member store to answer.
    pub lookup: Millis,
    /// From an IDENTIFY to its refusal at the earliest; above the slowest hash in the store, so that
    /// the time of an answer says nothing.
    pub failure_delay: Millis,
    /// Failed identifications after which a connection is closed.
    pub failures: u8,
    /// How failed identifications slow down an address or a name.
    pub throttle: Throttle,
    /// Commands a second for each connection, on average. `None`: no limit.
    pub rate: Option<NonZeroU32>,
    /// Commands at once; at least 1 is taken.
    pub burst: u32,
    /// TCP keep-alive, which the runtime sets on every socket.
    pub keepalive: KeepAlive,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 4096,
            connections: 4096 + 1024,
            per_address: 256,
            command: 8 * 1024,
            backlog: 1024 * 1024,
            own_backlog: 64 * 1024,
            head: 16 * 1024,
            request: Millis::from_secs(10),
            policy_grace: Millis(500),
            linger: Millis::from_secs(2),
            close_stall: Millis::from_secs(5),
            body_stall: Millis::from_secs(30),
            login: Millis::from_secs(600),
            ping: Some(Millis::from_secs(25)),
            silence: Some(Millis::from_secs(75)),
            ghost_websocket: Millis::from_secs(3),
            ghost_raw: Millis::from_secs(15),
            raw_keepalive: None,
            lookup: Millis::from_secs(10),
            failure_delay: Millis(300),
            failures: 5,
            throttle: Throttle::default(),
            rate: NonZeroU32::new(20),
            burst: 40,
            keepalive: KeepAlive::default(),
        }
    }
}

/// How failed identifications slow down an address (an IPv6 address stands for its /64), and a name that
/// is tried from many addresses. An address that is exempt from limits is slowed down by name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Whether any of this happens.
    pub login: LoginThrottle,
    /// From this failure within `window` on, identifications from the address are looked up one at a
    /// time; at most 8, the failures that are remembered. A lookup under way counts as a failure.
    pub after: u8,
    /// How long a failure counts.
    pub window: Millis,
    /// The wait since the last failure, doubled by each further one.
    pub first: Millis,
    /// The longest such wait.
    pub longest: Millis,
    /// Lookups at once for an address, of names that have not logged in from it; at least 1.
    pub address_lookups: usize,
    /// Addresses remembered. Past it, the address whose last failure is oldest is forgotten.
    pub addresses: usize,
    /// From this failure in one name within `window` on, whatever the addresses, an address from which
    /// the name has not logged in waits for `name_wait` and `name_rate`; at most 8. A lookup under way
    /// counts as a failure.
    pub name_after: u8,
    /// How long such an identification waits: short and always the same, as it may be the member's.
    pub name_wait: Millis,
    /// Lookups a second in one name after that wait, from all addresses together. `None`: no limit.
    pub name_rate: Option<NonZeroU32>,
    /// Lookups at once in one name, from addresses from which it has not logged in; at least 1.
    pub name_lookups: usize,
    /// Names remembered that have failed, nicks whose number is known, and pairs of a name and an
    /// address that have logged in: this many of each. A member has two names, so half as many members.
    /// Past it the oldest are forgotten.
    pub names: usize,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            login: LoginThrottle::On,
            after: 3,
            window: Millis::from_secs(600),
            first: Millis::from_secs(1),
            longest: Millis::from_secs(16),
            address_lookups: 3,
            addresses: 65_536,
            name_after: 8,
            name_wait: Millis::from_secs(4),
            name_rate: NonZeroU32::new(2),
            name_lookups: 8,
            names: 16_384,
        }
    }
}

/// Whether failed identifications slow an address or a name down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginThrottle {
    /// They do.
    On,
    /// They do not: something in front of the gateway limits logins.
    Off,
}

/// When a silent peer is asked whether it lives. Without it a laptop that was shut stays online for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Millis,
    /// Between probes.
    pub interval: Millis,
    /// Probes without an answer until the peer is dead.
    pub probes: u32,
    /// How long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`, RFC 5482).
    pub user_timeout: Millis,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            idle: Millis::from_secs(60),
            interval: Millis::from_secs(15),
            probes: 4,
            user_timeout: Millis::from_secs(120),
        }
    }
}
