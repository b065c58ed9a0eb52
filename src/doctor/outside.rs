//! The server by its name, as clients on the internet reach it: through the proxy in front, if there is one.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use super::dial::{Target, Wire, is_silence};
use super::options::DoctorOptions;
use super::probe::{self, End, short};
use super::report::{Check, Finding, Report};
use super::websocket::{self, Kind, Refused, closed};
use super::{ports, secure};
use crate::log::Place;
use crate::serve::ServeOptions;

/// A server's name on the internet, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    pub(super) name: String,
    pub(super) port: u16,
}

impl Outside {
    /// Reads `NAME` or `NAME:PORT`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wanted = "it must be a name or an address, with a port if that is not 443, like chat.example.com or \
                      [2001:db8::1]:8080";
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                (name, port.parse().map_err(|_| wanted)?)
            }
            Some(_) | None => (text, 443),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let plain = |c: char| c.is_alphanumeric() || ".-_:".contains(c);
        if name.is_empty() || port == 0 || !name.chars().all(plain) {
            return Err(wanted.to_owned());
        }
        let name = name.to_owned();
        Ok(Self { name, port })
    }

    /// The name as a browser writes it in `Host` and in URLs.
    fn authority(&self, tls: bool) -> String {
        let Self { name, port } = self;
        let name = match name.contains(':') {
            true => format!("[{name}]"),
            false => name.clone(),
        };
        match (port, tls) {
            (443, true) | (80, false) => name,
            _ => format!("{name}:{port}"),
        }
    }
}

/// Checks a server from outside.
pub(super) fn check(
    options: &ServeOptions,
    own: &DoctorOptions,
    outside: &Outside,
    report: &mut Report,
) {
    let Outside { name, port } = outside;
    let text = format!("{name}:{port}");
    let on = Some(text.as_str());
    report.add_on(Check::BrowserPorts, on, &ports::check(&[*port]));
    let plain = match found(outside) {
        Ok(places) => Target {
            places,
            host: name.clone(),
            authority: outside.authority(false),
            tls: false,
            proxy_header: false,
        },
        Err(why) => {
            let advice = "see whether the name has an address (host NAME), and points to this server or its proxy";
            return report.add_on(Check::Server, on, &Finding::fail(why, advice));
        }
    };
    match plain.connect() {
        Ok(_) => report.add_on(Check::Server, on, &Finding::ok("something answers there")),
        Err(why) => {
            let advice = "start the server or its proxy, and open the port in the firewall";
            return report.add_on(Check::Server, on, &Finding::fail(why, advice));
        }
    }
    let through = Target {
        tls: true,
        authority: outside.authority(true),
        ..plain.clone()
    };
    // Port 443 is for TLS; another one may speak it or not.
    let target = if *port == 443 || through.open().is_ok() {
        if secure::check(&through, own, on, report).is_none() {
            return;
        }
        through
    } else {
        plain
    };
    report.add_on(Check::Http, on, &probe::health(&target));
    report.add_on(Check::Ready, on, &probe::ready(&target));
    let upgrade = upgrade(&target);
    let upgrades = matches!(upgrade, Finding::Ok(_));
    report.add_on(Check::Upgrade, on, &upgrade);
    report.add_on(Check::Address, on, &address(&target, options));
    let raw = raw(&target);
    let is_raw = matches!(raw, Finding::Ok(_));
    report.add_on(Check::Raw, on, &raw);
    if is_raw {
        let policy = |end| probe::policy(&target, end, Some(*port));
        report.add_on(Check::Policy, on, &policy(End::Nul));
        report.add_on(Check::PolicyBare, on, &policy(End::Nothing));
    }
    silences(&target, own.silence, (upgrades, is_raw), on, report);
}

fn found(outside: &Outside) -> Result<Vec<Place>, String> {
    let found = (outside.name.as_str(), outside.port).to_socket_addrs();
    let found = found.map_err(|error| format!("the name has no address: {error}"))?;
    let places: Vec<Place> = found.map(Place::Address).collect();
    match places.is_empty() {
        true => Err("the name has no address".to_owned()),
        false => Ok(places),
    }
}

