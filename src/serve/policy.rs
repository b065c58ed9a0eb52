//! The operator's own policy file: checked when the server starts, not when a player gives up.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use roxmltree::{Document, ParsingOptions};

use crate::failure::{Exit, Failure};

/// Reads a policy file, and refuses what a Flash Player would not take.
pub(super) fn read(file: &Path) -> Result<String, Failure> {
    let refuse = |what: &str| {
        let file = file.display();
        Exit::Config.because(format!("the policy file {file} {what}"))
    };
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAX_POLICY + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(&format!("cannot be read: {error}; check --policy-file")))?;
    check(&bytes).map_err(|fault| refuse(&fault))
}

fn check(bytes: &[u8]) -> Result<String, String> {
    if bytes.len() as u64 > MAX_POLICY {
        return Err(format!("is larger than {MAX_POLICY} bytes"));
    }
    // Notepad's mark says nothing that a player wants to know, and is not ASCII.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(at) = bytes.iter().position(|b| !b.is_ascii()) {
        let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
        return Err(format!(
            "is not plain ASCII: see line {line}; write other characters as &#…; references"
        ));
    }
    let text = String::from_utf8_lossy(bytes);
    let options = ParsingOptions {
        // Adobe's own examples name a DTD.
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&text, options)
        .map_err(|error| format!("is not well-formed XML: {error}"))?;
    let root = document.root_element().tag_name();
    if root.name() != ROOT || root.namespace().is_some() {
        return Err(format!(
            "has the root element {}, but a Flash policy has {ROOT}",
            root.name()
        ));
    }
    Ok(text.into_owned())
}

const ROOT: &str = "cross-domain-policy";

/// A player takes it in one piece and gives up after 3 s; real ones have a few hundred bytes.
const MAX_POLICY: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_policies_are_served_as_they_stand() {
        for good in [
            "<cross-domain-policy/>",
            "<?xml version=\"1.0\"?>\n<cross-domain-policy>\n<allow-access-from domain=\"*\" to-ports=\"80\"/>\n</cross-domain-policy>\n",
            "<?xml version=\"1.0\"?><!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\"><cross-domain-policy></cross-domain-policy>",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(good.to_owned()));
            let marked = format!("\u{feff}{good}");
            assert_eq!(check(marked.as_bytes()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn bad_policies_are_refused() {
        for bad in [
            "",
            "hello",
            "<cross-domain-policy>",
            "<cross-domain-policy/><cross-domain-policy/>",
            "<cross-domain-policy/>x",
            "<cross-domain-policy a='1' a='2'/>",
            "<crossdomain/>",
            "<cross-domain-policy xmlns='urn:x'/>",
            "<CROSS-DOMAIN-POLICY/>",
            "<cross-domain-policy><!-- \u{e1} --></cross-domain-policy>",
            "<cross-domain-policy/>\0",
            "<cross-domain-policy>&x;</cross-domain-policy>",
        ] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
        let long = format!(
            "<cross-domain-policy>{}</cross-domain-policy>",
            " ".repeat(70_000)
        );
        assert!(check(long.as_bytes()).is_err());
    }
}
