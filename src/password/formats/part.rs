//! How much of a password a hash covers. Some old formats ignore the rest, so that a password with something
//! added fits, too. The new hash covers the same part; otherwise a typing error at the login that renews the
//! hash would become the password.

use zeroize::Zeroizing;

use super::html;

/// What of a password counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    /// Of DES-crypt.
    First8,
    /// Of bcrypt.
    First72,
    /// Of bcrypt, if what was typed may have been escaped for HTML before.
    Html72,
    /// Of MySQL's `OLD_PASSWORD()`.
    NoBlanks,
}

impl Part {
    /// Those that are less than all.
    pub(super) const CUT: [Self; 4] = [Self::First8, Self::First72, Self::Html72, Self::NoBlanks];

    /// The bytes that count.
    pub(crate) fn of(self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let first = |most: usize| &password[..password.len().min(most)];
        let mut part = Zeroizing::new(Vec::with_capacity(password.len()));
        match self {
            Self::All => part.extend_from_slice(password),
            Self::First8 => part.extend_from_slice(first(8)),
            Self::First72 => part.extend_from_slice(first(72)),
            Self::Html72 => part.extend_from_slice(html::within(72, password)),
            Self::NoBlanks => {
                let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
                part.extend(password.iter().filter(|byte| !is_blank(byte)));
            }
        }
        part
    }

    /// What stands before `$argon2id$` then.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::All => "",
            Self::First8 => "$first8",
            Self::First72 => "$first72",
            Self::Html72 => "$html72",
            Self::NoBlanks => "$noblanks",
        }
    }
}
