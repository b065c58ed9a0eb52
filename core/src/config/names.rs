//! The table of settings: the only place where a setting has a name.
//!
//! A row makes a setting known to transcripts (`set NAME VALUE`), to recordings, and with `.option` to the
//! command line of `serve` and its help, which reads the default from `Config::default()`. To add a setting:
//! a field with its default in `config.rs`, a row here, the code that uses it, and a transcript.

use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::setting::{Kind, Setting};
use super::{
    Claims, ClientHeader, Guests, HttpsRedirect, ListAccess, LoginThrottle, Loopback, Missing,
    NickChanges, OnDuplicate, Origins, PasswordChanges, PermanentRooms, Presence, Proxies,
    RoomCreation, TrustedProxies, check, origin, proxies, rooms,
};
use crate::name::Reserved;
use crate::time::Millis;
use crate::wire::codepage::CodePage;

/// A row for a number of any integer type.
macro_rules! number {
    ($name:literal, $($field:ident).+, $bounds:expr) => {
        Setting::new($name, Kind::Number {
            bounds: $bounds,
            get: |config| config.$($field).+ as u64,
            set: |config, number| {
                let number = number.try_into().map(|number| config.$($field).+ = number);
                number.is_ok()
            },
        })
    };
}

/// A row for a number whose limit can be off, which is written `0`.
macro_rules! number_or_off {
    ($name:literal, $($field:ident).+, $bounds:expr) => {
        Setting::new($name, Kind::Number {
            bounds: $bounds,
            get: |config| config.$($field).+.map_or(0, |number| number.get().into()),
            set: |config, number| {
                let number = u32::try_from(number);
                number.map(|number| config.$($field).+ = NonZeroU32::new(number)).is_ok()
            },
        })
    };
}

/// A row for a span of time.
macro_rules! span {
    ($name:literal, $($field:ident).+, $bounds:expr) => {
        Setting::new($name, Kind::Span {
            bounds: $bounds,
            get: |config| config.$($field).+,
            set: |config, span| config.$($field).+ = span,
        })
    };
}

/// A row for a span of time that can be off, which is written `0s`.
macro_rules! span_or_off {
    ($name:literal, $($field:ident).+, $bounds:expr) => {
        Setting::new($name, Kind::Span {
            bounds: $bounds,
            get: |config| config.$($field).+.unwrap_or(Millis(0)),
            set: |config, span| config.$($field).+ = (span > Millis(0)).then_some(span),
        })
    };
}

/// A row for an enum, with a word for each variant. Two words `off` and `on` make an option without a value.
macro_rules! choice {
    ($name:literal, $($field:ident).+, $($word:literal => $value:path),+) => {
        Setting::new($name, Kind::Choice {
            words: &[$($word),+],
            get: |config| match config.$($field).+ {
                $($value => $word),+
            },
            set: |config, word| {
                config.$($field).+ = match word {
                    $($word => $value,)+
                    _ => return false,
                };
                true
            },
        })
    };
}

