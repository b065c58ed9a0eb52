//! The options of `serve`, each checked as far as it can be by itself.

use std::fmt::Display;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use argh::{ArgsInfo, FromArgs};
use flashgate_core::Presence;

use super::table::TableOptions;
use crate::members::import::{ActiveIf, Charset, Map, Spaces};
use crate::site::Ruffle;

/// Run the server.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "serve",
    note = "Every listener answers policy requests, HTTP and chat on one port. The log goes to standard output; RUST_LOG=info or debug tells more on standard error. SIGTERM or SIGINT stops the server within 5 seconds, a second one at once."
)]
pub struct ServeOptions {
    /// Where to serve everything. (The help is not this comment: rustdoc would take its address for a link.)
    #[argh(
        option,
        arg_name = "ADDR",
        description = "address to serve on, like 0.0.0.0:8080 or [::1]:8080; may be repeated (default 127.0.0.1:8080)"
    )]
    pub listen: Vec<String>,

    /// address that answers policy requests only; Flash asks port 843 first; may be repeated
    #[argh(option, arg_name = "ADDR")]
    pub policy_listen: Vec<String>,

    /// Where members are. (The help is not this comment: rustdoc would take its address for a link.)
    #[argh(
        option,
        arg_name = "FILE-or-URL",
        description = "file of the member store (default flashgate.db), created when missing; or mysql://USER@HOST/DATABASE: the table of your site is asked at each login, and never written to"
    )]
    pub members: Option<PathBuf>,

    /// table of such a database (default: the only one, or members)
    #[argh(option, arg_name = "NAME")]
    pub table: Option<String>,

    /// query that stands for a table: SELECT … AS id, … AS nick, … AS password, and perhaps name and active
    #[argh(option, arg_name = "SQL")]
    pub query: Option<String>,

    /// which of its columns is what, where their names do not say so, as in members import
    #[argh(option, arg_name = "OURS=COLUMN,…")]
    pub map: Option<Map>,

    /// only members whose row has this value in this column may log in
    #[argh(option, arg_name = "COLUMN=VALUE")]
    pub active_if: Option<ActiveIf>,

    /// double-utf8 where texts are encoded twice: their letters look like Ã© on other pages
    #[argh(option, arg_name = "NAME")]
    pub charset: Option<Charset>,

    /// character that stands for spaces in nicks, like _; otherwise who has such a nick cannot log in
    #[argh(option, arg_name = "CHAR")]
    pub spaces: Option<Spaces>,

    /// file with the password of its user, which nobody else may read; or the environment has it as FLASHGATE_MYSQL_PASSWORD
    #[argh(option, arg_name = "FILE")]
    pub mysql_password: Option<PathBuf>,

    /// file with a secret of 32 bytes or more that your site knows, too: it can then make tickets, by which members log in without their password; nobody else may read the file
    #[argh(option, arg_name = "FILE")]
    pub ticket_secret: Option<PathBuf>,

    /// what moves the bytes: smol (one thread, default) or std (threads per connection)
    #[argh(option, arg_name = "NAME", default = "Runtime::Smol")]
    pub runtime: Runtime,

    /// folder to serve over HTTP beside the built-in pages, and in place of them where names are the same; read when the server starts
    #[argh(option, arg_name = "DIR")]
    pub site: Option<PathBuf>,

    /// where Ruffle is, which plays the Flash page's movie: a folder that holds ruffle.js, or an https address (found by itself in the --site folder)
    #[argh(option, arg_name = "DIR-or-URL")]
    pub ruffle: Option<Ruffle>,

    /// size of all files in such a folder, in MiB (default 256); they are kept in memory
    #[argh(option, arg_name = "MIB", default = "256", from_str_fn(mebibytes))]
    pub max_site: u64,

    /// where a path that is not ours is redirected to (default /chat/, the built-in page)
    #[argh(option, arg_name = "URL", from_str_fn(redirect))]
    pub redirect: Option<String>,

    /// policy document to serve as it stands, instead of one made from domains and ports
    #[argh(option, arg_name = "FILE")]
    pub policy_file: Option<PathBuf>,

    /// domain whose Flash movies may connect, like *.example.com; may be repeated (default *)
    #[argh(option, arg_name = "DOMAIN", from_str_fn(domain))]
    pub policy_domain: Vec<String>,

    /// ports they may connect to, like 80,8000-8010 or * (default: those of --listen)
    #[argh(option, arg_name = "LIST", from_str_fn(ports))]
    pub policy_ports: Option<String>,

    /// Whose pages may open a WebSocket. (The help is not this comment: rustdoc would take its address for a link.)
    #[argh(
        option,
        arg_name = "ORIGIN",
        from_str_fn(origin),
        description = "origin whose pages may open a WebSocket, like https://games.example; may be repeated (default: any); the server's own pages need theirs named, too"
    )]
    pub allow_origin: Vec<String>,

    /// allow LIST only after IDENTIFY
    #[argh(switch)]
    pub list_needs_login: bool,

    /// who is told that a member logs in or leaves: all who are online (default), or off, nobody
    #[argh(
        option,
        arg_name = "WHO",
        default = "Presence::All",
        from_str_fn(presence)
    )]
    pub presence: Presence,

    /// when a member logs in twice: refuse the newcomer (default), or replace the older connection
    #[argh(option, arg_name = "WHAT", default = "Duplicates::Refuse")]
    pub on_duplicate: Duplicates,

    /// chat connections at once (default 4096)
    #[argh(option, arg_name = "N", default = "4096", from_str_fn(clients))]
    pub max_clients: usize,

    /// connections at once from one address, loopback excepted (default 256)
    #[argh(option, arg_name = "N", default = "256", from_str_fn(clients))]
    pub max_per_address: usize,

    /// size of one command in bytes (default 8192)
    #[argh(
        option,
        arg_name = "BYTES",
        default = "8192",
        from_str_fn(command_bytes)
    )]
    pub max_command: usize,

    /// bytes of others' messages that may wait for a slow client (default 1048576)
    #[argh(
        option,
        arg_name = "BYTES",
        default = "1048576",
        from_str_fn(backlog_bytes)
    )]
    pub max_backlog: usize,

    /// commands a second and connection (default 20); 0 for no limit
    #[argh(option, arg_name = "N", default = "20", from_str_fn(rate))]
    pub rate: u32,

    /// commands at once before the rate holds (default 40)
    #[argh(option, arg_name = "N", default = "40", from_str_fn(burst))]
    pub burst: u32,

    /// seconds that a connection has to log in (default 600)
    #[argh(option, arg_name = "SECONDS", default = "600", from_str_fn(seconds))]
    pub login_timeout: u64,

    /// text (default), or json: one object a line
    #[argh(option, arg_name = "FORMAT", default = "LogFormat::Text")]
    pub log_format: LogFormat,

    /// write down everything that happens, into a new file that only you may read; passwords and texts are left out; flashgate replay plays it again
    #[argh(option, arg_name = "FILE")]
    pub record: Option<PathBuf>,

    /// size of the recording in MiB, at which it ends and the server goes on (default 256)
    #[argh(option, arg_name = "MIB", from_str_fn(mebibytes))]
    pub record_limit: Option<u64>,

    /// record passwords and texts, too: whoever reads the file can log in as your members
    #[argh(switch)]
    pub record_secrets: bool,

    /// serve three members from memory, 1 alice secret1, 2 bob secret2 and 3 carol secret3, on loopback addresses only
    #[argh(switch)]
    pub demo: bool,
}

