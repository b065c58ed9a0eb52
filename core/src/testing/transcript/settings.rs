//! The settings of a transcript, by the names that the program's options have.

use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString as _};
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use super::frames::Frames;
use super::text::unescape;
use crate::config::{Config, ListAccess, Loopback, OnDuplicate, Origins, Presence, Role};
use crate::site::{Site, SiteFile};
use crate::time::Millis;
use crate::wire::policy::Policy;

/// What a transcript has set so far.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    config: Config,
    policy_domains: Vec<String>,
    policy_ports: String,
    /// Seconds east of UTC.
    offset: i32,
}

impl Settings {
    /// The defaults, with a second listener for policy requests alone.
    pub(super) fn new() -> Self {
        Self {
            config: Config {
                listeners: vec![Role::Gateway, Role::Policy],
                ..Config::default()
            },
            policy_domains: vec!["*".to_owned()],
            policy_ports: "80".to_owned(),
            offset: 0,
        }
    }

    pub(super) fn config(&self) -> Arc<Config> {
        Arc::new(self.config.clone())
    }

    pub(super) fn offset(&self) -> i32 {
        self.offset
    }

    /// Sets `name` to `value`, as in `max-clients 2` or `login 600s`.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some((_, set)) = NUMBERS.iter().find(|(n, _)| *n == name) {
            let number = value.parse();
            set(
                &mut self.config,
                number.map_err(|_| format!("{name} takes a number, not {value:?}"))?,
            );
            return Ok(());
        }
        if let Some((_, set)) = SPANS.iter().find(|(n, _)| *n == name) {
            set(&mut self.config, span(value)?);
            return Ok(());
        }
        let config = &mut self.config;
        match (name, value) {
            ("east-of-utc", seconds) => {
                let wrong = |_| format!("{name} takes seconds, not {seconds:?}");
                self.offset = seconds.parse().map_err(wrong)?;
            }
            ("redirect", url) => config.redirect = url.to_owned(),
            ("allow-origin", origins) => {
                config.origins = Origins::Only(origins.split(' ').map(str::to_owned).collect());
            }
            ("list", "everyone") => config.list = ListAccess::Everyone,
            ("list", "identified") => config.list = ListAccess::Identified,
            ("presence", "all") => config.presence = Presence::All,
            ("presence", "off") => config.presence = Presence::Off,
            ("on-duplicate", "refuse") => config.duplicates = OnDuplicate::Refuse,
            ("on-duplicate", "replace") => config.duplicates = OnDuplicate::Replace,
            ("loopback", "exempt") => config.loopback = Loopback::Exempt,
            ("loopback", "limited") => config.loopback = Loopback::Limited,
            ("policy-document", text) => config.policy = Policy::from_document(text),
            ("policy-domains", domains) => {
                self.policy_domains = domains.split(' ').map(str::to_owned).collect();
                self.set_policy();
            }
            ("policy-ports", ports) => {
                ports.clone_into(&mut self.policy_ports);
                self.set_policy();
            }
            ("site", file) => add_file(Arc::make_mut(&mut config.site), file)?,
            ("site-policy", policy) => set_site_policy(Arc::make_mut(&mut config.site), policy)?,
            _ => return Err(format!("no setting {name:?} with the value {value:?}")),
        }
        Ok(())
    }

    fn set_policy(&mut self) {
        let domains = self.policy_domains.iter().map(String::as_str);
        self.config.policy = Policy::allow(domains, &self.policy_ports);
    }
}

/// Adds `/a.txt text/plain hello`; the type has no space in it, path and text may have escapes.
fn add_file(site: &mut Site, file: &str) -> Result<(), String> {
    let mut words = file.splitn(3, ' ');
    let (path, mime) = (words.next().unwrap_or_default(), words.next());
    let mime = mime.ok_or("a file is: PATH TYPE TEXT")?.to_owned();
    let text = unescape(words.next().unwrap_or_default(), Frames::None)?;
    let file = SiteFile::new(mime, &text).map_err(|error| error.to_string())?;
    add(site, path, file)
}

/// Gives a file that is there its policy: `/a.html default-src 'none'`.
fn set_site_policy(site: &mut Site, policy: &str) -> Result<(), String> {
    let (path, policy) = policy.split_once(' ').ok_or("it is: PATH POLICY")?;
    let file = site.get(path).ok_or_else(|| format!("no file {path:?}"))?;
    let file = file.clone().with_policy(policy.to_owned());
    add(site, path, file.map_err(|error| error.to_string())?)
}

