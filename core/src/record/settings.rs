//! The settings in a recording: what the core's decisions depend on, and no file's content.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::format::{Escaped, unescaped};
use crate::config::{Config, ListAccess, Loopback, OnDuplicate, Origins, Presence, Role};
use crate::site::{Site, SiteFile};
use crate::time::Millis;
use crate::wire::policy::Policy;

/// Calls `line` with each line that stands for `config`; the last one ends it.
pub(super) fn write(config: &Config, mut line: impl FnMut(&str)) {
    for (name, get, _) in NUMBERS {
        line(&format!("set {name} {}", get(config)));
    }
    for (name, get, _) in SPANS {
        line(&format!("set {name} {}ms", get(config).0));
    }
    for role in &config.listeners {
        line(match role {
            Role::Gateway => "listener gateway",
            Role::Policy => "listener policy",
        });
    }
    let escaped = |name: &str, text: &[u8]| format!("{name} {}", Escaped(text));
    line(&escaped("policy-document", &config.policy.http().to_vec()));
    line(&escaped("redirect", config.redirect.as_bytes()));
    if let Origins::Only(origins) = &config.origins {
        line("origins");
        for origin in origins {
            line(&escaped("allow-origin", origin.as_bytes()));
        }
    }
    line(match config.list {
        ListAccess::Everyone => "set list everyone",
        ListAccess::Identified => "set list identified",
    });
    line(match config.presence {
        Presence::All => "set presence all",
        Presence::Off => "set presence off",
    });
    line(match config.duplicates {
        OnDuplicate::Refuse => "set on-duplicate refuse",
        OnDuplicate::Replace => "set on-duplicate replace",
    });
    line(match config.loopback {
        Loopback::Exempt => "set loopback exempt",
        Loopback::Limited => "set loopback limited",
    });
    for path in config.site.paths() {
        if let Some(file) = config.site.get(path) {
            let policy = file.policy().unwrap_or_default();
            line(&format!(
                "file {} {} {} {} {}",
                Escaped(path.as_bytes()),
                file.bytes().len(),
                Escaped(file.etag().as_bytes()),
                Escaped(file.mime().as_bytes()),
                Escaped(policy.as_bytes()),
            ));
        }
    }
    line("settled");
}

/// Settings on their way back.
#[derive(Debug)]
pub(super) struct Settings {
    config: Config,
    origins: Vec<String>,
    site: Site,
    /// Bytes that the files may still take.
    room: usize,
}

/// How a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Went,
    /// It was the last.
    Settled,
    /// It is none that is ever written, or more than there is room for.
    Wrong,
}

impl Settings {
    /// `room` is how many bytes the files of the site may have.
    pub(super) fn new(room: usize) -> Self {
        Self {
            config: Config::default(),
            origins: Vec::new(),
            site: Site::default(),
            room,
        }
    }

    pub(super) fn take(&mut self, line: &str) -> Taken {
        if line == "settled" {
            return Taken::Settled;
        }
        match self.set(line) {
            Some(()) => Taken::Went,
            None => Taken::Wrong,
        }
    }

    pub(super) fn done(mut self) -> Arc<Config> {
        self.config.site = Arc::new(self.site);
        if matches!(self.config.origins, Origins::Only(_)) {
            self.config.origins = Origins::Only(self.origins);
        }
        Arc::new(self.config)
    }

    fn set(&mut self, line: &str) -> Option<()> {
        let config = &mut self.config;
        let text = |escaped: &str| String::from_utf8(unescaped(escaped)?).ok();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["set", "list", "everyone"] => config.list = ListAccess::Everyone,
            ["set", "list", "identified"] => config.list = ListAccess::Identified,
            ["set", "presence", "all"] => config.presence = Presence::All,
            ["set", "presence", "off"] => config.presence = Presence::Off,
            ["set", "on-duplicate", "refuse"] => config.duplicates = OnDuplicate::Refuse,
            ["set", "on-duplicate", "replace"] => config.duplicates = OnDuplicate::Replace,
            ["set", "loopback", "exempt"] => config.loopback = Loopback::Exempt,
            ["set", "loopback", "limited"] => config.loopback = Loopback::Limited,
            ["set", name, value] => match value.strip_suffix("ms") {
                Some(span) => {
                    let (_, _, set) = SPANS.iter().find(|(n, ..)| *n == name)?;
                    set(config, Millis(span.parse().ok()?));
                }
                None => {
                    let (_, _, set) = NUMBERS.iter().find(|(n, ..)| *n == name)?;
                    set(config, value.parse().ok()?);
                }
            },
            ["listener", "gateway"] => config.listeners.push(Role::Gateway),
            ["listener", "policy"] => config.listeners.push(Role::Policy),
            ["policy-document", document] => {
                config.policy = Policy::from_document(&text(document)?);
            }
            ["redirect", url] => config.redirect = text(url)?,
            ["origins"] => config.origins = Origins::Only(Vec::new()),
            ["allow-origin", origin] => self.origins.push(text(origin)?),
            ["file", path, length, etag, mime, policy] => {
                let length: usize = length.parse().ok()?;
                self.room = self.room.checked_sub(length)?;
                let file = SiteFile::unknown(text(mime)?, length, text(etag)?);
                let file = match text(policy)? {
                    policy if policy.is_empty() => file,
                    policy => file.under(policy),
                };
                self.site.add(text(path)?, file).ok()?;
            }
            _ => return None,
        }
        Some(())
    }
}