impl ServeOptions {
    /// What is said of the table of a site.
    pub(crate) fn table_options(&self) -> TableOptions<'_> {
        TableOptions {
            table: self.table.as_ref(),
            query: self.query.as_ref(),
            map: self.map.as_ref(),
            active_if: self.active_if.as_ref(),
            charset: self.charset,
            spaces: self.spaces,
            password: self.mysql_password.as_ref(),
        }
    }
}

/// Which runtime moves the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// `flashgate-smol`.
    Smol,
    /// `flashgate-std`.
    Std,
}

/// What happens to the second login of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// It is refused.
    Refuse,
    /// It takes the first one's place.
    Replace,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON objects.
    Json,
}

impl FromStr for Runtime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(text, [("smol", Self::Smol), ("std", Self::Std)])
    }
}

impl FromStr for Duplicates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(text, [("refuse", Self::Refuse), ("replace", Self::Replace)])
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(text, [("text", Self::Text), ("json", Self::Json)])
    }
}

fn one_of<T>(text: &str, known: [(&str, T); 2]) -> Result<T, String> {
    let [(one, first), (other, second)] = known;
    if text == one {
        Ok(first)
    } else if text == other {
        Ok(second)
    } else {
        Err(format!("it is {one} or {other}"))
    }
}

fn number<T: FromStr + PartialOrd + Display>(
    text: &str,
    bounds: RangeInclusive<T>,
) -> Result<T, String> {
    // Rust takes a plus sign, too.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && bounds.contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!(
            "it is a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        )),
    }
}