/// Whether WebSockets get through, as a page of this server would open one.
fn upgrade(target: &Target) -> Finding {
    let scheme = if target.tls { "https" } else { "http" };
    let origin = format!("{scheme}://{}", target.authority);
    match websocket::open(target, Some(&origin)) {
        Ok(websocket) => {
            websocket.close();
            match probe::websocket(target, Kind::Binary, Some(&origin)) {
                Finding::Ok(_) => probe::websocket(target, Kind::Text, Some(&origin)),
                other @ (Finding::Warn(..) | Finding::Fail(..)) => other,
            }
        }
        Err(Refused::Broken(why)) => Finding::fail(why, UPGRADE),
        Err(Refused::Answered(line)) if line.contains(" 403") => Finding::fail(
            format!("refused with {}", short(&line)),
            format!("add --allow-origin {origin}, or the page of this server cannot connect"),
        ),
        Err(Refused::Answered(line)) => {
            Finding::fail(format!("answered with {}", short(&line)), UPGRADE)
        }
    }
}

/// Whether the server sees the address that this end of the connection has.
fn address(target: &Target, options: &ServeOptions) -> Finding {
    let ask = || {
        let mut wire = target.connect()?;
        let local = wire.local();
        let page = probe::get_over(&mut wire, &target.authority, "/healthz?address")?;
        Ok::<_, String>((local, page.body))
    };
    let (local, body) = match ask() {
        Ok(asked) => asked,
        Err(why) => return Finding::fail(why, "see the log of the proxy"),
    };
    let line = body.lines().find_map(|line| line.split_once(" by "));
    let Some((seen, by)) = line else {
        return Finding::warn(
            "the server does not say which address it sees",
            "another program answers there, or an older flashgate",
        );
    };
    judge_address(seen, by, local, options)
}

fn judge_address(
    seen: &str,
    by: &str,
    local: Option<SocketAddr>,
    options: &ServeOptions,
) -> Finding {
    let advice = "let the proxy name its clients, and trust it with trust-proxy or proxy-protocol; else limits and \
                  bans hold for all clients together";
    let local = local.map(|local| local.ip().to_canonical());
    let Ok(address) = seen.parse::<IpAddr>() else {
        return Finding::fail(format!("the server sees {seen}, not its client"), advice);
    };
    let address = address.to_canonical();
    if Some(address) == local {
        return match (by, address.is_loopback()) {
            ("connection", true) => Finding::warn(
                format!("the server sees {address}, as it would see a proxy on this machine"),
                "name an address with --host that is not loopback",
            ),
            ("connection", false) => Finding::ok(format!(
                "the server sees {address} and needs no proxy for it"
            )),
            _ => Finding::ok(format!("a proxy names its client, {address}")),
        };
    }
    let is_proxy = options.settings.trusted.holds(address) || options.settings.proxies.has(address);
    let here = local.map_or("?".to_owned(), |local| local.to_string());
    if by == "connection" && (address.is_loopback() || is_proxy) {
        Finding::fail(
            format!("the server sees the proxy, {address}, not its client, {here}"),
            advice,
        )
    } else {
        Finding::warn(
            format!("the server sees {address} (by {by}), and this end is {here}"),
            "fine if a router translates addresses in between; otherwise the proxy names the wrong client",
        )
    }
}

/// Whether plain sockets get through. Many servers have a proxy for HTTP alone.
fn raw(target: &Target) -> Finding {
    match probe::raw(target) {
        Finding::Fail(found, _) => Finding::warn(
            format!("no plain sockets there: {found}"),
            "Flash Player, AIR and terminals need a port that is passed on as it is; pages and Ruffle do not",
        ),
        other @ (Finding::Ok(_) | Finding::Warn(..)) => other,
    }
}

