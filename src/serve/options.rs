//! The options of `serve`, each checked as far as it can be by itself.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use argh::{ArgsInfo, FromArgs};
use flashgate_core::{Config, is_host_name};
use log::LevelFilter;

use crate::import::{ActiveIf, Charset, Map, Options, Refused, Spaces};
use crate::log::Format;
use crate::sources::Sources;
use crate::web::{FrameAncestor, Ruffle, TicketUrl};

/// Run the server.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "serve",
    note = "Every listener answers policy requests, HTTP and chat on one port. The log goes to standard output; RUST_LOG=info or RUST_LOG=debug prints more on standard error. SIGTERM or SIGINT stops the server within 5 seconds; a second signal ends it at once.",
    note = "Each option can also be a line of the file of --config, like max-clients = 4096, or an environment variable, like FLASHGATE_MAX_CLIENTS. The command line goes before the environment, and that before the file. flashgate config default prints a file with all options, flashgate config show prints each value and where it comes from. SIGHUP makes the server read the file, and the folders and files that it names, again; the log names what only a restart changes."
)]
pub struct ServeOptions {
    /// configuration file in TOML, with a key for each option; flashgate config default prints one; or set FLASHGATE_CONFIG
    #[argh(option, arg_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where to serve everything.
    #[argh(
        option,
        arg_name = "ADDR",
        description = "address to serve on, like 0.0.0.0:8080 or [::1]:8080, or a Unix socket for a proxy, like unix:/run/flashgate/chat.sock; may be repeated (default 127.0.0.1:8080)"
    )]
    pub listen: Vec<String>,

    /// IPv6 addresses take no IPv4 clients.
    #[argh(
        switch,
        description = "accept only IPv6 clients on [::]; without this option [::] accepts IPv4 clients, too, unless the server also listens on an IPv4 address with the same port"
    )]
    pub ipv6_only: bool,

    /// address that answers only policy requests, like 0.0.0.0:843, the port that Flash asks first; may be repeated
    #[argh(option, arg_name = "ADDR")]
    pub policy_listen: Vec<String>,

    /// file with a certificate in PEM form and its chain: the server then takes TLS, too, on every port, for https, wss and the chat; may be repeated with a --tls-key for each, and clients get the one for the name that they ask for, or the first; read again at SIGHUP and within a minute of a change
    #[argh(option, arg_name = "FILE")]
    pub tls_cert: Vec<PathBuf>,

    /// file with the key of the certificate, in PEM form; other users must not be able to read it
    #[argh(option, arg_name = "FILE")]
    pub tls_key: Vec<PathBuf>,

    /// name to get a certificate for from Let's Encrypt, like chat.example.com; you accept its subscriber agreement; may be repeated for more names in the same certificate; port 443 of each must lead to this server; needs a build with --features acme
    #[argh(option, arg_name = "NAME", from_str_fn(host_name))]
    pub acme: Vec<String>,

    /// Where it is kept.
    #[argh(
        option,
        arg_name = "DIR",
        description = "folder for the certificate of --acme and for the keys, made if missing; only its owner can read it (default flashgate-acme)"
    )]
    pub acme_cache: Option<PathBuf>,

    /// mail address that the authority of --acme may write to; may be repeated
    #[argh(option, arg_name = "MAIL", from_str_fn(mail))]
    pub acme_contact: Vec<String>,

    /// Another authority.
    #[argh(
        option,
        arg_name = "URL",
        from_str_fn(directory),
        description = "another authority for --acme, by its ACME directory (default https://acme-v02.api.letsencrypt.org/directory)"
    )]
    pub acme_directory: Option<String>,

    /// file with root certificates, in PEM form, to trust for the authority's own server (default: the roots of this system)
    #[argh(option, arg_name = "FILE")]
    pub acme_ca: Option<PathBuf>,

    /// folder that certbot --webroot or lego --http.webroot writes its challenges to; they are served under /.well-known/acme-challenge/; no other file of the folder is served
    #[argh(option, arg_name = "DIR")]
    pub acme_webroot: Option<PathBuf>,

    /// Sites whose pages may frame ours.
    #[argh(
        option,
        arg_name = "ORIGIN",
        description = "site whose pages may show the built-in pages in an iframe, like https://www.example.com; may be repeated (default: only the server's own pages)"
    )]
    pub frame_ancestor: Vec<FrameAncestor>,

    /// Where metrics are.
    #[argh(
        option,
        arg_name = "chat-or-admin-or-ADDR",
        description = "where to serve /metrics: chat, on the ports of --listen, admin, on the address of --admin, or an address of its own, like 127.0.0.1:9100 (default chat)"
    )]
    pub metrics_on: Option<String>,

    /// Where the server is administered.
    #[argh(
        option,
        arg_name = "ADDR",
        description = "where to take requests for administration, from flashgate admin and from your site: a Unix socket, like unix:/run/flashgate/admin.sock, for its owner and group, or an address, like 127.0.0.1:9090, with --admin-token (default: nowhere)"
    )]
    pub admin: Option<String>,

    /// file with tokens for administration over --admin ADDR, a name and a token on each line; other users must not be able to read it; read at the start, and again at SIGHUP
    #[argh(option, arg_name = "FILE")]
    pub admin_token: Option<PathBuf>,

    /// show messages with their texts in the stream of events of --admin
    #[argh(switch)]
    pub admin_texts: bool,

    /// Where members are.
    #[argh(
        option,
        arg_name = "FILE-or-URL",
        description = "file of the member store (default flashgate.db), created if missing; or mysql://USER@HOST/DATABASE to look members up in the table of your site, which is never written to"
    )]
    pub members: Option<PathBuf>,

    /// table with the members in the site's database (default: the only table, or members)
    #[argh(option, arg_name = "NAME")]
    pub table: Option<String>,

    /// query to use instead of a table: SELECT … AS id, … AS nick, … AS password, optionally name and active
    #[argh(option, arg_name = "SQL")]
    pub query: Option<String>,

    /// what the columns of the site's table are called, like nick=username,id=uid; as in members import
    #[argh(option, arg_name = "OURS=COLUMN,…")]
    pub map: Option<Map>,

    /// only members whose row has one of these values in this column may log in, like user_type=0,3
    #[argh(option, arg_name = "COLUMN=VALUE,…")]
    pub active_if: Option<ActiveIf>,

    /// double-utf8 if texts are encoded twice, so that é looks like Ã© on other pages
    #[argh(option, arg_name = "NAME")]
    pub charset: Option<Charset>,

    /// character to replace spaces in nicks with, like _; without it, members with a space in their nick cannot log in
    #[argh(option, arg_name = "CHAR")]
    pub spaces: Option<Spaces>,

    /// file with the password of the database user; other users must not be able to read it; or set FLASHGATE_MYSQL_PASSWORD
    #[argh(option, arg_name = "FILE")]
    pub mysql_password: Option<PathBuf>,

    /// file with a secret of at least 32 bytes that your site knows, too; with it the site makes tickets, with which members log in without their password; other users must not be able to read the file
    #[argh(option, arg_name = "FILE")]
    pub ticket_secret: Option<PathBuf>,

    /// Where pages get tickets.
    #[argh(
        option,
        arg_name = "URL",
        description = "where your site makes a ticket for a member who is logged in there, like https://www.example.com/ticket.php, or a path like /ticket.php; the built-in pages request it by POST, with the visitor's cookies"
    )]
    pub ticket_url: Option<TicketUrl>,

    /// how connections are served: smol (all by one thread) or std (threads for each connection) (default smol)
    #[argh(option, arg_name = "NAME", default = "Runtime::Smol")]
    pub runtime: Runtime,

    /// folder to serve over HTTP; its files come before built-in pages of the same name; read at the start, and again at SIGHUP
    #[argh(option, arg_name = "DIR")]
    pub site: Option<PathBuf>,

    /// where to find Ruffle, which plays the movie of the Flash page: a folder with ruffle.js, or an https address (default: the --site folder)
    #[argh(option, arg_name = "DIR-or-URL")]
    pub ruffle: Option<Ruffle>,

    /// limit for all files of --site and --ruffle together, in MiB (default 256); they are kept in memory
    #[argh(option, arg_name = "MIB", default = "256", from_str_fn(mebibytes))]
    pub max_site: u64,

    /// policy document to serve unchanged, instead of one made from --policy-domain and --policy-ports
    #[argh(option, arg_name = "FILE")]
    pub policy_file: Option<PathBuf>,

    /// domain whose Flash movies may connect, like *.example.com; may be repeated (default *)
    #[argh(option, arg_name = "DOMAIN", from_str_fn(domain))]
    pub policy_domain: Vec<String>,

    /// ports that Flash movies may connect to, like 80,8000-8010 or * (default: those of --listen)
    #[argh(option, arg_name = "LIST", from_str_fn(ports))]
    pub policy_ports: Option<String>,

    /// file with nicks that no client can take, nor one that looks like them, one nick a line; members who have one keep it; read at the start, and again at SIGHUP
    #[argh(option, arg_name = "FILE")]
    pub reserved_nicks: Option<PathBuf>,

    /// text, or json: one object a line (default text)
    #[argh(
        option,
        arg_name = "FORMAT",
        default = "Format::Text",
        from_str_fn(log_format)
    )]
    pub log_format: Format,

    /// file to append the log to, instead of standard output, together with what would go to standard error; SIGUSR1 makes the server open it again, as logrotate needs it; its folder must be open to the user that the server runs as
    #[argh(option, arg_name = "FILE")]
    pub log_file: Option<PathBuf>,

    /// file with the number of the server's process while it serves; it is made before the server becomes another user
    #[argh(option, arg_name = "FILE")]
    pub pid_file: Option<PathBuf>,

    /// user to become, with its groups, if the server is started as root; this happens after it has opened its ports and read certificates, keys and the ticket secret; this user must be able to reach all files that the server reads or writes later, renewed certificates and keys included; root stays root
    #[argh(option, arg_name = "NAME")]
    pub user: Option<String>,

    /// what to print on standard error: error, warn, info, debug, trace or off (default warn); RUST_LOG, if it is set, decides instead
    #[argh(
        option,
        arg_name = "LEVEL",
        default = "LevelFilter::Warn",
        from_str_fn(log_level)
    )]
    pub log_level: LevelFilter,

    /// record everything that happens in a new file that only you can read, without passwords and texts; flashgate replay plays it
    #[argh(option, arg_name = "FILE")]
    pub record: Option<PathBuf>,

    /// size in MiB at which the recording ends; the server continues (default 256)
    #[argh(option, arg_name = "MIB", from_str_fn(mebibytes))]
    pub record_limit: Option<u64>,

    /// record passwords and texts, too; with the file anybody can log in as your members
    #[argh(switch)]
    pub record_secrets: bool,

    /// the core's own settings, which are read before the other options
    #[argh(
        option,
        hidden_help,
        default = "Config::default()",
        from_str_fn(no_option)
    )]
    pub settings: Config,

    /// where the other options come from
    #[argh(
        option,
        hidden_help,
        default = "Sources::default()",
        from_str_fn(no_sources)
    )]
    pub sources: Sources,

    /// serve three members from memory, 1 alice secret1, 2 bob secret2 and 3 carol secret3, with guests and a room #lobby,
    /// on loopback addresses only
    #[argh(switch)]
    pub demo: bool,
}

