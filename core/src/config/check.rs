//! Whether a text fits where it will be used.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString as _;

use crate::name::Nick;
use crate::wire::codepage::CodePage;

/// The text must be the name of a code page, or `off`.
pub(super) fn codepage(text: &str) -> Result<(), Cow<'static, str>> {
    if text == "off" {
        return Ok(());
    }
    let named = CodePage::named(text);
    named.map(|_| ()).map_err(|why| why.to_string().into())
}

/// The words must be nicks that keep the rules.
pub(super) fn nicks(text: &str) -> Result<(), Cow<'static, str>> {
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if let Err(fault) = Nick::new(word) {
            return Err(format!("it must be nicks, and \"{word}\" {fault}").into());
        }
    }
    Ok(())
}

/// The text is sent in a header unchanged.
pub(super) fn redirect(text: &str) -> Result<(), Cow<'static, str>> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let good = match host {
        Some(host) => !host.is_empty() && !host.starts_with(['/', '\\', '?', '#', ':', '@']),
        // After a second slash follows a host; browsers read a backslash as a slash.
        None => text.starts_with('/') && !text[1..].starts_with(['/', '\\']),
    };
    if !good {
        return Err(
            "it must begin with http:// or https:// and a host, or be a path with one / in front"
                .into(),
        );
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it must have visible ASCII characters only; percent-encode others".into());
    }
    if text.len() > MAX_REDIRECT {
        return Err(format!("it must not be longer than {MAX_REDIRECT} characters").into());
    }
    Ok(())
}

/// Whether a text is a host name (RFC 1123 section 2.1), or one with underscores, which local networks have.
pub fn is_host_name(text: &str) -> bool {
    let mut labels = text.split('.');
    is_host(text) && labels.all(|label| !label.starts_with('-') && !label.ends_with('-'))
}

/// Whether a text is a name that browsers resolve (URL standard, "host parsing"): hyphens may be anywhere.
pub(super) fn is_host(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let good = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(plain);
    // A name that ends in a number is a mistyped address.
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(good) && !last.bytes().all(|b| b.is_ascii_digit())
}

const MAX_REDIRECT: usize = 2048;