/// All settings that are single values. The site's files, the policy document and the listeners are not.
pub static SETTINGS: &[Setting] = &[
    number!("max-clients", limits.clients, 1..=1_000_000).option("N", "chat connections at once"),
    number!("connections", limits.connections, 1..=2_000_000),
    number!("max-per-address", limits.per_address, 1..=1_000_000)
        .option("N", "connections at once from one address, loopback excepted")
        .earlier("per-address", &[]),
    // A command is kept whole in memory, for each connection that sends one.
    number!("max-command", limits.command, 1..=16 * MIB)
        .option("BYTES", "size of one command in bytes"),
    number!("max-backlog", limits.backlog, 1..=1024 * MIB).option(
        "BYTES",
        "memory that others' messages may take while they wait for a slow client, in bytes",
    ),
    number!("own-backlog", limits.own_backlog, 0..=1024 * MIB),
    number!("head", limits.head, 1..=16 * MIB),
    number!("failures", limits.failures, 1..=255),
    choice!("login-throttle", limits.throttle.login, "on" => LoginThrottle::On, "off" => LoginThrottle::Off)
        .option(
            "WHAT",
            "whether failed logins slow down an address and a member's name; off if something in front of the \
             server does so",
        ),
    number!("throttle-after", limits.throttle.after, 1..=8).option(
        "N",
        "failed logins after which the logins of an address are looked up one at a time, with pauses",
    ),
    number!("throttle-lookups", limits.throttle.address_lookups, 1..=1_000_000).option(
        "N",
        "lookups at once for one address, of members who have never logged in from it",
    ),
    number!("throttle-addresses", limits.throttle.addresses, 1..=10_000_000)
        .option("N", "addresses whose failed logins are remembered"),
    number!("throttle-name-after", limits.throttle.name_after, 1..=8).option(
        "N",
        "failed logins in one member's name after which addresses wait that have never logged in as that member",
    ),
    number_or_off!("throttle-name-rate", limits.throttle.name_rate, 0..=1000)
        .option("N", "lookups a second in such a name, from all those addresses together; 0 for no limit"),
    number!("throttle-name-lookups", limits.throttle.name_lookups, 1..=1_000_000).option(
        "N",
        "lookups at once in one member's name, from addresses that have never logged in as that member",
    ),
    number!("throttle-names", limits.throttle.names, 1..=10_000_000)
        .option("N", "members' names that are remembered: their failed logins, and the addresses they logged in from"),
    number_or_off!("rate", limits.rate, 0..=1_000_000)
        .option("N", "commands a second from each connection; 0 for no limit"),
    number!("burst", limits.burst, 1..=1_000_000)
        .option("N", "commands at once before the rate limit applies"),
    number!("max-rooms", limits.rooms, 1..=65_536).option("N", "rooms at once"),
    number!("rooms-each", limits.rooms_each, 1..=1000)
        .option("N", "rooms that one connection is in at once"),
    number!("rooms-per-address", limits.rooms_per_address, 1..=65_536),
    span!("request", limits.request, SECOND..=YEAR),
    span!("policy-grace", limits.policy_grace, Millis(0)..=YEAR),
    span!("linger", limits.linger, Millis(0)..=YEAR),
    span!("close-stall", limits.close_stall, Millis(0)..=YEAR),
    span!("body-stall", limits.body_stall, Millis(0)..=YEAR),
    span!("login-timeout", limits.login, SECOND..=YEAR)
        .option("SECONDS", "time that a connection has to log in, in seconds or like 10m")
        .earlier("login", &[]),
    span_or_off!("ping", limits.ping, Millis(0)..=YEAR),
    span_or_off!("silence", limits.silence, Millis(0)..=YEAR),
    span!("ghost-websocket", limits.ghost_websocket, Millis(1)..=YEAR),
    span!("ghost-raw", limits.ghost_raw, Millis(0)..=YEAR),
    span_or_off!("raw-keepalive", limits.raw_keepalive, Millis(0)..=YEAR).option(
        "SECONDS",
        "time without output after which a Flash client's raw connection gets a NUL, so that no proxy closes it; 0 for never",
    ),
    span!("lookup", limits.lookup, Millis(1)..=YEAR),
    span!("failure-delay", limits.failure_delay, Millis(0)..=YEAR),
    span!("throttle-window", limits.throttle.window, Millis(0)..=YEAR)
        .option("SECONDS", "how long a failed login counts, in seconds or like 10m"),
    span!("throttle-first", limits.throttle.first, Millis(0)..=YEAR)
        .option("SECONDS", "the first pause of an address after a failed login; each further one doubles it"),
    span!("throttle-longest", limits.throttle.longest, Millis(0)..=YEAR)
        .option("SECONDS", "the longest pause of an address after a failed login"),
    span!("throttle-name-wait", limits.throttle.name_wait, Millis(0)..=YEAR)
        .option("SECONDS", "how long a login waits in a member's name that has failed too often"),
    choice!("list-needs-login", list, "off" => ListAccess::Everyone, "on" => ListAccess::Identified)
        .option("", "allow LIST only after IDENTIFY")
        .earlier("list", &[("everyone", "off"), ("identified", "on")]),
    choice!("presence", presence, "all" => Presence::All, "off" => Presence::Off).option(
        "WHO",
        "which members are notified when a member logs in or leaves: all who are online, or off for none",
    ),
    choice!("nick-changes", nick_changes, "on" => NickChanges::On, "off" => NickChanges::Off).option(
        "WHAT",
        "whether members and guests can change their nicks with NICK; always off where the members are in a site's database",
    ),
    span!("nick-wait", limits.nick_wait, Millis(0)..=YEAR)
        .option("SECONDS", "time from one change of a member's or guest's nick to the next, in seconds or like 10m"),
    Setting::new(
        "reserved-nicks",
        Kind::Text {
            check: check::nicks,
            get: |config| config.reserved_nicks.as_str(),
            set: |config, nicks| config.reserved_nicks = Reserved::new(nicks),
        },
    ),
    choice!("password-changes", password_changes, "on" => PasswordChanges::On, "off" => PasswordChanges::Off),
    choice!("guests", guests, "off" => Guests::Off, "on" => Guests::On)
        .option("", "let clients come online without an account, with GUEST"),
    number!("guests-from", limits.guests_from, 1..=1_000_000)
        .option("N", "guests at once from one address, loopback excepted"),
    choice!("on-duplicate", duplicates, "stale" => OnDuplicate::Stale,
        "refuse" => OnDuplicate::Refuse, "replace" => OnDuplicate::Replace)
        .option(
            "WHAT",
            "when a member logs in twice: stale replaces a first connection from the same address that gives no \
             sign of life and refuses the second login otherwise; refuse always refuses, replace always replaces",
        ),
    choice!("claims", claims, "gateway" => Claims::Gateway, "host" => Claims::Host),
    choice!("loopback", loopback, "exempt" => Loopback::Exempt, "limited" => Loopback::Limited),
    Setting::new(
        "rooms",
        Kind::Text {
            check: rooms::check_creation,
            get: |config| match config.rooms {
                RoomCreation::All => "all",
                RoomCreation::Off => "off",
            },
            set: |config, who| {
                config.rooms = match &*who {
                    "off" => RoomCreation::Off,
                    _ => RoomCreation::All,
                };
            },
        },
    )
    .option(
        "WHO",
        "which members may create rooms: all, or off for none, which leaves only those of --room",
    ),
    Setting::new(
        "room",
        Kind::List {
            check: rooms::check,
            star: false,
            get: |config| Some(config.permanent_rooms.names()),
            set: |config, names| {
                config.permanent_rooms = PermanentRooms::of(names.unwrap_or_default());
            },
        },
    )
    .option(
        "NAME",
        "room that always exists and has no owner, like \"#lobby\"; may be repeated",
    ),
    Setting::new(
        "codepage",
        Kind::Text {
            check: check::codepage,
            get: |config| config.codepage.map_or("off", CodePage::name),
            set: |config, name| config.codepage = CodePage::named(&name).ok(),
        },
    )
    .option(
        "NAME",
        "code page of commands that are not UTF-8, like windows-1250, or off",
    ),
    Setting::new(
        "redirect",
        Kind::Text {
            check: check::redirect,
            get: |config| config.redirect.as_deref().unwrap_or_default(),
            set: |config, url| config.redirect = (!url.is_empty()).then_some(url),
        },
    )
    .option(
        "URL",
        "where to redirect paths that do not exist here, by a 301 (default: to /chat/, the built-in page; \
         with --site: 404, with its own 404.html)",
    ),
    choice!("redirect-https", redirect_https, "off" => HttpsRedirect::Off, "on" => HttpsRedirect::On).option(
        "",
        "redirect plain HTTP to https, by a 302 to the host that the request names; not policy, WebSocket and raw clients, \
         /healthz, /readyz, /metrics, /server-status, /crossdomain.xml and /.well-known/acme-challenge/, nor what a proxy of \
         --trust-proxy forwards with X-Forwarded-Proto: https",
    ),
    number!("https-port", https_port, 0..=65_535).option(
        "PORT",
        "port that --redirect-https leads to, as clients see it; 0 for 443 if a --listen has it, or else the port that \
         the client has used, where TLS is spoken, too",
    ),
    choice!("missing", missing, "chat" => Missing::Chat, "404" => Missing::NotFound),
    Setting::new(
        "allow-origin",
        Kind::List {
            check: origin::check,
            star: true,
            get: |config| match &config.origins {
                Origins::Any => None,
                Origins::Only(origins) => Some(origins),
            },
            set: |config, origins| config.origins = origins.map_or(Origins::Any, Origins::Only),
        },
    )
    .option(
        "ORIGIN",
        "origin whose pages may open a WebSocket, like https://games.example, *.games.example, file:// or \
         null; may be repeated; once given, the server's own pages need theirs listed, too",
    ),
    Setting::new(
        "proxy-protocol",
        Kind::List {
            check: proxies::check,
            star: true,
            get: |config| Some(config.proxies.words()),
            set: |config, words| {
                config.proxies = Proxies::of(words.unwrap_or_else(any));
            },
        },
    )
    .option(
        "CIDR",
        "address or range of a proxy that begins each connection with a PROXY header, version 1 or 2, like \
         192.0.2.0/24; may be repeated; a connection from there without a header is closed, or served if \
         =optional follows the range: only for a proxy that never forwards a client's first bytes as they are; \
         on a Unix socket a header is optional, unless unix is one of these",
    ),
    Setting::new(
        "trust-proxy",
        Kind::List {
            check: proxies::check_trusted,
            star: true,
            get: |config| Some(config.trusted.words()),
            set: |config, words| {
                config.trusted = TrustedProxies::of(words.unwrap_or_else(any));
            },
        },
    )
    .option(
        "CIDR",
        "address or range of a proxy that names its client in each HTTP request, like 127.0.0.1 or \
         192.0.2.0/24; may be repeated; see --client-header",
    ),
    choice!("client-header", client_header, "x-forwarded-for" => ClientHeader::XForwardedFor,
        "forwarded" => ClientHeader::Forwarded, "none" => ClientHeader::None)
        .option(
            "NAME",
            "header in which the proxies of --trust-proxy name their client: x-forwarded-for, forwarded or none; \
             the proxy must set it, as it passes on another one unchanged",
        ),
];

