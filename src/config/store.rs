//! Which member store a command is about.

use std::path::{Path, PathBuf};

use super::gather::{self, DEFAULT_FILE, Surroundings};
use super::keys::Keys;
use crate::failure::Failure;
use crate::sources::Given;
use crate::store::DEFAULT_STORE;

/// The options of a command that say where the member store is.
#[derive(Clone, Copy, Debug)]
pub struct Store<'a> {
    /// `--members`
    pub members: Option<&'a Path>,
    /// `--config`
    pub config: Option<&'a Path>,
}

impl Store<'_> {
    /// The file of the store: `--members`, or what the environment or the configuration file says, or
    /// `flashgate.db`.
    pub fn path(self, surroundings: &Surroundings) -> Result<PathBuf, Failure> {
        self.path_or(surroundings, Path::new(DEFAULT_FILE))
    }

    fn path_or(self, surroundings: &Surroundings, default: &Path) -> Result<PathBuf, Failure> {
        if let Some(members) = self.members {
            return Ok(members.to_owned());
        }
        let named = Named {
            key: MEMBERS,
            config: self.config,
        };
        let members = named.find_or(surroundings, default)?;
        Ok(members.map_or_else(|| PathBuf::from(DEFAULT_STORE), PathBuf::from))
    }
}

/// An option of `serve` that another command needs, too.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Its key.
    pub key: &'a str,
    /// `--config`
    pub config: Option<&'a Path>,
}

impl Named<'_> {
    /// Its value: what the environment or the configuration file says.
    pub fn find(self, surroundings: &Surroundings) -> Result<Option<String>, Failure> {
        self.find_or(surroundings, Path::new(DEFAULT_FILE))
    }

    fn find_or(
        self,
        surroundings: &Surroundings,
        default: &Path,
    ) -> Result<Option<String>, Failure> {
        let keys = Keys::of_serve();
        let named = |given: Option<&Given>| Some(given?.items.first()?.text.clone());
        let (variables, _) = surroundings.read(&keys)?;
        if let Some(value) = named(variables.get(self.key)) {
            return Ok(Some(value));
        }
        let config = self
            .config
            .map(Path::to_owned)
            .or_else(|| surroundings.file());
        let config = config.or_else(|| default.exists().then(|| default.to_owned()));
        Ok(match config {
            Some(config) => named(gather::read(&config, &keys)?.get(self.key)),
            None => None,
        })
    }
}

const MEMBERS: &str = "members";

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use super::*;

    #[test]
    fn the_store_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let packaged = file("packaged.toml", "members = \"packaged.db\"");
        let own = file("own.toml", "members = \"own.db\"\nrate = 5");
        let silent = file("silent.toml", "rate = 5");
        let broken = file("broken.toml", "member = \"x.db\"");
        let none = folder.path().join("none.toml");
        let variables = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            let pairs = pairs.map(|(name, value)| (OsString::from(name), OsString::from(value)));
            Surroundings(pairs.collect())
        };
        let nothing: &[(&str, &str)] = &[];
        let own_name = own.to_str().unwrap();
        for (members, config, environment, default, expected) in [
            (None, None, nothing, &none, Some("flashgate.db")),
            (None, None, nothing, &packaged, Some("packaged.db")),
            (None, None, nothing, &broken, None),
            (None, Some(&own), nothing, &packaged, Some("own.db")),
            (
                None,
                Some(&silent),
                nothing,
                &packaged,
                Some("flashgate.db"),
            ),
            (None, Some(&none), nothing, &packaged, None),
            (
                None,
                None,
                &[("FLASHGATE_CONFIG", own_name)],
                &packaged,
                Some("own.db"),
            ),
            (
                None,
                Some(&own),
                &[("FLASHGATE_MEMBERS", "env.db")],
                &packaged,
                Some("env.db"),
            ),
            (
                Some("x.db"),
                Some(&broken),
                &[("FLASHGATE_MEMBERS", "env.db")],
                &packaged,
                Some("x.db"),
            ),
        ] {
            let store = Store {
                members: members.map(Path::new),
                config: config.map(PathBuf::as_path),
            };
            let path = store.path_or(&variables(environment), default);
            let path = path.ok().map(|path| path.display().to_string());
            assert_eq!(
                path.as_deref(),
                expected,
                "{members:?} {config:?} {environment:?}"
            );
        }
    }
}
