//! Settings for the built-in pages, as a script that they import.

use std::fmt;
use std::str::FromStr;

use flashgate_core::{Guests, Site, SiteError, SiteFile};

use super::address::{Address, Query, plain};
use super::brand::Brand;
use crate::store::DEMO;

/// Where a site makes a ticket for a member who is logged in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketUrl {
    /// A path on the server that gives out the pages, as a browser sees it.
    Path(String),
    /// Somewhere else.
    Address(Address),
}

impl TicketUrl {
    /// The origin that pages must be allowed to ask, unless it is their own.
    pub(super) fn origin(&self) -> Option<&str> {
        match self {
            Self::Path(_) => None,
            Self::Address(address) => Some(address.origin()),
        }
    }
}

impl FromStr for TicketUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A second slash makes a host of what follows.
        if text.starts_with('/') && !text.starts_with("//") {
            plain(text, Query::Allowed)?;
            return Ok(Self::Path(text.to_owned()));
        }
        if !text.contains("://") {
            return Err(
                "it begins with https:// or http:// and a host, or it is a path with one / in front"
                    .to_owned(),
            );
        }
        Address::new(text, Query::Allowed).map(Self::Address)
    }
}

impl fmt::Display for TicketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Whether the members are those of `--demo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// Pages show their passwords.
    Yes,
    /// They are real members.
    No,
}

/// Adds the script, unless the operator's own folder has one.
pub(super) fn add_settings(
    site: &mut Site,
    demo: Demo,
    guests: Guests,
    ticket_url: Option<&TicketUrl>,
    brand: &Brand,
) -> Result<(), SiteError> {
    if site.get(SETTINGS).is_some() {
        return Ok(());
    }
    let script = script(demo, guests, ticket_url, brand);
    let file = SiteFile::new("text/javascript; charset=utf-8", script.as_bytes())?;
    site.add(SETTINGS, file)
}

/// Neither nicks and passwords of a demo nor an address have a character that needs an escape.
fn script(demo: Demo, guests: Guests, ticket_url: Option<&TicketUrl>, brand: &Brand) -> String {
    let members = match demo {
        Demo::No => Vec::new(),
        Demo::Yes => DEMO.map(demo_member).to_vec(),
    };
    let url = ticket_url.map_or("null".to_owned(), |url| format!("\"{url}\""));
    format!(
        "// Made by the server: the members of --demo, --guests, --ticket-url, and chat/brand.txt of the site.\n\
         export const settings = {{\"demo\": [{}], \"guests\": {}, \"ticketUrl\": {url}, \"brand\": {}}};\n",
        members.join(", "),
        guests == Guests::On,
        brand.json()
    )
}

fn demo_member(member: crate::store::DemoMember) -> String {
    let (nick, password) = (member.nick, member.password);
    format!("{{\"nick\": \"{nick}\", \"password\": \"{password}\"}}")
}

/// What the pages import.
const SETTINGS: &str = "/chat/settings.js";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_urls() {
        for (text, origin) in [
            ("/ticket.php", None),
            ("/", None),
            ("/a?b=c&d", None),
            (
                "https://www.example.com/chat/ticket.php?x=1",
                Some("https://www.example.com"),
            ),
            ("http://[::1]:8000", Some("http://[::1]:8000")),
            ("https://x?y", Some("https://x")),
        ] {
            let url: TicketUrl = text.parse().expect(text);
            assert_eq!((url.to_string().as_str(), url.origin()), (text, origin));
        }
        for text in [
            "",
            "ticket.php",
            "//x/ticket.php",
            "/a b",
            "/a\"b",
            "/a#b",
            "/a;b",
            "ftp://x/",
            "javascript:alert(1)",
            "https://",
            "https://u@x/",
            "https://x/;script-src",
            "https://x,y/",
            "https://x/\u{e1}",
        ] {
            assert!(text.parse::<TicketUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn settings_of_the_pages() {
        let settings = |demo, guests, url: Option<&str>| {
            let url = url.map(|url| url.parse().unwrap());
            let script = script(demo, guests, url.as_ref(), &Brand::default());
            let (_, value) = script.split_once(" = ").unwrap();
            serde_json::from_str::<serde_json::Value>(value.trim_end_matches(";\n")).unwrap()
        };
        let brand = serde_json::json!({"name": null, "logo": null, "language": null});
        let nothing =
            serde_json::json!({"demo": [], "guests": false, "ticketUrl": null, "brand": brand});
        assert_eq!(settings(Demo::No, Guests::Off, None), nothing);
        let both = settings(Demo::Yes, Guests::On, Some("https://x/t.php?a=b"));
        assert_eq!(both["guests"], true);
        assert_eq!(both["ticketUrl"], "https://x/t.php?a=b");
        assert_eq!(both["demo"][2]["nick"], "carol");
        assert_eq!(both["demo"][2]["password"], "secret3");
    }
}
