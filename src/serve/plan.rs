//! From options to the core's settings.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flashgate_core::name::{Reserved, RoomName};
use flashgate_core::{Config, Guests, HttpsRedirect, Missing, Policy, Site};
use rustix::fs::{Access, access};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::admin;
use super::listen::{self, Places};
use super::options::ServeOptions;
use super::policy;
use super::reserved;
use super::tls::Tls;
use crate::failure::{Exit, Failure};
use crate::import::Options;
use crate::login::TicketSecret;
use crate::prompt::STANDARD_INPUT;
use crate::service::Sockets;
use crate::sources::Place;
use crate::store::is_address;
use crate::web::{self, Demo, Own, Ruffle, is_own};

/// Whether options contradict each other.
pub(crate) fn check(options: &ServeOptions) -> Result<(), Failure> {
    let refuse = |message| Err(Failure::usage(message));
    admin::check(options)?;
    if options.demo && options.members.is_some() {
        return refuse("--demo keeps its own members in memory; leave out --demo or --members");
    }
    let members = options.members.as_deref().and_then(Path::to_str);
    let describes_table = options.table_options() != Options::default();
    if !members.is_some_and(is_address) && (describes_table || options.mysql_password.is_some()) {
        return refuse(
            "--table, --query, --map, --active-if, --charset, --spaces and --mysql-password describe the table of \
             a site; add --members mysql://USER@HOST/DATABASE",
        );
    }
    let limit = options.record_limit;
    let has_limit = limit.is_some_and(|limit| limit != DEFAULT_RECORD_LIMIT);
    if options.record.is_none() && (options.record_secrets || has_limit) {
        return refuse("--record-limit and --record-secrets need a recording; add --record FILE");
    }
    if options.ticket_url.is_some() && options.ticket_secret.is_none() {
        return refuse(
            "--ticket-url needs a secret to check tickets with; add --ticket-secret FILE",
        );
    }
    check_tls(options)?;
    let files = [
        &options.policy_file,
        &options.reserved_nicks,
        &options.ticket_secret,
        &options.mysql_password,
    ];
    let standard_input = Some(PathBuf::from(STANDARD_INPUT));
    if files
        .iter()
        .filter(|file| ***file == standard_input)
        .count()
        > 1
    {
        return refuse(
            "standard input (-) can be only one of the files; name a file for the others",
        );
    }
    let made = !options.policy_domain.is_empty() || options.policy_ports.is_some();
    if options.policy_file.is_some() && made {
        return refuse(
            "--policy-file is served unchanged; leave out --policy-file, or --policy-domain and --policy-ports",
        );
    }
    Ok(())
}

/// Whether the options of TLS contradict each other.
fn check_tls(options: &ServeOptions) -> Result<(), Failure> {
    let refuse = |message| Err(Failure::usage(message));
    let (certificates, keys) = (options.tls_cert.len(), options.tls_key.len());
    if certificates != keys {
        return refuse(&format!(
            "--tls-cert is given {} and --tls-key {}; give each certificate its key, in the same order",
            times(certificates),
            times(keys)
        ));
    }
    // A file may name all keys with their defaults.
    let is_other = |value: Option<&str>, default| value.is_some_and(|value| value != default);
    let describes_authority = acme_cache(options) != Path::new(ACME_CACHE)
        || !options.acme_contact.is_empty()
        || is_other(options.acme_directory.as_deref(), LETS_ENCRYPT)
        || options.acme_ca.is_some();
    if options.acme.is_empty() && describes_authority {
        return refuse(
            "--acme-cache, --acme-contact, --acme-directory and --acme-ca say how --acme gets a certificate; add --acme NAME",
        );
    }
    let redirects = options.settings.redirect_https == HttpsRedirect::On;
    if redirects && certificates == 0 && options.acme.is_empty() {
        return refuse(
            "--redirect-https leads to TLS, which needs a certificate; add --tls-cert FILE and --tls-key FILE",
        );
    }
    if !redirects && options.settings.https_port != 0 {
        return refuse("--https-port says where --redirect-https leads to; add --redirect-https");
    }
    Ok(())
}