fn clients(text: &str) -> Result<usize, String> {
    number(text, 1..=1_000_000)
}

fn presence(text: &str) -> Result<Presence, String> {
    one_of(text, [("all", Presence::All), ("off", Presence::Off)])
}

/// A command is kept whole in memory, for each connection that sends one.
fn command_bytes(text: &str) -> Result<usize, String> {
    number(text, 1..=16 * 1024 * 1024)
}

fn backlog_bytes(text: &str) -> Result<usize, String> {
    number(text, 1..=1024 * 1024 * 1024)
}

fn mebibytes(text: &str) -> Result<u64, String> {
    number(text, 1..=1024 * 1024)
}

fn rate(text: &str) -> Result<u32, String> {
    number(text, 0..=1_000_000)
}

fn burst(text: &str) -> Result<u32, String> {
    number(text, 1..=1_000_000)
}

/// A year is for ever.
fn seconds(text: &str) -> Result<u64, String> {
    number(text, 1..=365 * 24 * 60 * 60)
}

/// It goes into a header as it stands.
fn redirect(text: &str) -> Result<String, String> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let good = match host {
        Some(host) => !host.is_empty() && !host.starts_with(['/', '\\', '?', '#', ':', '@']),
        // A second slash makes a host of what follows; browsers take a backslash for one.
        None => text.starts_with('/') && !text[1..].starts_with(['/', '\\']),
    };
    if !good {
        return Err(
            "it begins with http:// or https:// and a host, or it is a path with one / in \
             front"
                .to_owned(),
        );
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it has visible ASCII characters only; percent-encode others".to_owned());
    }
    if text.len() > MAX_REDIRECT {
        return Err(format!("it is longer than {MAX_REDIRECT} characters"));
    }
    Ok(text.to_owned())
}

/// What a browser says of a page: the scheme, the host, and the port unless it is the scheme's own
/// (RFC 6454 section 6.2); `null` for a page without any, like a file.
fn origin(text: &str) -> Result<String, String> {
    let wrong = || {
        Err(
            "it is a scheme and a host, like https://games.example or http://localhost:8080, \
             without a path, or null"
                .to_owned(),
        )
    };
    if text == "null" {
        return Ok(text.to_owned());
    }
    let Some((scheme, host)) = text.split_once("://") else {
        return wrong();
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let bracketed = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let good_name = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<IpAddr>().is_ok() || is_host_name(name),
    };
    let scheme_is_plain = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !scheme_is_plain || !good_name || port.is_some_and(|port| !is_port(port)) {
        return wrong();
    }
    let own = [("http", "80"), ("https", "443")];
    if let Some(port) = port
        && own.contains(&(scheme.to_ascii_lowercase().as_str(), port))
    {
        return Err(format!(
            "browsers leave out :{port} there, so leave it out, too"
        ));
    }
    Ok(text.to_owned())
}

/// A zero in front is how some write octal numbers: what others make of it nobody knows.
fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
        && !text.starts_with('0')
        && text.parse::<u16>().is_ok()
}

/// What a Flash Player compares with the host that a movie came from.
fn domain(text: &str) -> Result<String, String> {
    let address = text.parse::<IpAddr>().is_ok()
        || text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .is_some_and(|text| text.parse::<Ipv6Addr>().is_ok());
    if text == "*" || address || is_host_name(text.strip_prefix("*.").unwrap_or(text)) {
        Ok(text.to_owned())
    } else {
        Err(
            "it is a host name like example.com, an address, *.example.com or *, without http:// \
             and without a port"
                .to_owned(),
        )
    }
}

fn is_host_name(text: &str) -> bool {
    // The underscore is in no standard, and in many a local network.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is a mistyped address.
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(good) && !last.bytes().all(|b| b.is_ascii_digit())
}

fn ports(text: &str) -> Result<String, String> {
    // A zero in front is how some write octal numbers: what a player makes of it nobody knows.
    let port = |text: &str| {
        let port = text.parse::<u16>().ok();
        port.filter(|_| !text.starts_with('0'))
    };
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b",-".contains(&b));
    let good = |item: &str| match item.split_once('-') {
        None => port(item).is_some(),
        Some((first, last)) => {
            matches!((port(first), port(last)), (Some(first), Some(last)) if first <= last)
        }
    };
    if text == "*" || plain && text.split(',').all(good) {
        Ok(text.to_owned())
    } else {
        Err("it is a list of ports and ranges from 1 to 65535, like 80,8000-8010, or *".to_owned())
    }
}

const MAX_REDIRECT: usize = 2048;
