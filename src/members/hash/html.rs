//! What phpBB 3 has hashed: every field of a form was escaped for HTML as it came in, passwords too.

use zeroize::Zeroizing;

/// The password as PHP's `htmlspecialchars()` left it, if there is anything in it to escape.
pub(super) fn escaped(password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let longer = |byte: &u8| escape(*byte).map_or(1, <[u8]>::len);
    let length = password.iter().map(longer).sum();
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

fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'&' => Some(b"&amp;"),
        b'"' => Some(b"&quot;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        _ => None,
    }
}
