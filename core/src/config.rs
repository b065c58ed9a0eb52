//! Everything an operator can set, and why each default is what it is.

mod check;
mod names;
mod origin;
mod proxies;
mod ranges;
mod rooms;
mod setting;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::conn::filter::MakeFilter;
use crate::name::Reserved;
use crate::time::Millis;
use crate::web::policy::Policy;
use crate::web::site::Site;
use crate::wire::codepage::CodePage;
pub use crate::wire::forwarded::ClientHeader;

pub use check::is_host_name;
pub use names::SETTINGS;
pub use origin::Origins;
pub(crate) use proxies::ProxyHeader;
pub use proxies::{Proxies, TrustedProxies};
pub use rooms::{PermanentRooms, RoomCreation};
#[cfg(feature = "_testing")]
pub(crate) use setting::span;
pub use setting::{Help, Setting, SettingError};

/// The settings of a gateway. Read when used and never copied into a connection, so that new
/// settings are one [`Input::Configure`](crate::Input::Configure).
#[derive(Clone, Debug)]
pub struct Config {
    /// All bounds on memory, time and rate.
    pub limits: Limits,
    /// What each listener serves, by [`ListenerId`](crate::ListenerId). A listener past the end of the list serves everything.
    pub listeners: Vec<Role>,
    /// The filter of connections that begin with TLS, by [`ListenerId`](crate::ListenerId). They are refused
    /// where there is none.
    pub filters: Vec<Option<MakeFilter>>,
    /// Which addresses are those of proxies that name their clients in a PROXY header: the setting `proxy-protocol`.
    pub proxies: Proxies,
    /// Which addresses are those of proxies that name their clients in the head of each HTTP request: the setting
    /// `trust-proxy`. Such a proxy says by `X-Forwarded-Proto`, too, whether the client speaks TLS.
    pub trusted: TrustedProxies,
    /// The header field in which they do. Only one is read, since a proxy passes on the other one as the client sent
    /// it. `X-Forwarded-For` by default, which most proxies write.
    pub client_header: ClientHeader,
    /// The Flash policy document.
    pub policy: Policy,
    /// The files that are served over HTTP.
    pub site: Arc<Site>,
    /// Where paths that neither the gateway nor the site has are redirected to by a 301, as in 2007. It is sent
    /// in a header unchanged: visible ASCII only. If it is a path and nothing is there, that path gets a 404,
    /// since the redirect would never end.
    pub redirect: Option<String>,
    /// What such a path gets if `redirect` is `None`.
    pub missing: Missing,
    /// Whether plain HTTP is redirected to https: by a 302, to the `Host` of the request. Exempt are probes, policies,
    /// `/.well-known/acme-challenge/`, and requests that a trusted proxy got by https.
    pub redirect_https: HttpsRedirect,
    /// The port of these redirects. 0 is the port that the client has used; then every listener must take TLS.
    pub https_port: u16,
    /// The encoding of commands that are not valid UTF-8, for movies that set `System.useCodepage` and for old
    /// terminals. `None`: such a command is an error.
    pub codepage: Option<CodePage>,
    /// Which web pages may open a WebSocket.
    pub origins: Origins,
    /// Which clients may use LIST.
    pub list: ListAccess,
    /// Which members are notified when a member logs in or leaves.
    pub presence: Presence,
    /// Whether members can change their passwords with PASSWD.
    pub password_changes: PasswordChanges,
    /// Whether clients without an account may come online, with GUEST.
    pub guests: Guests,
    /// Whether members and guests can change their nicks with NICK.
    pub nick_changes: NickChanges,
    /// Nicks that no client can take, nor one that looks like them.
    pub reserved_nicks: Reserved,
    /// What happens when a member who is online logs in again.
    pub duplicates: OnDuplicate,
    /// What decides whether a member may become online.
    pub claims: Claims,
    /// Whether the limits for each address hold for loopback, too.
    pub loopback: Loopback,
    /// Who may create rooms.
    pub rooms: RoomCreation,
    /// The rooms that always exist.
    pub permanent_rooms: PermanentRooms,
    /// Which access to administration holds. Another number than before ends the streams of events, whose clients may
    /// have lost theirs.
    pub admin_access: u64,
}

