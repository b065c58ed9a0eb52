//! The settings of a transcript, by the names that the program's options have.

use std::string::ToString as _;
use std::sync::Arc;

use super::frames::Frames;
use super::text::unescape;
use flashgate_core::{
    _testing, Config, ContentCoding, Millis, Policy, Role, Setting, Site, SiteFile,
};

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
    /// The defaults, with a second listener that takes only policy requests.
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

    /// Sets `name` to `value`, as in `max-clients 2` or `login-timeout 600s`: any value that a [`Config`]
    /// can hold, within an operator's bounds or not.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let config = &mut self.config;
        if let Some(setting) = Setting::named(name) {
            return if _testing::put(setting, config, value) {
                Ok(())
            } else {
                Err(format!("{name} does not take {value:?}"))
            };
        }
        match (name, value) {
            ("east-of-utc", seconds) => {
                let wrong = |_| format!("{name} takes seconds, not {seconds:?}");
                self.offset = seconds.parse().map_err(wrong)?;
            }
            // There is one of these in a transcript at most.
            ("metrics-listener", "on") => config.listeners.push(Role::Metrics),
            ("admin-listener", "on") => config.listeners.push(Role::Admin),
            ("admin-listener", "with-metrics") => config.listeners.push(Role::AdminAndMetrics),
            ("admin-access", number) => {
                let wrong = |_| format!("{name} takes a number, not {number:?}");
                config.admin_access = number.parse().map_err(wrong)?;
            }
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
            ("site-gzip" | "site-br", form) => {
                let coding = if name == "site-br" {
                    ContentCoding::Brotli
                } else {
                    ContentCoding::Gzip
                };
                compress(Arc::make_mut(&mut config.site), coding, form)?;
            }
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

/// Gives an existing file its policy: `/a.html default-src 'none'`.
fn set_site_policy(site: &mut Site, policy: &str) -> Result<(), String> {
    let (path, policy) = policy.split_once(' ').ok_or("it is: PATH POLICY")?;
    let file = site.get(path).ok_or_else(|| format!("no file {path:?}"))?;
    let file = file.clone().with_policy(policy.to_owned());
    add(site, path, file.map_err(|error| error.to_string())?)
}

/// Gives an existing file a compressed form: `/a.txt \x1f\x8b`. It is never decompressed.
fn compress(site: &mut Site, coding: ContentCoding, form: &str) -> Result<(), String> {
    let (path, text) = form.split_once(' ').ok_or("it is: PATH BYTES")?;
    let file = site.get(path).ok_or_else(|| format!("no file {path:?}"))?;
    let file = file.clone();
    add(
        site,
        path,
        file.with_compressed(coding, &unescape(text, Frames::None)?),
    )
}

fn add(site: &mut Site, path: &str, file: SiteFile) -> Result<(), String> {
    let path =
        String::from_utf8(unescape(path, Frames::None)?).map_err(|error| error.to_string())?;
    site.add(path, file).map_err(|error| error.to_string())
}

/// Reads `500ms`, `10s`, `11m`, `2h` or `16d`.
pub(super) fn span(text: &str) -> Result<Millis, String> {
    _testing::span(text)
        .ok_or_else(|| format!("a time is written 500ms, 10s, 11m, 2h or 16d, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flashgate_core::{OnDuplicate, Policy};

    #[test]
    fn settings_are_set() {
        let mut settings = Settings::new();
        for (name, value) in [
            ("max-clients", "2"),
            ("login-timeout", "11m"),
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
        let policy = Policy::allow(["a.example", "b.example"], "80,8000-8010");
        assert_eq!(format!("{:?}", config.policy), format!("{policy:?}"));
    }

    #[test]
    fn unknown_settings_and_files_are_errors() {
        let mut settings = Settings::new();
        for (name, value) in [
            ("max-client", "2"),
            ("max-clients", "two"),
            ("login", "10s"),
            ("list-needs-login", "nobody"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name} {value}");
        }
    }
}
