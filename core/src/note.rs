//! What there is to say about what happened, as values with their words.

mod words;

use alloc::sync::Arc;
use core::net::SocketAddr;

use crate::id::ConnId;
use crate::member::{Denial, Identity, Unavailable};
pub use words::{NotePart, NoteWriter};

/// One event for the log: a connection, and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The connection, which may be gone by now. For refusals the last one; `None` where that was refused
    /// before it had an id.
    pub conn: Option<ConnId>,
    /// The address that the connection comes from. After a PROXY header two connections may have the same.
    pub peer: SocketAddr,
    /// What happened.
    pub what: What,
}

/// What happened. `clients` counts open chat connections, `max` is their limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A connection was recognised as chat.
    Connected {
        /// Open chat connections, this one included.
        clients: usize,
        /// Their limit.
        max: usize,
    },
    /// The policy document was asked for, by a socket or over HTTP.
    Crossdomain,
    /// `/server-status` was asked for.
    Status,
    /// A path that is not ours was redirected.
    Redirect {
        /// The HTTP method.
        method: &'static str,
        /// The path as the client sent it, without its query.
        path: Arc<str>,
    },
    /// A member or a guest came online, or a member took over from an older connection.
    Login {
        /// The member or guest.
        who: Identity,
        /// Open chat connections.
        clients: usize,
        /// Their limit.
        max: usize,
    },
    /// An identification failed.
    LoginFailed {
        /// The name that was tried, as the client sent it.
        id: Arc<str>,
        /// Why. For the operator alone: the client gets the same answer for every reason.
        why: Denial,
    },
    /// An identification got no verdict from the member store.
    LoginUnavailable {
        /// The name that was tried, as the client sent it.
        id: Arc<str>,
        /// What was wrong with the store.
        why: Unavailable,
    },
    /// A member or guest has another nick: by NICK, or by a change of the store while the member is online.
    Nick {
        /// The member or guest; a guest as it was called before.
        who: Identity,
        /// The nick before.
        old: Arc<str>,
        /// The nick from now on.
        new: Arc<str>,
    },
    /// A member or a guest left.
    Quit {
        /// The member or guest.
        who: Identity,
    },
    /// The command rate makes a connection's commands wait; at most one note a minute and connection.
    Slowed,
    /// A chat connection ended.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// Connections were turned away; at most one note a second for each reason.
    Refused {
        /// Why.
        reason: Refusal,
        /// How many since the last such note.
        times: u64,
        /// What the last one named, where that is why, as the client sent it: the origin of its page, or
        /// the version of the WebSocket protocol. For [`Refusal::Head`], the status of the answer.
        detail: Option<Arc<str>>,
    },
}

/// Why a chat connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client said QUIT.
    Quit,
    /// The client closed its sending side.
    EndOfStream,
    /// The connection broke.
    Reset,
    /// Too many bytes of others' messages waited for it.
    TooSlow,
    /// It did not identify in time.
    NoLogin,
    /// It gave no sign of life.
    Timeout,
    /// Too many of its identifications failed.
    FailedLogins,
    /// Its member logged in again elsewhere.
    Replaced,
    /// It broke the rules of its protocol.
    ProtocolError,
    /// The server shut down.
    Shutdown,
    /// Its member was disabled or removed.
    Disabled,
    /// The operator closed it.
    Kicked,
    /// What was taken for a chat turned out to be an HTTP request of another method.
    NotChat,
}

/// Why a connection was turned away before it could chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Refusal {
    /// As many chat connections as there may be are open, or as many of any kind.
    Full,
    /// Its address has as many connections as it may have.
    AddressLimit,
    /// It speaks TLS, and no certificate is configured.
    NoCertificate,
    /// It asks for a WebSocket for a page that may not have one.
    Origin,
    /// It asks for a WebSocket by HTTP/1.0, which has none.
    Http10,
    /// It asks for a WebSocket of no host, or of two.
    Host,
    /// It asks for a WebSocket by another method than GET.
    Method,
    /// It has the headers of a WebSocket, but no `Upgrade`, and was answered like any other request.
    NoUpgrade,
    /// It asks for a WebSocket, and its `Connection` does not say `Upgrade`.
    NoConnection,
    /// It asks for a WebSocket by a request that has a body.
    Body,
    /// It asks for a WebSocket of no version.
    NoVersion,
    /// It asks for a WebSocket of another version than 13.
    Version,
    /// It asks for a WebSocket of two versions.
    TwoVersions,
    /// It asks for a WebSocket without a key.
    NoKey,
    /// It asks for a WebSocket by something that is not a key.
    BadKey,
    /// It asks for a WebSocket by a request whose head is malformed, too large or not finished in time.
    Head,
    /// It asks for a WebSocket while the server stops.
    Shutdown,
    /// It comes from a proxy, and does not begin with a PROXY header.
    NoProxyHeader,
    /// It comes from a proxy, and its PROXY header is malformed, too long or not finished in time.
    BadProxyHeader,
}

impl CloseReason {
    /// The words of the log line, and the label in `/metrics`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::EndOfStream => "end of stream",
            Self::Reset => "reset",
            Self::TooSlow => "too slow",
            Self::NoLogin => "no login",
            Self::Timeout => "timeout",
            Self::FailedLogins => "failed logins",
            Self::Replaced => "replaced",
            Self::ProtocolError => "protocol error",
            Self::Shutdown => "shutdown",
            Self::Disabled => "disabled",
            Self::Kicked => "kicked",
            Self::NotChat => "not chat",
        }
    }
}

impl Refusal {
    /// The words of the log line, and the label in `/metrics`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressLimit => "address limit",
            Self::NoCertificate => "no certificate",
            Self::Origin => "origin",
            Self::Http10 => "HTTP/1.0",
            Self::Host => "no host",
            Self::Method => "method",
            Self::NoUpgrade => "no Upgrade",
            Self::NoConnection => "no Connection: Upgrade",
            Self::Body => "body",
            Self::NoVersion => "no version",
            Self::Version => "version",
            Self::TwoVersions => "two versions",
            Self::NoKey => "no key",
            Self::BadKey => "bad key",
            Self::Head => "bad head",
            Self::Shutdown => "shutdown",
            Self::NoProxyHeader => "no PROXY header",
            Self::BadProxyHeader => "bad PROXY header",
        }
    }

    /// What the log line adds for an operator who wonders.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Http10 => ": is the proxy told to use 1.1?",
            Self::NoUpgrade | Self::NoConnection => ": is the proxy told to pass Upgrade on?",
            Self::NoProxyHeader => ": is the proxy told to send one?",
            Self::Full
            | Self::AddressLimit
            | Self::NoCertificate
            | Self::Origin
            | Self::Host
            | Self::Method
            | Self::Body
            | Self::NoVersion
            | Self::Version
            | Self::TwoVersions
            | Self::NoKey
            | Self::BadKey
            | Self::Head
            | Self::Shutdown
            | Self::BadProxyHeader => "",
        }
    }
}
