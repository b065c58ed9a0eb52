//! Nicks that are reserved, and what looks like them.

use alloc::collections::BTreeSet;
use alloc::string::String;

use super::fold;

/// Nicks that no client can take, nor one that looks like them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// The nicks, with spaces between.
    nicks: String,
    skeletons: BTreeSet<String>,
}

impl Reserved {
    /// Reserves the nicks in a text, which have spaces between.
    pub fn new(nicks: String) -> Self {
        let words = nicks.split(' ').filter(|nick| !nick.is_empty());
        let skeletons = words.map(skeleton).collect();
        Self { nicks, skeletons }
    }

    /// The nicks, with spaces between.
    pub fn as_str(&self) -> &str {
        &self.nicks
    }

    /// Whether a nick is reserved, or looks like a reserved one. The nick of a guest is compared without its `~`.
    pub fn has(&self, nick: &str) -> bool {
        !self.skeletons.is_empty()
            && self
                .skeletons
                .contains(&skeleton(nick.strip_prefix('~').unwrap_or(nick)))
    }
}

/// What two nicks have in common that look alike: the skeleton of Unicode Technical Standard 39, of the nick
/// without letter case.
pub fn skeleton(nick: &str) -> String {
    unicode_security::skeleton(&fold(nick)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_reserved_nick_is_reserved() {
        let reserved = Reserved::new("mona  Árvíz".into());
        for nick in [
            "mona",
            "MONA",
            "~mona",
            "rnona",
            // A Cyrillic о and а.
            "m\u{43e}na",
            "mon\u{430}",
            "árvíz",
            "a\u{301}rvíz",
        ] {
            assert!(reserved.has(nick), "{nick}");
        }
        for nick in ["monika", "mona2", "amona", "arviz"] {
            assert!(!reserved.has(nick), "{nick}");
        }
        assert!(!Reserved::default().has("mona"));
        assert_eq!(reserved.as_str(), "mona  Árvíz");
    }
}