impl Config {
    /// Sets the setting `name` of [`SETTINGS`] to `value`. Fails if there is no such setting, or if the value is
    /// out of its bounds.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        match Setting::named(name) {
            Some(setting) => setting.set(self, value),
            None => Err(SettingError::Unknown),
        }
    }
}

impl Config {
    /// Whether any listener is for administration.
    pub(crate) fn has_admin(&self) -> bool {
        let is_admin = |role: &Role| matches!(role, Role::Admin | Role::AdminAndMetrics);
        self.listeners.iter().any(is_admin)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            listeners: Vec::new(),
            filters: Vec::new(),
            proxies: Proxies::default(),
            trusted: TrustedProxies::default(),
            client_header: ClientHeader::XForwardedFor,
            policy: Policy::default(),
            codepage: None,
            origins: Origins::Any,
            site: Arc::default(),
            redirect: None,
            redirect_https: HttpsRedirect::Off,
            https_port: 0,
            missing: Missing::Chat,
            list: ListAccess::Everyone,
            presence: Presence::All,
            password_changes: PasswordChanges::On,
            guests: Guests::Off,
            nick_changes: NickChanges::On,
            reserved_nicks: Reserved::default(),
            duplicates: OnDuplicate::Stale,
            claims: Claims::Gateway,
            loopback: Loopback::Exempt,
            rooms: RoomCreation::All,
            permanent_rooms: PermanentRooms::default(),
            admin_access: 0,
        }
    }
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Policy, HTTP and chat, recognised by the first bytes.
    Gateway,
    /// Only policy requests, which Flash sends to port 843 first. Anything else is closed without an answer.
    Policy,
    /// Only `/metrics`; the other listeners no longer serve it. Any other path gets a 404, and what is not HTTP
    /// is closed without an answer.
    Metrics,
    /// Only requests for administration, over HTTP: the host answers them. Other connections are closed without an
    /// answer. The connections of this role have limits of their own.
    Admin,
    /// The same, and the host may answer `/metrics` there; the other listeners no longer serve it.
    AdminAndMetrics,
}

/// The answer to a path that neither the gateway nor the site has. No cache may keep it: the path may exist
/// after the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A temporary redirect (302) to the chat page, `/chat/`.
    Chat,
    /// 404, with the site's `/404.html` as its body if there is one. `/` alone leads to `/chat/`.
    NotFound,
}

/// Whether plain HTTP is redirected to https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpsRedirect {
    /// Plain HTTP is served.
    Off,
    /// Plain HTTP is redirected.
    On,
}

/// Which clients may use LIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAccess {
    /// Every connection, as in 2007.
    Everyone,
    /// Only members who have logged in.
    Identified,
}

/// Which members are notified when a member logs in or leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Everyone online. Each login costs a message for each of them.
    All,
    /// Only that member. LIST and MSG work as ever.
    Off,
}

/// Whether members can change their nicks with NICK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NickChanges {
    /// They can. The host answers [`Query::Rename`](crate::Query::Rename).
    On,
    /// They cannot, as where the members are in a site's own database.
    Off,
}

/// Whether members can change their passwords with PASSWD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordChanges {
    /// They can. The host answers [`Query::ChangePassword`](crate::Query::ChangePassword).
    On,
    /// They cannot, as where the members are in a site's own database.
    Off,
}

/// Whether clients without an account may come online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// They may, up to [`Limits::guests_from`] for each address.
    On,
    /// They may not.
    Off,
}

