//! Where the Flash page gets Ruffle from, the player that runs its movie.
//!
//! Ruffle is not part of the program: it has 15 MB, and an operator wants to choose its release.

use std::path::PathBuf;
use std::str::FromStr;

use flashgate_core::{Site, SiteError, SiteFile};

use super::address::{Address, Query};

/// Where `--ruffle` says that Ruffle is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruffle {
    /// In a folder of this machine, to be served at `/ruffle/`.
    Folder(PathBuf),
    /// Somewhere else: the address of a `ruffle.js`.
    Address(Address),
}

impl FromStr for Ruffle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        // What looks like an address is not looked for on the disk.
        if text.contains("://") {
            script(text).map(Self::Address)
        } else {
            Ok(Self::Folder(PathBuf::from(text)))
        }
    }
}

/// The script itself. What does not end in `.js` is a folder, or a package on a server that gives out
/// packages.
fn script(text: &str) -> Result<Address, String> {
    let address = Address::new(text, Query::Refused)?;
    if text.ends_with(".js") {
        Ok(address)
    } else {
        Ok(address.join(SCRIPT))
    }
}

/// Writes the address of Ruffle for the Flash page: the one given, or else where the site has it.
pub(super) fn add_address(site: &mut Site, ruffle: Option<&Ruffle>) -> Result<(), SiteError> {
    let place = match ruffle {
        Some(Ruffle::Address(address)) => Some(address.to_string()),
        Some(Ruffle::Folder(_)) | None => PLACES
            .iter()
            .find(|place| site.get(place).is_some())
            // Relative, so that it is found below a proxy's prefix, too.
            .map(|place| format!("..{place}")),
    };
    // Neither kind of place has a character that JSON would escape.
    let body = match place {
        Some(place) => format!("{{\"ruffle\": \"{place}\"}}\n"),
        None => "{\"ruffle\": null}\n".to_owned(),
    };
    site.add(ADDRESS, SiteFile::new("application/json", body.as_bytes())?)
}

/// Where a folder that `--ruffle` names is served.
pub(super) const MOUNT: &str = "/ruffle";

/// The script that a page loads; it loads the rest.
pub(super) const SCRIPT: &str = "ruffle.js";

/// Where Ruffle is looked for in a site.
const PLACES: [&str; 2] = ["/ruffle/ruffle.js", "/ruffle.js"];

/// What the Flash page asks for.
const ADDRESS: &str = "/flash/ruffle.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, script, origin) in [
            (
                "https://unpkg.com/@ruffle-rs/ruffle",
                "https://unpkg.com/@ruffle-rs/ruffle/ruffle.js",
                "https://unpkg.com",
            ),
            (
                "http://[::1]:8000/r/",
                "http://[::1]:8000/r/ruffle.js",
                "http://[::1]:8000",
            ),
            ("https://x", "https://x/ruffle.js", "https://x"),
            ("https://x/a/b.js", "https://x/a/b.js", "https://x"),
        ] {
            let Ok(Ruffle::Address(address)) = text.parse() else {
                panic!("{text}");
            };
            assert_eq!(address.to_string(), script);
            assert_eq!(address.origin(), origin);
        }
        for text in [
            "",
            "ftp://x",
            "HTTPS://x",
            "https://",
            "https:///x",
            "https://-x",
            "https://u@x/",
            "https://x/?a",
            "https://x/#a",
            "https://x/a b",
            "https://x/a;script-src",
            "https://x,y",
            "https://x/'unsafe-eval'",
            "https://x/\"",
            "https://x/\u{e1}",
        ] {
            assert!(text.parse::<Ruffle>().is_err(), "{text}");
        }
        let folder = "some folder/ruffle";
        assert_eq!(folder.parse(), Ok(Ruffle::Folder(folder.into())));
    }

    #[test]
    fn the_address_for_the_page() {
        let address_for = |files: &[&str], ruffle: Option<&str>| {
            let mut site = Site::default();
            for path in files {
                let file = SiteFile::new("text/javascript", b"").unwrap();
                site.add(*path, file).unwrap();
            }
            let ruffle = ruffle.map(|text| text.parse().unwrap());
            add_address(&mut site, ruffle.as_ref()).unwrap();
            let body = site.get(ADDRESS).unwrap().bytes().to_vec();
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            value["ruffle"].as_str().map(str::to_owned)
        };
        let own = Some("../ruffle/ruffle.js".to_owned());
        assert_eq!(address_for(&[], None), None);
        assert_eq!(
            address_for(&["/ruffle.js"], None).as_deref(),
            Some("../ruffle.js")
        );
        assert_eq!(address_for(&["/ruffle.js", "/ruffle/ruffle.js"], None), own);
        assert_eq!(address_for(&["/ruffle/ruffle.js"], Some("folder")), own);
        let far = address_for(&["/ruffle.js"], Some("https://x/y"));
        assert_eq!(far.as_deref(), Some("https://x/y/ruffle.js"));
    }
}