impl ServeOptions {
    /// How the table of a site is read.
    pub(crate) fn table_options(&self) -> Options {
        Options {
            table: self.table.clone(),
            query: self.query.clone(),
            map: self.map.clone().unwrap_or_default(),
            active_if: self.active_if.clone(),
            charset: self.charset,
            spaces: self.spaces,
            refused: Refused::default(),
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

impl FromStr for Runtime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(text, [("smol", Self::Smol), ("std", Self::Std)])
    }
}

fn log_format(text: &str) -> Result<Format, String> {
    one_of(text, [("text", Format::Text), ("json", Format::Json)])
}

fn log_level(text: &str) -> Result<LevelFilter, String> {
    let wanted = "it must be off, error, warn, info, debug or trace";
    text.parse().map_err(|_| wanted.to_owned())
}

fn one_of<T>(text: &str, known: [(&str, T); 2]) -> Result<T, String> {
    let [(one, first), (other, second)] = known;
    if text == one {
        Ok(first)
    } else if text == other {
        Ok(second)
    } else {
        Err(format!("it must be {one} or {other}"))
    }
}

fn mebibytes(text: &str) -> Result<u64, String> {
    // Rust takes a plus sign, too.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number @ 1..=MOST_MIB) if digits => Ok(number),
        Ok(_) | Err(_) => Err(format!("it must be a whole number from 1 to {MOST_MIB}")),
    }
}

