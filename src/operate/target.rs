//! Where the administration of a server is: `--admin`, or what the environment or the configuration file says.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use flashgate_core::Secret;
use zeroize::Zeroizing;

use crate::config::{Named, Surroundings};
use crate::failure::{Exit, Failure};
use crate::log::diagnostics::say;

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
        let Some(place) = place.or_else(passed) else {
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
        if let (Place::Address(address), Some(_)) = (&place, &token)
            && !is_loopback(address)
        {
            say(&format!(
                "the token is sent to {address} without encryption; a tunnel keeps it secret: ssh -L \
                 9090:localhost:PORT HOST, and --admin 127.0.0.1:9090"
            ));
        }
        Ok(Self { place, token })
    }
}

/// The socket of the package's socket unit, which no key of the configuration names.
fn passed() -> Option<String> {
    let is_there = Path::new(PASSED).exists();
    is_there.then(|| format!("unix:{PASSED}"))
}

/// Whether an address with a port is on this machine.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || ip.is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
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

const PASSED: &str = "/run/flashgate/admin.sock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine() {
        for (address, expected) in [
            ("127.0.0.1:9090", true),
            ("127.8.0.1:1", true),
            ("[::1]:9090", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost:9090", true),
            ("192.0.2.1:9090", false),
            ("[2001:db8::1]:9090", false),
            ("localhost.example:9090", false),
        ] {
            assert_eq!(is_loopback(address), expected, "{address}");
        }
    }
}
