//! What a connection may speak, and how its first bytes show what it speaks.

use core::net::IpAddr;

use super::filter::MakeFilter;
use crate::config::{Config, Loopback, ProxyHeader, Role};
use crate::id::ListenerId;
use crate::web::policy;
use crate::wire::proxy;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Flash's socket policy request.
    Policy,
    /// HTTP/1.x.
    Http,
    /// TLS: a handshake record of any version since SSL 3 (RFC 8446 section 5.1).
    Tls,
    /// The PROXY protocol, version 1 or 2 (haproxy, `proxy-protocol.txt` section 2).
    Proxy,
    /// None of these.
    Chat,
}

/// How many layers of a connection's opening have been taken off. A connection only goes on to a later one, so
/// its bytes are recognised at most once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// None: these are the first bytes from the wire.
    Outermost,
    /// The header of a proxy: its client is known.
    Proxied,
    /// TLS: the bytes come out of a filter.
    Filtered,
    /// Both.
    ProxiedFiltered,
}

impl Layer {
    /// The same with TLS.
    pub(crate) fn filtered(self) -> Self {
        match self {
            Self::Outermost | Self::Filtered => Self::Filtered,
            Self::Proxied | Self::ProxiedFiltered => Self::ProxiedFiltered,
        }
    }

    /// Whether TLS has been taken off.
    pub(crate) fn is_filtered(self) -> bool {
        match self {
            Self::Filtered | Self::ProxiedFiltered => true,
            Self::Outermost | Self::Proxied => false,
        }
    }
}

/// What one listener serves to one peer. Nothing else decides that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serves<'a> {
    config: &'a Config,
    listener: ListenerId,
    /// `None` over a Unix socket.
    peer: Option<IpAddr>,
}

impl Config {
    /// What a listener serves to the peer at an address, or over a Unix socket. An IPv4-mapped address counts as its
    /// IPv4 address.
    pub(crate) fn serves(&self, listener: ListenerId, peer: Option<IpAddr>) -> Serves<'_> {
        Serves {
            config: self,
            listener,
            peer,
        }
    }
}

impl<'a> Serves<'a> {
    /// Whether a connection may speak this as its next layer.
    pub(crate) fn kind(self, layer: Layer, kind: Kind) -> bool {
        match (self.proxy(layer), kind) {
            (Some(_), Kind::Proxy) => true,
            // From anybody else a header is text like any other.
            (None, Kind::Proxy) | (Some(ProxyHeader::Required), _) => false,
            (Some(ProxyHeader::Optional) | None, kind) => match self.role() {
                Role::Gateway => true,
                Role::Policy => kind == Kind::Policy || self.is_tls(layer, kind),
                Role::Metrics | Role::Admin | Role::AdminAndMetrics => {
                    kind == Kind::Http || self.is_tls(layer, kind)
                }
            },
        }
    }

    /// Whether a connection must begin this layer with the header of a proxy.
    pub(crate) fn needs_proxy(self, layer: Layer) -> bool {
        self.proxy(layer) == Some(ProxyHeader::Required)
    }

    fn proxy(self, layer: Layer) -> Option<ProxyHeader> {
        match layer {
            // Administration is not behind a proxy: the peer itself is the client.
            Layer::Outermost if self.admin() => None,
            Layer::Outermost => match self.peer {
                // Most servers have no proxy, and every opening asks.
                Some(_) if self.config.proxies.is_empty() => None,
                Some(address) => self.config.proxies.header(address),
                None => Some(self.config.proxies.unix()),
            },
            Layer::Proxied | Layer::Filtered | Layer::ProxiedFiltered => None,
        }
    }

    /// Whether the head of an HTTP request names the client. The header of a proxy has the last word.
    pub(crate) fn trusts_head(self, layer: Layer) -> bool {
        match layer {
            // A process that may connect to a Unix socket is trusted.
            Layer::Outermost | Layer::Filtered => {
                let trusted = &self.config.trusted;
                self.peer.is_none_or(|address| trusted.holds(address))
            }
            Layer::Proxied | Layer::ProxiedFiltered => false,
        }
    }

