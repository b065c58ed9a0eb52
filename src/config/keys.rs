//! The keys of the configuration file: the options of `serve`.

use std::collections::BTreeMap;
use std::path::Path;

use argh::{ArgsInfo, FlagInfoKind, Optionality};
use flashgate_core::{Config, SETTINGS};

use crate::serve::ServeOptions;
use crate::text::nearest;

/// The options of `serve` by their names, without `--`.
#[derive(Debug)]
pub struct Keys(BTreeMap<String, Key>);

/// One option.
#[derive(Debug)]
pub struct Key {
    /// What follows it.
    pub takes: Takes,
    /// What it does.
    pub help: String,
    /// The values that it has if it is not given; empty for off and for none.
    pub default: Vec<String>,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: it is a switch.
    Nothing,
    /// A value.
    One,
    /// A value, and the option may be repeated.
    Several,
}

impl Keys {
    /// Lists the options of `serve`.
    pub fn of_serve() -> Self {
        let flags = ServeOptions::get_args_info();
        let flags = flags.flags.iter().filter(|flag| !flag.hidden);
        let own = flags.map(|flag| {
            let takes = match (&flag.kind, &flag.optionality) {
                (FlagInfoKind::Switch, _) => Takes::Nothing,
                (FlagInfoKind::Option { .. }, Optionality::Repeating) => Takes::Several,
                (FlagInfoKind::Option { .. }, _) => Takes::One,
            };
            let help = flag.description.to_owned();
            let default = stated_default(&help).map(str::to_owned);
            let default = default.into_iter().collect();
            let name = flag.long.trim_start_matches('-').to_owned();
            (
                name,
                Key {
                    takes,
                    help,
                    default,
                },
            )
        });
        let settings = SETTINGS.iter().filter_map(|setting| {
            let help = setting.help()?;
            let takes = match help.value {
                "" => Takes::Nothing,
                _ if setting.is_list() => Takes::Several,
                _ => Takes::One,
            };
            let default = setting.value(&Config::default());
            let default = match takes {
                Takes::Nothing => Vec::new(),
                Takes::Several => default.split_whitespace().map(str::to_owned).collect(),
                Takes::One => Some(default)
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect(),
            };
            let help = help.text.to_owned();
            Some((
                setting.name().to_owned(),
                Key {
                    takes,
                    help,
                    default,
                },
            ))
        });
        let mut keys: BTreeMap<String, Key> = own.chain(settings).collect();
        for name in NO_KEYS {
            keys.remove(name);
        }
        Self(keys)
    }

    /// The key of this name.
    pub fn get(&self, name: &str) -> Option<&Key> {
        self.0.get(name)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.0.iter().map(|(name, key)| (name.as_str(), key))
    }

    /// The name that is most like this one, if any is.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.0.keys().map(String::as_str))
    }
}

/// Whether a value of this key may be printed. What should be the name of a file with a secret may be the secret
/// itself, by mistake: then there is no such file. The address of a database may have a password in it.
pub(super) fn may_be_shown(name: &str, text: &str) -> bool {
    let words = ["key", "password", "secret", "token"];
    let names_a_secret =
        name.split('-').any(|word| words.contains(&word)) && !name.ends_with("-url");
    let has_password = text.split_once("://").is_some_and(|(_, rest)| {
        let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
        user.contains(':') || user.contains('%')
    });
    !has_password && (!names_a_secret || Path::new(text).exists())
}

/// The default that the help of an option states, as in `limit in MiB (default 256)`.
fn stated_default(help: &str) -> Option<&str> {
    let (_, rest) = help.split_once("(default ")?;
    let (default, _) = rest.split_once([')', ';', ','])?;
    (!default.contains(' ')).then_some(default)
}

/// Options that are no keys: a file does not name itself.
const NO_KEYS: [&str; 2] = ["config", "help"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_a_key() {
        let keys = Keys::of_serve();
        for (name, takes, default) in [
            ("listen", Takes::Several, &["127.0.0.1:8080"][..]),
            ("members", Takes::One, &["flashgate.db"]),
            ("metrics-on", Takes::One, &["chat"]),
            ("runtime", Takes::One, &["smol"]),
            ("max-site", Takes::One, &["256"]),
            ("record-limit", Takes::One, &["256"]),
            ("log-format", Takes::One, &["text"]),
            ("log-level", Takes::One, &["warn"]),
            ("policy-domain", Takes::Several, &["*"]),
            ("site", Takes::One, &[]),
            ("table", Takes::One, &[]),
            ("demo", Takes::Nothing, &[]),
            ("guests", Takes::Nothing, &[]),
            ("max-clients", Takes::One, &["4096"]),
            ("login-timeout", Takes::One, &["10m"]),
            ("redirect", Takes::One, &[]),
            ("room", Takes::Several, &[]),
            ("allow-origin", Takes::Several, &["*"]),
        ] {
            let key = keys.get(name).expect(name);
            assert_eq!(
                (key.takes, key.default.join(" ")),
                (takes, default.join(" ")),
                "{name}"
            );
        }
        for no_key in ["config", "help", "settings", "sources", "connections"] {
            assert!(keys.get(no_key).is_none(), "{no_key}");
        }
        assert_eq!(keys.nearest("max_clients"), Some("max-clients"));
        assert_eq!(keys.nearest("xyzzy"), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        for (name, text, shown) in [
            ("ticket-secret", "/etc/hostname", true),
            ("ticket-secret", "hunter2", false),
            ("mysql-password", "hunter2", false),
            ("tls-key", "hunter2", false),
            ("ticket-url", "https://a.example/ticket.php", true),
            ("members", "mysql://u@h/d", true),
            ("members", "mysql://u:hunter2@h/d", false),
            ("members", "mysql://u%3Ahunter2@h/d", false),
            ("max-clients", "5", true),
        ] {
            assert_eq!(may_be_shown(name, text), shown, "{name} {text}");
        }
    }
}