/// The word for every address.
fn any() -> Vec<String> {
    Vec::from([String::from("*")])
}

const MIB: u64 = 1024 * 1024;

const SECOND: Millis = Millis::from_secs(1);

/// A year stands for ever.
const YEAR: Millis = Millis::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests;

#[cfg(test)]
mod defaults {
    use super::super::Config;
    use super::*;

    /// Names and defaults are a promise to operators: to change one is a decision, never an accident.
    #[test]
    fn the_defaults_by_their_names() {
        let usual = Config::default();
        let lines: Vec<String> = SETTINGS
            .iter()
            .map(|setting| alloc::format!("{} {}", setting.name(), setting.value(&usual)))
            .collect();
        let expected = [
            "max-clients 4096",
            "connections 5120",
            "max-per-address 256",
            "max-command 8192",
            "max-backlog 1048576",
            "own-backlog 65536",
            "head 16384",
            "failures 5",
            "login-throttle on",
            "throttle-after 3",
            "throttle-lookups 3",
            "throttle-addresses 65536",
            "throttle-name-after 8",
            "throttle-name-rate 2",
            "throttle-name-lookups 8",
            "throttle-names 16384",
            "rate 20",
            "burst 40",
            "max-rooms 4096",
            "rooms-each 16",
            "rooms-per-address 64",
            "request 10s",
            "policy-grace 500ms",
            "linger 2s",
            "close-stall 5s",
            "body-stall 30s",
            "login-timeout 10m",
            "ping 25s",
            "silence 75s",
            "ghost-websocket 3s",
            "ghost-raw 15s",
            "raw-keepalive 0s",
            "lookup 10s",
            "failure-delay 300ms",
            "throttle-window 10m",
            "throttle-first 1s",
            "throttle-longest 16s",
            "throttle-name-wait 4s",
            "list-needs-login off",
            "presence all",
            "nick-changes on",
            "nick-wait 1m",
            "reserved-nicks ",
            "password-changes on",
            "guests off",
            "guests-from 8",
            "on-duplicate stale",
            "claims gateway",
            "loopback exempt",
            "rooms all",
            "room ",
            "codepage off",
            "redirect ",
            "redirect-https off",
            "https-port 0",
            "missing chat",
            "allow-origin *",
            "proxy-protocol ",
            "trust-proxy ",
            "client-header x-forwarded-for",
        ];
        assert_eq!(lines, expected);
        let keepalive = usual.limits.keepalive;
        let spans = [keepalive.idle, keepalive.interval, keepalive.user_timeout];
        assert_eq!(spans, [60, 15, 120].map(Millis::from_secs));
        assert_eq!(keepalive.probes, 4);
    }
}