/// Keeps a silent connection of each kind open, both at the same time.
fn silences(
    target: &Target,
    silence: u64,
    (websocket, raw): (bool, bool),
    on: Option<&str>,
    report: &mut Report,
) {
    let long = Duration::from_secs(silence);
    if silence == 0 {
        return;
    }
    let (of_websocket, of_raw) = thread::scope(|scope| {
        let of_websocket = websocket.then(|| scope.spawn(|| silent_websocket(target, long)));
        let of_raw = raw.then(|| silent_raw(target, long));
        let of_websocket = of_websocket.map(|thread| thread.join());
        (of_websocket.and_then(Result::ok), of_raw)
    });
    let kept = format!("open after {silence} s");
    if let Some(result) = of_websocket {
        let finding = match result {
            Ok(()) => Finding::ok(kept.clone()),
            Err(why) => Finding::fail(
                why,
                "raise the proxy's timeout above 25 s, after which the server sends a ping \
                 (nginx: proxy_read_timeout, HAProxy: timeout tunnel)",
            ),
        };
        report.add_on(Check::SilentWebSocket, on, &finding);
    }
    if let Some(result) = of_raw {
        let finding = match result {
            Ok(()) => Finding::ok(kept),
            Err(why) => Finding::fail(
                why,
                "set raw-keepalive below that time, or raise the proxy's timeout (HAProxy: timeout client and \
                 server, nginx: proxy_timeout)",
            ),
        };
        report.add_on(Check::SilentRaw, on, &finding);
    }
}

fn silent_websocket(target: &Target, long: Duration) -> Result<(), String> {
    let mut websocket = websocket::open(target, None).map_err(|refused| match refused {
        Refused::Broken(why) | Refused::Answered(why) => why,
    })?;
    websocket.stay_silent(long)?;
    websocket.ask(Kind::Binary, "PING doctor")?;
    websocket.close();
    Ok(())
}

fn silent_raw(target: &Target, long: Duration) -> Result<(), String> {
    let mut wire = target.connect()?;
    // After a NUL the server takes the client for Flash, and may keep the connection alive.
    probe::ping(&mut wire)?;
    let start = Instant::now();
    stay_silent(&mut wire, long, start)?;
    wire.wait_for(super::dial::PATIENCE)
        .map_err(|error| error.to_string())?;
    wire.send(b"PING doctor\0")?;
    let mut answer = wire.answer()?;
    // NULs that kept the connection alive.
    while answer.text.is_empty() && answer.is_whole {
        answer = wire.answer()?;
    }
    if answer.text.is_empty() {
        return Err(closed(start));
    }
    wire.send(b"QUIT\0")
}

fn stay_silent(wire: &mut Wire, long: Duration, start: Instant) -> Result<(), String> {
    let mut byte = [0];
    loop {
        let left = long.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        let read = wire.wait_for(left).and_then(|()| wire.some(&mut byte));
        match read.map_err(|error: io::Error| (is_silence(&error), error)) {
            Ok(0) | Err((false, _)) => return Err(closed(start)),
            Ok(_) | Err((true, _)) => {}
        }
    }
}

const UPGRADE: &str = "let the proxy speak HTTP/1.1 to the server and pass on Upgrade and Connection (nginx: \
                       proxy_http_version 1.1 and two proxy_set_header lines; Apache: mod_proxy_wstunnel)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ports() {
        for (text, expected) in [
            ("chat.example.com", Some(("chat.example.com", 443))),
            ("chat.example.com:8080", Some(("chat.example.com", 8080))),
            ("192.0.2.1:80", Some(("192.0.2.1", 80))),
            ("[2001:db8::1]:80", Some(("2001:db8::1", 80))),
            ("[2001:db8::1]", Some(("2001:db8::1", 443))),
            ("2001:db8::1", Some(("2001:db8::1", 443))),
            ("", None),
            (":80", None),
            ("x:0", None),
            ("x:99999", None),
            ("https://x", None),
            ("x/y", None),
        ] {
            let outside = Outside::read(text).ok();
            let outside = outside.as_ref().map(|o| (o.name.as_str(), o.port));
            assert_eq!(outside, expected, "{text}");
        }
    }

    #[test]
    fn as_a_browser_calls_it() {
        for (text, tls, expected) in [
            ("x", true, "x"),
            ("x", false, "x:443"),
            ("x:80", false, "x"),
            ("x:8080", true, "x:8080"),
            ("[::1]:8080", false, "[::1]:8080"),
        ] {
            assert_eq!(Outside::read(text).unwrap().authority(tls), expected);
        }
    }
}
