//! `flashgate ruffle-config`: what a page with a Flash movie tells Ruffle, so that the movie's socket
//! leads here.
//!
//! In a browser there is no TCP. Ruffle opens a WebSocket instead, to the `proxyUrl` of the first
//! `socketProxy` entry whose host and port are those that the movie asks for (`connect_socket` in
//! Ruffle's `web/src/navigator.rs`): it compares strings, so `Chat.example.com` is not
//! `chat.example.com`. For `connect(null, port)` Ruffle 0.6 asks for the host `null` in ActionScript 3, and for
//! `localhost` in ActionScript 1 and 2 where the movie came from no domain name: an IP address, a file
//! (`connect` in `core/src/avm1/globals/xml_socket.rs`). Both are always in the list.

use std::net::Ipv6Addr;

use argh::{ArgsInfo, FromArgs};

use crate::failure::Failure;
use crate::text::in_script;

/// Print the script with which a page connects a Flash movie in Ruffle to flashgate.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "ruffle-config",
    example = "A movie that connects to chat.example.com, port 8080:\n  {command_name} --host chat.example.com",
    example = "On an https page, with a proxy in front of flashgate that terminates TLS:\n  {command_name} --host chat.example.com --port 5000 --url wss://www.example.com/socket",
    note = "Paste the output into the page, between <script> and </script>, before the script that loads ruffle.js; or save it as a file and load that first. Settings for Ruffle that the page already has are kept."
)]
pub struct RuffleConfig {
    /// a host that the movie connects to, spelled exactly as in the movie, including capital letters; may be repeated; the first is also the host of flashgate, unless --url names another
    #[argh(option, arg_name = "NAME", from_str_fn(host))]
    host: Vec<String>,

    /// a port that the movie connects to (default 8080); may be repeated
    #[argh(option, arg_name = "N", from_str_fn(port))]
    port: Vec<u16>,

    /// use wss from every page; https pages do so anyway
    #[argh(switch)]
    tls: bool,

    /// address of flashgate for browsers, like wss://chat.example.com/, if it differs from that host and port
    #[argh(option, arg_name = "URL", from_str_fn(url))]
    url: Option<String>,
}

impl RuffleConfig {
    /// The JavaScript for the page.
    pub(crate) fn script(&self) -> Result<String, Failure> {
        let Some(first) = self.host.first() else {
            return Err(Failure::usage(
                "--host is missing; name the host that the movie connects to",
            ));
        };
        let url = match (&self.url, self.tls) {
            (Some(_), true) => {
                return Err(Failure::usage(
                    "--url already contains ws or wss; leave out --tls or --url",
                ));
            }
            (url, _) => url.as_deref(),
        };
        if url.is_none() && NO_HOST[0].eq_ignore_ascii_case(first) {
            return Err(Failure::usage(
                "no browser can connect to the host null; pass the server's own name as --host. The list always \
                 contains null, for movies that call connect(null, port)",
            ));
        }
        let mut hosts: Vec<&str> = Vec::new();
        for host in self.host.iter().map(String::as_str).chain(NO_HOST) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let mut ports: Vec<u16> = Vec::new();
        for port in self.port.iter().copied() {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        if ports.is_empty() {
            ports.push(DEFAULT_PORT);
        }
        let mut entries = Vec::new();
        for port in ports {
            let url = url.map_or_else(|| default_url(first, port, self.tls), str::to_owned);
            let (url, hosts) = (in_script(&url), hosts.iter().map(|host| in_script(host)));
            entries.extend(hosts.map(|host| {
                format!("  {{ \"host\": {host}, \"port\": {port}, \"proxyUrl\": {url} }}")
            }));
        }
        Ok(format!("{HEAD}{}{TAIL}", entries.join(",\n")))
    }
}

/// The same host and port, where flashgate serves WebSockets too.
fn default_url(host: &str, port: u16, tls: bool) -> String {
    let (scheme, usual) = if tls { ("wss", 443) } else { ("ws", 80) };
    let host = match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    };
    if port == usual {
        format!("{scheme}://{host}/")
    } else {
        format!("{scheme}://{host}:{port}/")
    }
}

/// What a movie may say for a host.
fn host(text: &str) -> Result<String, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse::<Ipv6Addr>().is_ok();
    let name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let named = text.starts_with(char::is_alphanumeric) && text.chars().all(name);
    if text.len() <= MAX_HOST && (address || named) {
        Ok(text.to_owned())
    } else {
        Err(
            "it must be a host name like chat.example.com, or an address, without http:// and without a \
             port; --port is for that"
                .to_owned(),
        )
    }
}

fn port(text: &str) -> Result<u16, String> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        Ok(_) | Err(_) => Err("it must be a whole number from 1 to 65535".to_owned()),
    }
}

/// A browser refuses others, and a fragment.
fn url(text: &str) -> Result<String, String> {
    let host = ["ws://", "wss://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let good = host.is_some_and(|host| host.starts_with(|c: char| c.is_alphanumeric() || c == '['));
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"'<>\\`#".contains(&b);
    if good && text.bytes().all(plain) && text.len() <= MAX_URL {
        Ok(text.to_owned())
    } else {
        Err(
            "it begins with ws:// or wss:// and a host, has visible ASCII characters only, no \
             quotes and no #"
                .to_owned(),
        )
    }
}

const HEAD: &str = "\
// For Ruffle, before the script that loads ruffle.js. Two things to know:
// 1. A movie's socket is found by its host and port, both exactly as the movie has them, capital
//    letters too. For connect(null, port) Ruffle asks for \"null\" in ActionScript 3 and for
//    \"localhost\" in ActionScript 2.
// 2. A page that is https may connect by wss only, so that ws becomes wss there: flashgate must be
//    behind a proxy that ends TLS.
window.RufflePlayer = window.RufflePlayer || {};
window.RufflePlayer.config = window.RufflePlayer.config || {};
window.RufflePlayer.config.socketProxy = (window.RufflePlayer.config.socketProxy || []).concat([
";

const TAIL: &str = "
].map(function (entry) {
  if (location.protocol === \"https:\") {
    entry.proxyUrl = entry.proxyUrl.replace(/^ws:/, \"wss:\");
  }
  return entry;
}));
";

/// What Ruffle asks for where a movie names no host.
const NO_HOST: [&str; 2] = ["null", "localhost"];

const DEFAULT_PORT: u16 = 8080;

const MAX_HOST: usize = 253;

const MAX_URL: usize = 2048;