fn times(count: usize) -> String {
    match count {
        0 => "not at all".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// Checks what a server checks before it listens and opens the member store.
pub(crate) fn check_all(options: &ServeOptions) -> Result<(), Failure> {
    check(options)?;
    let none = Sockets::default();
    listen::addresses(options, &none)?;
    listen::sockets(options, &none)?;
    FILES.iter().try_for_each(|(_, read)| read(options))
}

/// Each kind of file that options name, and how it is read.
pub(crate) const FILES: [(&str, FileCheck); 7] = [
    ("folder of challenges", webroot),
    ("policy file", |options| policy(options).map(drop)),
    ("reserved nicks", |options| {
        reserved_nicks(options).map(drop)
    }),
    ("site", |options| {
        web::site(own_site(options, &private(options))).map(drop)
    }),
    ("ticket secret", |options| ticket_secret(options).map(drop)),
    ("admin tokens", |options| admin::tokens(options).map(drop)),
    ("certificates", |options| Tls::open(options).map(drop)),
];

type FileCheck = fn(&ServeOptions) -> Result<(), Failure>;

/// Checks that the folder of challenges exists, if an option names one.
pub(super) fn webroot(options: &ServeOptions) -> Result<(), Failure> {
    options
        .acme_webroot
        .as_deref()
        .map_or(Ok(()), web::check_webroot)
}

/// A site with the challenges that are there now.
pub(super) fn with_challenges(options: &ServeOptions, site: &Arc<Site>) -> Arc<Site> {
    let Some(webroot) = &options.acme_webroot else {
        return Arc::clone(site);
    };
    let mut site = Site::clone(site);
    web::add_challenges(webroot, &mut site);
    Arc::new(site)
}

/// The policy file's document, if there is one.
pub(super) fn policy(options: &ServeOptions) -> Result<Option<String>, Failure> {
    options.policy_file.as_deref().map(policy::read).transpose()
}

/// The nicks that no client can take, if there is a file of them.
pub(super) fn reserved_nicks(options: &ServeOptions) -> Result<Option<Reserved>, Failure> {
    options
        .reserved_nicks
        .as_deref()
        .map(reserved::read)
        .transpose()
}

/// What the site makes tickets with, if it does.
pub(super) fn ticket_secret(options: &ServeOptions) -> Result<Option<TicketSecret>, Failure> {
    let Some(path) = &options.ticket_secret else {
        return Ok(None);
    };
    let refuse = |why: &dyn Display| {
        let message = format!("--ticket-secret {}: {why}", path.display());
        Exit::Config.because(message)
    };
    let secret = TicketSecret::read(path).map_err(|fault| refuse(&fault))?;
    let real = |path: &Path| path.canonicalize().ok();
    let ruffle = match &options.ruffle {
        Some(Ruffle::Folder(folder)) => Some(folder.as_path()),
        Some(Ruffle::Address(_)) | None => None,
    };
    for folder in [options.site.as_deref(), ruffle].into_iter().flatten() {
        if let (Some(path), Some(folder)) = (real(path), real(folder))
            && path.starts_with(&folder)
        {
            let why = format!(
                "it is in {}, which is served to everybody",
                folder.display()
            );
            return Err(refuse(&why));
        }
    }
    Ok(Some(secret))
}

/// Warns of files that root has read, and that the server's user cannot read again at a reload.
pub(super) fn warn_of_closed_files(options: &ServeOptions) {
    let configured = options.sources.places().filter_map(|place| match place {
        Place::File { path, .. } => Some(Path::new(&**path)),
        Place::CommandLine | Place::Environment(_) => None,
    });
    let named = options.tls_cert.iter().chain(&options.tls_key);
    let named = named
        .chain(&options.ticket_secret)
        .chain(&options.admin_token);
    let mut files: Vec<&Path> = named.map(PathBuf::as_path).chain(configured).collect();
    files.retain(|path| *path != Path::new(STANDARD_INPUT));
    files.sort_unstable();
    files.dedup();
    for path in files {
        // Not by opening it: that waits for a writer where it is a pipe.
        if let Err(error) = access(path, Access::READ_OK) {
            log::warn!(
                "{} cannot be read again by the user that the server runs as: {error}; a change in it takes a restart; \
                 give the file's group to that user, and let the group read it",
                path.display()
            );
        }
    }
}

/// What the operator adds to the built-in pages.
pub(super) fn own_site<'a>(options: &'a ServeOptions, private: &'a [PathBuf]) -> Own<'a> {
    Own {
        folder: options.site.as_deref(),
        ruffle: options.ruffle.as_ref(),
        demo: if options.demo { Demo::Yes } else { Demo::No },
        guests: settings(options).guests,
        ticket_url: options.ticket_url.as_ref(),
        frame_ancestors: &options.frame_ancestor,
        most: options.max_site.saturating_mul(1024 * 1024),
        private,
    }
}

/// Files that are named by options and hold secrets, as far as they are there; [`ticket_secret`] looks for its
/// own.
pub(super) fn private(options: &ServeOptions) -> Vec<PathBuf> {
    let named = [
        &options.log_file,
        &options.members,
        &options.mysql_password,
        &options.record,
        &options.admin_token,
    ];
    let named = named.into_iter().flatten().chain(&options.tls_key).cloned();
    let got = (!options.acme.is_empty()).then(|| fs::read_dir(acme_cache(options)).ok());
    let got = got.flatten().into_iter().flatten().flatten();
    named
        .chain(got.map(|entry| entry.path()))
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect()
}

/// The folder for certificates that the server gets by itself.
pub(super) fn acme_cache(options: &ServeOptions) -> &Path {
    let named = options.acme_cache.as_deref();
    named.unwrap_or(Path::new(ACME_CACHE))
}

/// How many connections of any kind the options ask for, within the limit on open files.
pub(super) fn capacity(options: &ServeOptions) -> Result<usize, Failure> {
    connections(options.settings.limits.clients, open_files())
}

/// The core's settings.
pub(super) fn config(
    options: &ServeOptions,
    document: Option<String>,
    site: Arc<Site>,
    places: &Places,
    connections: usize,
) -> Config {
    let policy = match document {
        Some(document) => Policy::from_document(&document),
        None => made_policy(options, places),
    };
    let mut config = Config {
        listeners: places.roles.clone(),
        policy,
        site,
        ..settings(options)
    };
    // What the log and the status page show can be reached.
    config.limits.clients = config.limits.clients.min(connections);
    config.limits.connections = connections;
    if config.https_port == 0 && places.ports.contains(&HTTPS) {
        config.https_port = HTTPS;
    }
    if options.site.is_some() {
        config.missing = Missing::NotFound;
    }
    config
}

/// The settings that the options name. A demo shows what there is: guests come in, and meet in a room.
fn settings(options: &ServeOptions) -> Config {
    let mut config = options.settings.clone();
    if options.demo {
        config.guests = Guests::On;
        let (name, topic) = LOBBY;
        let name = RoomName::new(name).expect("a good name of a room");
        config.permanent_rooms.add(&name, topic);
    }
    config
}

/// The room of a demo, and its topic.
const LOBBY: (&str, &str) = ("#lobby", "Everyone meets here. Say hello!");

/// Warns where `--redirect` leads to nothing.
pub(super) fn warn_of_redirect(config: &Config) {
    if let Some(redirect) = &config.redirect
        && leads_nowhere(redirect, &config.site)
    {
        log::warn!(
            "--redirect {redirect} leads to a path that this server answers with 404; add a page there \
             with --site"
        );
    }
}

/// Whether a redirect ends at this server, and in a 404.
fn leads_nowhere(redirect: &str, site: &Site) -> bool {
    let path = redirect.split(['?', '#']).next().unwrap_or(redirect);
    path.starts_with('/') && !is_own(path) && !site.has(path)
}

fn made_policy(options: &ServeOptions, places: &Places) -> Policy {
    let domains: Vec<&str> = if options.policy_domain.is_empty() {
        vec!["*"]
    } else {
        options.policy_domain.iter().map(String::as_str).collect()
    };
    let ports = options.policy_ports.clone().unwrap_or_else(|| {
        // The ports that were opened, not those that were asked for: 0 means any.
        let ports: Vec<String> = places.ports.iter().map(u16::to_string).collect();
        // Clients connect to a proxy in front of a Unix socket, whose port is not known here.
        if ports.is_empty() {
            String::from("*")
        } else {
            ports.join(",")
        }
    });
    Policy::allow(domains, &ports)
}

/// Connections of any kind: beside a full chat, some for policy requests and HTTP.
fn connections(clients: usize, files: usize) -> Result<usize, Failure> {
    let wanted = clients.saturating_add(OTHER_CONNECTIONS);
    let most = files.saturating_sub(OTHER_FILES);
    if most < LEAST_CONNECTIONS {
        let least = OTHER_FILES + LEAST_CONNECTIONS;
        return Err(Exit::Config.because(format!(
                "the limit of {files} open files is too low: the server needs at least {least}, and one \
                 for each further connection; raise the limit (ulimit -n, or LimitNOFILE= of systemd)"
            ),
        ));
    }
    if most < clients {
        log::warn!(
            "the limit of {files} open files leaves room for {most} connections, fewer than \
             --max-clients {clients}; raise the limit (ulimit -n, or LimitNOFILE= of systemd)"
        );
    }
    Ok(wanted.min(most))
}

/// Raises the limit on open files as far as an ordinary user may, and logs it.
fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        // If it cannot be raised, the present limit has to do.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    let files = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    let (before, now) = (
        files(limit.current),
        files(getrlimit(Resource::Nofile).current),
    );
    log::info!("raised the limit of open files from {before} to {now}, the hard limit");
    usize::try_from(now).unwrap_or(usize::MAX)
}