/// What happens when a member who is online logs in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The new connection takes over if it has the same address and the old connection is dead: a WebSocket
    /// that sends nothing for [`Limits::ghost_websocket`] after a ping, or a plain stream that has sent nothing
    /// for [`Limits::ghost_raw`]. Otherwise the new connection is refused.
    Stale,
    /// The new connection is refused.
    Refuse,
    /// The new connection takes over.
    Replace,
}

/// What decides whether a member may become online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// The gateway, at once, by who is online on it.
    Gateway,
    /// The host, which is asked with [`Query::Claim`](crate::Query::Claim) after each right password: several
    /// gateways share their members. Then the gateway decides among its own connections.
    Host,
}

/// Whether the limits for each address hold for loopback, where one address may be many clients: a reverse
/// proxy, or a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// They do not hold.
    Exempt,
    /// They hold.
    Limited,
}

/// The bounds on what a peer can make the gateway store or wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open chat connections. 4,096 by default: a large site of 2007, and far below what one thread serves.
    pub clients: usize,
    /// Open connections of any kind. Those in excess of `clients` are for policy and HTTP.
    pub connections: usize,
    /// Open connections for administration, beside the others: scripts and streams of events are few.
    pub admin_connections: usize,
    /// The same from one address or one IPv6 /64, so that no client keeps the operator out. All loopback addresses
    /// count as one.
    pub admin_per_address: usize,
    /// Bytes in the body of a request for administration.
    pub admin_body: usize,
    /// Open connections from one address: enough for a school or a carrier's NAT, too few for one machine to fill
    /// the server.
    pub per_address: usize,
    /// Guests online from one address, or from one IPv6 /64: enough for a household. Addresses that are exempt from
    /// `per_address` are exempt from this limit, too.
    pub guests_from: usize,
    /// Bytes in one command, without its terminator.
    pub command: usize,
    /// Memory that others' messages may take while they wait for a client that does not read, in bytes, as
    /// [`Chunk::memory`](crate::Chunk::memory) counts it. Above it the connection is closed. The counter
    /// saturates at 4 GiB, so a larger value means no limit. Behind a [`Filter`](crate::Filter) this is the memory of
    /// plain bytes; what the filter makes of short messages may take half as much again.
    pub backlog: usize,
    /// Memory of the queue, in bytes, above which the client's next command or ping waits. An answer that alone
    /// takes more delays them until it is written completely.
    pub own_backlog: usize,
    /// Bytes in the head of an HTTP request, its empty line included (nginx: 4 × 8 KiB, hyper: 400 KiB).
    pub head: usize,
    /// Time to finish a request, from its first byte.
    pub request: Millis,
    /// Time for the terminator of a policy request, which old players do not send.
    pub policy_grace: Millis,
    /// Time for the peer to close after the gateway did, and for everything at shutdown.
    pub linger: Millis,
    /// Time without progress until a connection that is being closed is aborted.
    pub close_stall: Millis,
    /// Time without progress until a client that does not read its HTTP answer is aborted.
    pub body_stall: Millis,
    /// Time to log in, from accept.
    pub login: Millis,
    /// Time from one WebSocket ping to the next, below the 60 s after which nginx closes a silent connection.
    /// `None`: no pings. Less than 1 ms counts as 1 ms.
    pub ping: Option<Millis>,
    /// Time without a byte from the client until a WebSocket is closed: three pings. `None`: never.
    pub silence: Option<Millis>,
    /// Time for a member's older WebSocket to answer a ping before a new connection takes over. A phone that was
    /// asleep answers within two seconds.
    pub ghost_websocket: Millis,
    /// Time without a byte from a member's older plain stream until a new connection may take over.
    pub ghost_raw: Millis,
    /// Time without output until a raw connection that has sent a command ended by NUL gets a lone NUL, which
    /// Flash reads as an empty message, so that no proxy in front closes a silent connection. `None`: never.
    /// Less than 1 ms counts as 1 ms.
    pub raw_keepalive: Option<Millis>,
    /// Time for the member store to answer.
    pub lookup: Millis,
    /// The least time from IDENTIFY to a refusal. It should be longer than the slowest hash in the store takes, so
    /// that the time of an answer tells nothing.
    pub failure_delay: Millis,
    /// Failed logins after which a connection is closed.
    pub failures: u8,
    /// How failed logins slow down an address or a name.
    pub throttle: Throttle,
    /// Commands a second for each connection, on average. `None`: no limit.
    pub rate: Option<NonZeroU32>,
    /// Commands that a connection may send at once, after a pause. 0 counts as 1.
    pub burst: u32,
    /// Time from one change of a member's or a guest's nick with NICK to the next. Others have to recognise who it is.
    pub nick_wait: Millis,
    /// Members whose last change of nick is remembered for that time. Above it, the oldest change is forgotten.
    pub nick_waits: usize,
    /// Rooms, permanent ones included; these exist even if there are more of them. At most 65,536 rooms keep less
    /// than 64 MiB of topics.
    pub rooms: usize,
    /// Rooms that one connection is in.
    pub rooms_each: usize,
    /// Rooms at once that were created from one address. Permanent rooms do not count.
    pub rooms_per_address: usize,
    /// TCP keep-alive, which the runtime sets on every socket.
    pub keepalive: KeepAlive,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 4096,
            connections: 4096 + 1024,
            admin_connections: 32,
            admin_per_address: 8,
            admin_body: 64 * 1024,
            per_address: 256,
            guests_from: 8,
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
            nick_wait: Millis::from_secs(60),
            nick_waits: 65_536,
            rooms: 4096,
            rooms_each: 16,
            rooms_per_address: 64,
            keepalive: KeepAlive::default(),
        }
    }
}

