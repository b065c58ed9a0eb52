//! The settings in a recording, read back.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::lines::unescaped;
use crate::config::{Config, Origins, Role, Setting};
use crate::conn::filter::MakeFilter;
use crate::name::RoomName;
use crate::web::file::SiteFile;
use crate::web::policy::Policy;
use crate::web::site::Site;
use crate::wire::coding::ContentCoding;

/// Settings on their way back.
#[derive(Debug)]
pub(crate) struct Settings {
    config: Config,
    site: Site,
    /// Bytes that the files may still take.
    room: usize,
}

/// How a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Went,
    /// It was the last.
    Settled,
    /// It is no line of a recording, or more than may be kept.
    Wrong,
}

impl Settings {
    /// `room` is how many bytes the files of the site may have.
    pub(crate) fn new(room: usize) -> Self {
        Self {
            config: Config::default(),
            site: Site::default(),
            room,
        }
    }

    pub(crate) fn take(&mut self, line: &str) -> Taken {
        if line == "settled" {
            return Taken::Settled;
        }
        match self.set(line) {
            Some(()) => Taken::Went,
            None => Taken::Wrong,
        }
    }

    pub(crate) fn done(mut self) -> Arc<Config> {
        self.config.site = Arc::new(self.site);
        Arc::new(self.config)
    }

    fn set(&mut self, line: &str) -> Option<()> {
        let config = &mut self.config;
        let text = |escaped: &str| String::from_utf8(unescaped(escaped)?).ok();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["set", name, value] => {
                let restored = Setting::restore(config, name, &text(value)?);
                return restored.then_some(());
            }
            ["topic", room, topic] => {
                let room = RoomName::new(&text(room)?).ok()?;
                config.permanent_rooms.set_topic(&room, &text(topic)?)?;
            }
            ["listener", "gateway"] => config.listeners.push(Role::Gateway),
            ["listener", "policy"] => config.listeners.push(Role::Policy),
            ["listener", "metrics"] => config.listeners.push(Role::Metrics),
            ["listener", "admin"] => config.listeners.push(Role::Admin),
            ["listener", "admin-and-metrics"] => config.listeners.push(Role::AdminAndMetrics),
            ["admin-access", number] => config.admin_access = number.parse().ok()?,
            ["filter", listener] => {
                config.filters.resize(config.listeners.len(), None);
                let filter = config.filters.get_mut(listener.parse::<usize>().ok()?)?;
                *filter = Some(MakeFilter::replayed());
            }
            ["policy-document", document] => {
                config.policy = Policy::from_document(&text(document)?);
            }
            // The next three are of recordings of earlier versions.
            ["redirect", url] => config.redirect = Some(text(url)?),
            ["origins"] => config.origins = Origins::Only(Vec::new()),
            ["allow-origin", origin] => match &mut config.origins {
                Origins::Any => return None,
                Origins::Only(origins) => origins.push(text(origin)?),
            },
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
            ["compressed", path, coding, length, etag] => {
                let path = text(path)?;
                let length: usize = length.parse().ok()?;
                self.room = self.room.checked_sub(length)?;
                let file = self.site.get(&path)?.clone();
                let coding = ContentCoding::named(coding)?;
                let file = file.with_unknown(coding, length, text(etag)?);
                self.site.add(path, file).ok()?;
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned as _;
    use alloc::vec;

    use super::*;
    use crate::record::settings::write;

    fn read(lines: &[&str]) -> Arc<Config> {
        let mut settings = Settings::new(7);
        for line in lines {
            assert_eq!(settings.take(line), Taken::Went, "{line}");
        }
        settings.done()
    }

    fn written(config: &Config) -> Vec<String> {
        let mut lines = Vec::new();
        write(config, |line| lines.push(line.to_owned()));
        assert_eq!(lines.pop().as_deref(), Some("settled"));
        lines
    }

    #[test]
    fn what_is_written_is_read() {
        let mut config = Config::default();
        for (name, value) in [
            ("max-clients", "7"),
            ("presence", "off"),
            ("redirect", "/x?a=b#c"),
            ("allow-origin", "null https://a.example"),
            ("login-timeout", "1500ms"),
        ] {
            assert_eq!(config.set(name, value), Ok(()), "{name}");
        }
        config.admin_access = 2;
        let lobby = RoomName::new("#lobby").unwrap();
        config.permanent_rooms.add(&lobby, "");
        let games = RoomName::new("#games").unwrap();
        config.permanent_rooms.add(&games, "Chess & co");
        let mut site = Site::default();
        let file = SiteFile::new("text/plain", b"hello").unwrap();
        let file = file.with_compressed(ContentCoding::Gzip, b"hi");
        site.add("/a b.txt", file).unwrap();
        config.site = Arc::new(site);
        // More and less than an operator may ask for.
        (config.limits.burst, config.limits.backlog) = (0, usize::MAX);
        let lines = written(&config);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(written(&read(&lines)), lines);
        let compressed = lines.iter().find(|line| line.starts_with("compressed "));
        assert!(compressed.is_some_and(|line| line.starts_with("compressed /a\\sb.txt gzip 2 ")));
        assert!(lines.contains(&"set room #lobby\\s#games"));
        assert!(lines.contains(&"topic #games xxxxx\\s&\\sxx"));
        assert!(lines.contains(&"set allow-origin null\\shttps://a.example"));
    }

    #[test]
    fn recordings_of_earlier_versions_are_read() {
        let config = read(&[
            "set per-address 3",
            "set login 20000ms",
            "redirect http://x.example/",
            "origins",
            "allow-origin https://a.example",
            "allow-origin null",
            "set list identified",
        ]);
        assert_eq!(config.limits.per_address, 3);
        assert_eq!(config.limits.login.0, 20_000);
        assert_eq!(config.redirect.as_deref(), Some("http://x.example/"));
        let origins = ["https://a.example", "null"].map(str::to_owned);
        assert_eq!(config.origins, Origins::Only(origins.to_vec()));
        let value = |name| Setting::named(name).map(|setting| setting.value(&config));
        assert_eq!(value("list-needs-login").as_deref(), Some("on"));
        assert_eq!(read(&["origins"]).origins, Origins::Only(vec![]));
    }
}