/// The default port of https.
const HTTPS: u16 = 443;

/// Where `--acme` keeps its certificate, and from whom it gets it.
const ACME_CACHE: &str = "flashgate-acme";
pub(super) const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// MiB of a recording: a small chat's weeks, a large one's day.
pub(super) const DEFAULT_RECORD_LIMIT: u64 = 256;

pub(crate) const OTHER_CONNECTIONS: usize = 1024;

/// For listeners, the store and its side files, pollers, standard streams.
pub(crate) const OTHER_FILES: usize = 64;

/// With fewer, a handful of policy requests shuts the chat out.
const LEAST_CONNECTIONS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_has_guests_and_a_room_beside_those_of_the_options() {
        use argh::FromArgs as _;

        let mut options = ServeOptions::from_args(&["serve"], &[]).unwrap();
        let den = RoomName::new("#den").unwrap();
        options.settings.permanent_rooms.add(&den, "");
        for (demo, guests, expected) in [
            (false, Guests::Off, &["#den"][..]),
            (true, Guests::On, &["#den", "#lobby"]),
        ] {
            options.demo = demo;
            let settings = settings(&options);
            let rooms = settings.permanent_rooms.iter();
            let rooms: Vec<_> = rooms.map(|(name, _)| name.as_str().to_owned()).collect();
            assert_eq!(settings.guests, guests);
            assert_eq!(rooms, expected);
        }
    }

    #[test]
    fn redirects_to_nowhere() {
        let mut site = Site::default();
        let page = flashgate_core::SiteFile::new("text/html", b"x").unwrap();
        site.add("/a b/index.html", page).unwrap();
        for (redirect, nowhere) in [
            ("/a%20b/", false),
            ("/a%20b?x", false),
            ("/a%20b/index.html#x", false),
            ("/Server-Status?json", false),
            ("http://example.com/x", false),
            ("/a/", true),
            ("/", true),
            ("/a%2520b/", true),
        ] {
            assert_eq!(leads_nowhere(redirect, &site), nowhere, "{redirect}");
        }
    }

    #[test]
    fn room_for_connections() {
        for (clients, files, room) in [
            (4096, 1_000_000, 5120),
            (4096, 5184, 5120),
            (4096, 5000, 4936),
            (4096, 1024, 960),
            (10, 80, 16),
            (usize::MAX, usize::MAX, usize::MAX - 64),
        ] {
            assert_eq!(connections(clients, files), Ok(room), "{clients} {files}");
        }
        for files in [0, 20, 64, 79] {
            let failure = connections(1, files).unwrap_err();
            assert_eq!(failure.exit, Exit::Config);
            assert!(failure.message.contains("ulimit -n"), "{failure}");
        }
    }
}