/// How failed logins slow down an address, and a name that is tried from many addresses. An IPv6 address stands
/// for its /64. An address that is exempt from limits is slowed down only by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Whether failed logins slow anything down.
    pub login: LoginThrottle,
    /// Once an address has failed this often within `window`, its logins are looked up one at a time, with
    /// pauses. At most 8, as no more failures are remembered. A lookup under way counts as a failure.
    pub after: u8,
    /// How long a failure counts.
    pub window: Millis,
    /// The pause after that failure. Each further failure doubles it.
    pub first: Millis,
    /// The longest such pause.
    pub longest: Millis,
    /// Lookups at once for one address, of names that have never logged in from it. 0 counts as 1.
    pub address_lookups: usize,
    /// Addresses that are remembered. Above it, the address with the oldest last failure is forgotten.
    pub addresses: usize,
    /// Once one name has failed this often within `window`, from any addresses, a login in that name waits for
    /// `name_wait` and `name_rate` if it comes from an address that has never logged in by that name. At most 8. A
    /// lookup under way counts as a failure.
    pub name_after: u8,
    /// How long such a login waits: short and always the same, since it may be the member's own.
    pub name_wait: Millis,
    /// Lookups a second in one name after that wait, from all addresses together. `None`: no limit.
    pub name_rate: Option<NonZeroU32>,
    /// Lookups at once in one name, from addresses that have never logged in by it. 0 counts as 1.
    pub name_lookups: usize,
    /// How many names that have failed are remembered, and as many nicks whose number is known, and as many pairs
    /// of a name and an address that have logged in. A member has two names, so that is half as many members.
    /// Above it the oldest are forgotten.
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

/// Whether failed logins slow down an address or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginThrottle {
    /// They do.
    On,
    /// They do not, because something in front of the gateway limits logins.
    Off,
}

/// TCP keep-alive: probes to a silent peer. Without them a laptop that was shut stays online for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Time without traffic before the first probe.
    pub idle: Millis,
    /// Time from one probe to the next.
    pub interval: Millis,
    /// Probes without an answer after which the connection is reset.
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