    /// Whether this is TLS, which a listener with a filter takes around whatever it serves.
    fn is_tls(self, layer: Layer, kind: Kind) -> bool {
        match layer {
            Layer::Outermost | Layer::Proxied => kind == Kind::Tls && self.filter().is_some(),
            Layer::Filtered | Layer::ProxiedFiltered => false,
        }
    }

    /// The filter for TLS.
    pub(crate) fn filter(self) -> Option<&'a MakeFilter> {
        self.config.filters.get(self.listener.0)?.as_ref()
    }

    /// The address of the peer, if the limits for each address hold for it. They do for the clients of a proxy, and not
    /// for the proxy.
    pub(crate) fn limited(self, layer: Layer) -> Option<IpAddr> {
        if self.proxy(layer).is_some() || self.trusts_head(layer) {
            return None;
        }
        if self.admin() {
            return None;
        }
        let address = self.peer?.to_canonical();
        match self.config.loopback {
            Loopback::Exempt if address.is_loopback() => None,
            Loopback::Exempt | Loopback::Limited => Some(address),
        }
    }

    /// Whether HTTP leads to all pages and to the chat, and not to the counters alone.
    pub(crate) fn pages(self) -> bool {
        self.role() == Role::Gateway
    }

    /// Whether HTTP leads to the counters.
    pub(crate) fn metrics(self) -> bool {
        let elsewhere = |role: &Role| matches!(role, Role::Metrics | Role::AdminAndMetrics);
        self.role() == Role::Metrics || !self.config.listeners.iter().any(elsewhere)
    }

    /// Whether HTTP leads to administration alone.
    pub(crate) fn admin(self) -> bool {
        matches!(self.role(), Role::Admin | Role::AdminAndMetrics)
    }

    fn role(self) -> Role {
        let role = self.config.listeners.get(self.listener.0);
        role.copied().unwrap_or(Role::Gateway)
    }
}

/// What the first bytes say so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// More than one thing is possible: wait for more.
    Undecided,
    /// A policy request, unless more bytes come than its terminator.
    Unterminated,
    /// A policy request of this many bytes.
    Policy(usize),
    /// It is this.
    Is(Kind),
}

/// Compares `first`, all bytes of a connection so far, with the rows of the table that its listener serves. A
/// connection does not wait for the others.
pub(crate) fn sniff(first: &[u8], is_served: impl Fn(Kind) -> bool) -> Verdict {
    let mut verdict = Verdict::Is(Kind::Chat);
    match policy::request(first) {
        policy::Request::No => {}
        policy::Request::Partial => verdict = Verdict::Undecided,
        policy::Request::Unterminated => return Verdict::Unterminated,
        policy::Request::Complete(length) => return Verdict::Policy(length),
    }
    // The first byte rules out nearly all rows.
    let may_begin = |prefix: &[u8]| first.is_empty() || first[0] == prefix[0];
    let rows = PREFIXES.iter().filter(|(prefix, _)| may_begin(prefix));
    for (prefix, kind) in rows.filter(|(_, kind)| is_served(*kind)) {
        if first.starts_with(prefix) {
            return Verdict::Is(*kind);
        }
        if prefix.starts_with(first) {
            verdict = Verdict::Undecided;
        }
    }
    verdict
}

