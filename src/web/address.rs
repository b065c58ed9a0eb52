//! Web addresses that options name, as far as they can stand in a header and in a script.

use std::fmt;
use std::str::FromStr;

/// An `http` or `https` address of plain characters: none of them needs an escape in a
/// `Content-Security-Policy` or in a JavaScript string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    /// Bytes of scheme, host and port.
    origin: usize,
}

/// Whether an address may have a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Query {
    Allowed,
    Refused,
}

impl Address {
    pub(super) fn new(text: &str, query: Query) -> Result<Self, String> {
        let scheme = ["https://", "http://"]
            .into_iter()
            .find(|scheme| text.starts_with(scheme))
            .ok_or("an address begins with https:// or http://")?;
        plain(text, query)?;
        let rest = &text[scheme.len()..];
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let named = host
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'[');
        if !named || host.contains(['@', '%', '=', '+', '&', '~']) {
            return Err("an address has a host behind https://, and no user".to_owned());
        }
        let origin = scheme.len() + host.len();
        Ok(Self {
            text: text.to_owned(),
            origin,
        })
    }

    /// The same address with something behind its path.
    pub(super) fn join(&self, file: &str) -> Self {
        Self {
            text: format!("{}/{file}", self.text.trim_end_matches('/')),
            origin: self.origin,
        }
    }

    /// Scheme, host and port, as a `Content-Security-Policy` names a source. Its path stays out: a
    /// script loads others from beside itself, and a redirect to a release goes elsewhere.
    pub(super) fn origin(&self) -> &str {
        &self.text[..self.origin]
    }
}

/// The origin of a site that may have the built-in pages in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameAncestor(Address);

impl FrameAncestor {
    pub(super) fn origin(&self) -> &str {
        self.0.origin()
    }
}

impl FromStr for FrameAncestor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Address::new(text, Query::Refused) {
            Ok(address) if address.origin() == text => Ok(Self(address)),
            Ok(_) | Err(_) => Err(
                "it must be the origin of a site, like https://www.example.com or \
                 http://localhost:8000, without a path"
                    .to_owned(),
            ),
        }
    }
}

/// A policy is made of words; quotes, semicolons and commas mean something in it.
pub(super) fn plain(text: &str, query: Query) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/@[]%+=".contains(&b);
    match query {
        Query::Refused if !text.bytes().all(plain) => Err(
            "an address has letters, digits and -._~:/@[]%+= only, no query and no fragment"
                .to_owned(),
        ),
        Query::Allowed if !text.bytes().all(|b| plain(b) || b"?&".contains(&b)) => Err(
            "an address has letters, digits and -._~:/@[]%+=?& only, and no fragment".to_owned(),
        ),
        Query::Refused | Query::Allowed => Ok(()),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