type Number = (&'static str, fn(&Config) -> usize, fn(&mut Config, usize));

macro_rules! table {
    ($($name:literal => $($field:ident).+ as $to:ty),* $(,)?) => {
        &[$((
            $name,
            |c| c.limits.$($field).+ as usize,
            |c, n| c.limits.$($field).+ = n as $to,
        )),*]
    };
}

/// Limits that are a number, as transcripts name them.
pub(super) const NUMBERS: &[Number] = table! {
    "max-clients" => clients as usize,
    "connections" => connections as usize,
    "per-address" => per_address as usize,
    "max-command" => command as usize,
    "max-backlog" => backlog as usize,
    "own-backlog" => own_backlog as usize,
    "head" => head as usize,
    "failures" => failures as u8,
    "throttle-after" => throttle.after as u8,
    "throttle-addresses" => throttle.addresses as usize,
    "throttle-name-after" => throttle.name_after as u8,
    "throttle-names" => throttle.names as usize,
    "rate" => rate as u32,
    "burst" => burst as u32,
};

type Span = (&'static str, fn(&Config) -> Millis, fn(&mut Config, Millis));

macro_rules! spans {
    ($($name:literal => $($field:ident).+),* $(,)?) => {
        &[$((
            $name,
            |c| c.limits.$($field).+,
            |c, t| c.limits.$($field).+ = t,
        )),*]
    };
}

/// Limits that are a span of time, as transcripts name them.
pub(super) const SPANS: &[Span] = spans! {
    "request" => request,
    "policy-grace" => policy_grace,
    "linger" => linger,
    "close-stall" => close_stall,
    "body-stall" => body_stall,
    "login" => login,
    "ping" => ping,
    "silence" => silence,
    "lookup" => lookup,
    "failure-delay" => failure_delay,
    "throttle-window" => throttle.window,
    "throttle-first" => throttle.first,
    "throttle-longest" => throttle.longest,
    "throttle-name-wait" => throttle.name_wait,
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Defaults and names are a promise to operators: to change one is a decision, never an accident.
    #[test]
    fn the_defaults_by_their_names() {
        let mut lines = Vec::new();
        write(&Config::default(), |line| lines.push(String::from(line)));
        let set = lines.iter().filter_map(|line| line.strip_prefix("set "));
        let expected = [
            "max-clients 4096",
            "connections 5120",
            "per-address 256",
            "max-command 8192",
            "max-backlog 1048576",
            "own-backlog 65536",
            "head 16384",
            "failures 5",
            "throttle-after 3",
            "throttle-addresses 65536",
            "throttle-name-after 8",
            "throttle-names 16384",
            "rate 20",
            "burst 40",
            "request 10000ms",
            "policy-grace 500ms",
            "linger 2000ms",
            "close-stall 5000ms",
            "body-stall 30000ms",
            "login 600000ms",
            "ping 25000ms",
            "silence 75000ms",
            "lookup 10000ms",
            "failure-delay 300ms",
            "throttle-window 600000ms",
            "throttle-first 1000ms",
            "throttle-longest 16000ms",
            "throttle-name-wait 4000ms",
            "list everyone",
            "presence all",
            "on-duplicate refuse",
            "loopback exempt",
        ];
        assert_eq!(set.collect::<Vec<_>>(), expected);
        let keepalive = Config::default().limits.keepalive;
        let spans = [keepalive.idle, keepalive.interval, keepalive.user_timeout];
        assert_eq!(spans, [60, 15, 120].map(Millis::from_secs));
        assert_eq!(keepalive.probes, 4);
    }
}