fn add(site: &mut Site, path: &str, file: SiteFile) -> Result<(), String> {
    let path =
        String::from_utf8(unescape(path, Frames::None)?).map_err(|error| error.to_string())?;
    site.add(path, file).map_err(|error| error.to_string())
}

/// Reads `500ms`, `10s`, `11m` or `16d`.
pub(super) fn span(text: &str) -> Result<Millis, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("d", 86_400_000)];
    let found = units
        .iter()
        .find_map(|(unit, ms)| Some((text.strip_suffix(unit)?.parse::<u64>().ok()?, ms)));
    match found {
        Some((number, ms)) => Ok(Millis(number * ms)),
        None => Err(format!(
            "a time is written 500ms, 10s, 11m or 16d, not {text:?}"
        )),
    }
}

type Number = (&'static str, fn(&mut Config, usize));

/// Settings that are a number.
const NUMBERS: &[Number] = &[
    ("max-clients", |c, n| c.limits.clients = n),
    ("connections", |c, n| c.limits.connections = n),
    ("per-address", |c, n| c.limits.per_address = n),
    ("max-command", |c, n| c.limits.command = n),
    ("max-backlog", |c, n| c.limits.backlog = n),
    ("own-backlog", |c, n| c.limits.own_backlog = n),
    ("head", |c, n| c.limits.head = n),
    ("failures", |c, n| c.limits.failures = n as u8),
    ("throttle-after", |c, n| c.limits.throttle.after = n as u8),
    ("throttle-addresses", |c, n| c.limits.throttle.addresses = n),
    ("throttle-name-after", |c, n| {
        c.limits.throttle.name_after = n as u8;
    }),
    ("throttle-names", |c, n| c.limits.throttle.names = n),
    ("rate", |c, n| c.limits.rate = n as u32),
    ("burst", |c, n| c.limits.burst = n as u32),
];

type Span = (&'static str, fn(&mut Config, Millis));

/// Settings that are a span of time.
const SPANS: &[Span] = &[
    ("request", |c, t| c.limits.request = t),
    ("policy-grace", |c, t| c.limits.policy_grace = t),
    ("linger", |c, t| c.limits.linger = t),
    ("close-stall", |c, t| c.limits.close_stall = t),
    ("body-stall", |c, t| c.limits.body_stall = t),
    ("login", |c, t| c.limits.login = t),
    ("ping", |c, t| c.limits.ping = t),
    ("silence", |c, t| c.limits.silence = t),
    ("lookup", |c, t| c.limits.lookup = t),
    ("failure-delay", |c, t| c.limits.failure_delay = t),
    ("throttle-window", |c, t| c.limits.throttle.window = t),
    ("throttle-first", |c, t| c.limits.throttle.first = t),
    ("throttle-longest", |c, t| c.limits.throttle.longest = t),
    ("throttle-name-wait", |c, t| {
        c.limits.throttle.name_wait = t;
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_set() {
        let mut settings = Settings::new();
        for (name, value) in [
            ("max-clients", "2"),
            ("login", "11m"),
            ("on-duplicate", "replace"),
            ("policy-domains", "a.example b.example"),
            ("policy-ports", "80,8000-8010"),
        ] {
            settings.set(name, value).unwrap();
        }
        let config = settings.config();
        assert_eq!(config.limits.clients, 2);
        assert_eq!(config.limits.login, Millis(660_000));
        assert_eq!(config.duplicates, OnDuplicate::Replace);
        let policy = config.policy.http();
        assert_eq!(
            policy.to_vec(),
            b"<?xml version=\"1.0\"?><cross-domain-policy>\
              <allow-access-from domain=\"a.example\" to-ports=\"80,8000-8010\" />\
              <allow-access-from domain=\"b.example\" to-ports=\"80,8000-8010\" /></cross-domain-policy>"
        );
    }

    #[test]
    fn what_does_not_exist_is_an_error() {
        let mut settings = Settings::new();
        for (name, value) in [
            ("max-client", "2"),
            ("max-clients", "two"),
            ("login", "10"),
            ("list", "nobody"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name} {value}");
        }
    }
}
