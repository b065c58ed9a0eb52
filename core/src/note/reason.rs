//! Why connections ended or were turned away, and the words for that.

use alloc::format;

use super::NotePart::{Number, Text, Word};
use super::NoteWriter;

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
    /// A drain has begun, and this client had not logged in.
    Drained,
    /// What was taken for a chat turned out to be an HTTP request of another method.
    NotChat,
    /// It broke the rules of TLS.
    Tls,
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
    /// It began TLS, and its handshake failed or was not finished. The detail says why.
    Handshake,
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
    /// It began to chat during a drain.
    Drain,
    /// It asked for administration without a good token.
    AdminToken,
    /// A page in a browser asked for administration.
    AdminOrigin,
    /// It asked for administration while the limit of such connections was reached.
    AdminLimit,
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
            Self::Drained => "drained",
            Self::NotChat => "not chat",
            Self::Tls => "tls",
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
            Self::Handshake => "handshake",
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
            Self::Drain => "drain",
            Self::AdminToken => "admin token",
            Self::AdminOrigin => "admin origin",
            Self::AdminLimit => "admin limit",
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
            | Self::Handshake
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
            | Self::BadProxyHeader
            | Self::Drain
            | Self::AdminToken
            | Self::AdminOrigin
            | Self::AdminLimit => "",
        }
    }

    /// One word for the kind of refusal, what the line begins with, and what the detail is called.
    const fn kind(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Full
            | Self::AddressLimit
            | Self::NoProxyHeader
            | Self::BadProxyHeader
            | Self::Drain
            | Self::AdminLimit => ("refused", "CLOSED", "detail"),
            Self::AdminToken | Self::AdminOrigin => ("admin_refused", "REFUSED", "detail"),
            Self::NoCertificate | Self::Handshake => ("tls_refused", "TLS REFUSED", "detail"),
            Self::Origin => ("websocket_refused", "WEBSOCKET REFUSED", "origin"),
            Self::Version => ("websocket_refused", "WEBSOCKET REFUSED", "version"),
            Self::Head => ("websocket_refused", "WEBSOCKET REFUSED", "status"),
            Self::Http10
            | Self::Host
            | Self::Method
            | Self::NoUpgrade
            | Self::NoConnection
            | Self::Body
            | Self::NoVersion
            | Self::TwoVersions
            | Self::NoKey
            | Self::BadKey
            | Self::Shutdown => ("websocket_refused", "WEBSOCKET REFUSED", "detail"),
        }
    }
}

/// Writes that connections were turned away.
pub(super) fn refused(why: Refusal, times: u64, detail: Option<&str>, to: &mut impl NoteWriter) {
    let (event, subject, name) = why.kind();
    let (reason, times) = (Word(why.as_str()), Number(times));
    let detail = detail.map(|detail| match detail.parse::<u8>() {
        // A version is a number in its plain form; whatever else the client says stands in quotes.
        Ok(number) if why == Refusal::Version && format!("{number}") == detail => {
            Number(number.into())
        }
        Ok(_) | Err(_) => Text(detail),
    });
    let mut words = [Word(subject), Word(" "), reason, Word(why.advice())].to_vec();
    let mut facts = [("reason", reason), ("times", times)].to_vec();
    if let Some(detail) = detail {
        words.extend([Word(" "), detail]);
        facts.push((name, detail));
    }
    if times != Number(1) {
        words.extend([Word(" ("), times, Word(" times)")]);
    }
    to.write(event, &words, &facts);
}
