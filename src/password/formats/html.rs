//! What phpBB 3 has hashed: every field of a form was escaped for HTML as it came in, passwords too.

use std::borrow::Cow;

use zeroize::Zeroizing;

/// The password as PHP's `htmlspecialchars()` left it, if there is anything in it to escape.
pub(crate) fn escaped(password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let length = password.iter().map(|byte| length(*byte)).sum();
    if length == password.len() {
        return None;
    }
    // All of it at once: what grows leaves copies behind.
    let mut escaped = Zeroizing::new(Vec::with_capacity(length));
    for byte in password {
        match escape(*byte) {
            Some(escape) => escaped.extend_from_slice(escape),
            None => escaped.push(*byte),
        }
    }
    Some(escaped)
}

/// As much of a password as is whole within the first bytes of it when it is escaped.
pub(super) fn within(most: usize, password: &[u8]) -> &[u8] {
    let mut left = most;
    let fits = |byte: &&u8| match left.checked_sub(length(**byte)) {
        Some(less) => {
            left = less;
            true
        }
        None => false,
    };
    &password[..password.iter().take_while(fits).count()]
}

/// A text as it was typed, of one that was escaped.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut typed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let is_here = |byte: &u8| {
            let escape = escape(*byte)?;
            rest.as_bytes()
                .starts_with(escape)
                .then_some((*byte, escape.len()))
        };
        let found = ESCAPED.iter().find_map(is_here);
        let (one, length) = found.map_or((next, next.len_utf8()), |(byte, length)| {
            (char::from(byte), length)
        });
        typed.push(one);
        rest = &rest[length..];
    }
    Cow::Owned(typed)
}

fn length(byte: u8) -> usize {
    escape(byte).map_or(1, <[u8]>::len)
}

fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'&' => Some(b"&amp;"),
        b'"' => Some(b"&quot;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        _ => None,
    }
}

const ESCAPED: &[u8] = b"&\"<>";
