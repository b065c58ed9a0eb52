//! Where the administration of a server is: `--admin`, or what the environment or the configuration file says.

use std::path::{Path, PathBuf};

use flashgate_core::Secret;
use zeroize::Zeroizing;

use crate::config::{Named, Surroundings};
use crate::failure::{Exit, Failure};

/// The options of all commands.
#[derive(Clone, Debug, Default)]
pub(super) struct Where<'a> {
    pub(super) admin: Option<&'a str>,
    pub(super) token: Option<&'a Path>,
    pub(super) config: Option<&'a Path>,
}

/// A server.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) token: Option<Secret>,
}

/// Where it listens for administration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Unix(PathBuf),
    /// With its port.
    Address(String),
}

impl Target {
    pub(super) fn find(options: &Where<'_>, surroundings: &Surroundings) -> Result<Self, Failure> {
        let named = |key: &str| {
            let named = Named {
                key,
                config: options.config,
            };
            named.find(surroundings)
        };
        let place = match options.admin {
            Some(place) => Some(place.to_owned()),
            None => named("admin")?,
        };
        let Some(place) = place else {
            return Err(Exit::Config.because(
                "no server to administer is known; name it with --admin unix:PATH or --admin ADDR, or with the key \
                 admin of the configuration file (--config FILE)",
            ));
        };
        let place = match place.strip_prefix("unix:") {
            Some(path) => Place::Unix(path.into()),
            None => Place::Address(place),
        };
        let token = match options.token {
            Some(path) => Some(path.to_owned()),
            None if matches!(place, Place::Address(_)) => named("admin-token")?.map(PathBuf::from),
            None => None,
        };
        let token = token.as_deref().map(first_token).transpose()?;
        Ok(Self { place, token })
    }
}

/// The first token of a file, with a name or without.
fn first_token(path: &Path) -> Result<Secret, Failure> {
    let refuse =
        |why: String| Exit::Config.because(format!("--admin-token {}: {why}", path.display()));
    let text = std::fs::read_to_string(path)
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let text = Zeroizing::new(text);
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let token = line.and_then(|line| line.split_whitespace().last());
    token
        .map(Secret::new)
        .ok_or_else(|| refuse("has no token".to_owned()))
}
