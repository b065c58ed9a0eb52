//! What a site does to texts before it stores them. phpBB escapes whatever a form gives it for HTML as it
//! comes in: names, and passwords before they are hashed.

use std::borrow::Cow;

use super::columns::at;
use crate::password::{self, html};

/// How a site stores typed texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    AsTyped,
    /// As phpBB 3 does.
    Escaped,
}

impl Texts {
    /// Recognised by the columns of a table. Only phpBB has these two.
    pub(super) fn of(titles: &[String]) -> Self {
        let is_there = |title: &str| at(titles, title).is_some();
        if is_there("username_clean") && is_there("user_password") {
            Self::Escaped
        } else {
            Self::AsTyped
        }
    }

    /// A text as it was typed.
    pub(super) fn typed(self, stored: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::AsTyped => stored,
            Self::Escaped => match html::unescaped(&stored) {
                Cow::Borrowed(_) => stored,
                Cow::Owned(typed) => Cow::Owned(typed),
            },
        }
    }

    /// A text as it is stored.
    #[cfg(feature = "mysql")]
    pub(crate) fn stored(self, typed: &str) -> Cow<'_, str> {
        match self {
            Self::AsTyped => Cow::Borrowed(typed),
            Self::Escaped => match html::escaped(typed.as_bytes()) {
                Some(escaped) => Cow::Owned(String::from_utf8_lossy(&escaped).into_owned()),
                None => Cow::Borrowed(typed),
            },
        }
    }

    /// A hash with what has to be known of it here.
    pub(crate) fn hash(self, stored: &str) -> Cow<'_, str> {
        match self {
            Self::AsTyped => Cow::Borrowed(stored),
            Self::Escaped => password::of_phpbb(stored),
        }
    }
}