const PREFIXES: &[(&[u8], Kind)] = &[
    (b"GET ", Kind::Http),
    (b"POST ", Kind::Http),
    (b"HEAD ", Kind::Http),
    (b"PUT ", Kind::Http),
    (b"DELETE ", Kind::Http),
    (b"OPTIONS ", Kind::Http),
    (b"PATCH ", Kind::Http),
    (b"CONNECT ", Kind::Http),
    (b"TRACE ", Kind::Http),
    (b"\x16\x03", Kind::Tls),
    (proxy::V1, Kind::Proxy),
    (proxy::V2, Kind::Proxy),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let cases: &[(&[u8], Verdict)] = &[
            (b"", Verdict::Undecided),
            (b"<", Verdict::Undecided),
            (b"<policy-file-request/", Verdict::Undecided),
            (b"<policy-file-request ", Verdict::Undecided),
            (b"<policy-file-request/>", Verdict::Unterminated),
            (b"<POLICY-file-Request />", Verdict::Unterminated),
            (b"<policy-file-request/>\r", Verdict::Undecided),
            (b"<policy-file-request/>\0", Verdict::Policy(23)),
            (b"<policy-file-request/>\n", Verdict::Policy(23)),
            (b"<policy-file-request/>\r\n", Verdict::Policy(24)),
            (b"<policy-file-request />\0more", Verdict::Policy(24)),
            (b"<policy-file-request/>\rx", Verdict::Is(Kind::Chat)),
            (b"<policy-file-request/>x", Verdict::Is(Kind::Chat)),
            (b"<policy-file-request  />\0", Verdict::Is(Kind::Chat)),
            (b"<policy-file-request/ >\0", Verdict::Is(Kind::Chat)),
            (b" <policy-file-request/>\0", Verdict::Is(Kind::Chat)),
            (b"G", Verdict::Undecided),
            (b"GET", Verdict::Undecided),
            (b"P", Verdict::Undecided),
            (b"PRO", Verdict::Undecided),
            (b"GET /", Verdict::Is(Kind::Http)),
            (b"get /", Verdict::Is(Kind::Chat)),
            (b"GETX", Verdict::Is(Kind::Chat)),
            (b"GET\0", Verdict::Is(Kind::Chat)),
            (b"\x16", Verdict::Undecided),
            (b"\x16\x03", Verdict::Is(Kind::Tls)),
            (b"\x16\x02", Verdict::Is(Kind::Chat)),
            (b"PROXY TCP4", Verdict::Is(Kind::Proxy)),
            (b"\r\n\r\n\0", Verdict::Undecided),
            (b"\r\n\r\n\0\r\nQUIT\n", Verdict::Is(Kind::Proxy)),
            (b"\r\nLIST", Verdict::Is(Kind::Chat)),
            (b"\0", Verdict::Is(Kind::Chat)),
            (b"IDENTIFY", Verdict::Is(Kind::Chat)),
        ];
        for (first, verdict) in cases {
            assert_eq!(sniff(first, |_| true), *verdict, "{}", first.escape_ascii());
        }
        for method in [
            "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
        ] {
            assert_eq!(
                sniff(alloc::format!("{method} ").as_bytes(), |_| true),
                Verdict::Is(Kind::Http),
                "{method}"
            );
        }
    }

    #[test]
    fn a_verdict_never_changes() {
        // Whatever follows, a connection that was recognised stays what it is.
        for (prefix, kind) in PREFIXES {
            for end in 0..prefix.len() {
                assert_eq!(
                    sniff(&prefix[..end], |_| true),
                    Verdict::Undecided,
                    "{}",
                    prefix[..end].escape_ascii()
                );
            }
            let longer = [prefix, b"\0<policy-file-request/>\0".as_slice()].concat();
            assert_eq!(sniff(&longer, |_| true), Verdict::Is(*kind));
        }
    }

    #[test]
    fn what_is_not_served_makes_nobody_wait() {
        let no_proxy = |kind| kind != Kind::Proxy;
        for first in [b"\r\n".as_slice(), b"PROX", b"PROXY TCP4"] {
            assert_eq!(sniff(first, no_proxy), Verdict::Is(Kind::Chat));
        }
        assert_eq!(sniff(b"P", no_proxy), Verdict::Undecided);
        let only_policy = |kind| kind == Kind::Policy;
        assert_eq!(sniff(b"G", only_policy), Verdict::Is(Kind::Chat));
        assert_eq!(sniff(b"", only_policy), Verdict::Undecided);
    }
}