const MOST_MIB: u64 = 1024 * 1024;

/// The field is filled in by hand.
fn no_option(_: &str) -> Result<Config, String> {
    Err("there is no such option".to_owned())
}

/// The field is filled in by hand.
fn no_sources(_: &str) -> Result<Sources, String> {
    Err("there is no such option".to_owned())
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
            "it must be a host name like example.com, an address, *.example.com or *, without http:// \
             and without a port"
                .to_owned(),
        )
    }
}

fn host_name(text: &str) -> Result<String, String> {
    let is_address = text.parse::<IpAddr>().is_ok();
    if is_host_name(text) && text.contains('.') && !is_address {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("it must be a host name like chat.example.com, without * and without a port".to_owned())
    }
}

fn mail(text: &str) -> Result<String, String> {
    let is_plain = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b",?<>\"".contains(&b));
    match text.split_once('@') {
        Some((name, host)) if is_plain && !name.is_empty() && is_host_name(host) => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err("it must be a mail address like you@example.com".to_owned()),
    }
}

fn directory(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic());
    match text.strip_prefix("https://") {
        Some(rest) if is_plain && !rest.starts_with('/') && !rest.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err("it must begin with https:// and a host".to_owned()),
    }
}

fn ports(text: &str) -> Result<String, String> {
    // Some programs read a leading zero as octal, and players may, too.
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
        Err(
            "it must be a list of ports and ranges from 1 to 65535, like 80,8000-8010, or *"
                .to_owned(),
        )
    }
}
