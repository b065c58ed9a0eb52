//! Whether a text fits where it will be used.

use alloc::borrow::Cow;
use alloc::format;
use core::net::{IpAddr, Ipv6Addr};

/// It goes into a header as it stands.
pub(super) fn redirect(text: &str) -> Result<(), Cow<'static, str>> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let good = match host {
        Some(host) => !host.is_empty() && !host.starts_with(['/', '\\', '?', '#', ':', '@']),
        // A second slash makes a host of what follows; browsers take a backslash for one.
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

/// What a browser says of a page: the scheme, the host, and the port unless it is the scheme's own
/// (RFC 6454 section 6.2); `null` for a page without any, like a file.
pub(super) fn origin(text: &str) -> Result<(), Cow<'static, str>> {
    let wrong = || {
        Err(
            "it must be a scheme and a host, like https://games.example or http://localhost:8080, \
             without a path, or null"
                .into(),
        )
    };
    if text == "null" {
        return Ok(());
    }
    let Some((scheme, host)) = text.split_once("://") else {
        return wrong();
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let bracketed = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let good_name = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<IpAddr>().is_ok() || is_host_name(name),
    };
    let scheme_is_plain = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !scheme_is_plain || !good_name || port.is_some_and(|port| !is_port(port)) {
        return wrong();
    }
    let own = [("http", "80"), ("https", "443")];
    if let Some(port) = port
        && own
            .iter()
            .any(|(of, own)| scheme.eq_ignore_ascii_case(of) && port == *own)
    {
        return Err(format!("browsers leave out :{port} there, so leave it out, too").into());
    }
    Ok(())
}

/// A leading zero is how some programs write octal numbers, so it is ambiguous.
fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
        && !text.starts_with('0')
        && text.parse::<u16>().is_ok()
}

/// Whether a text is a host name (RFC 1123 section 2.1), or one with underscores, which local networks have.
pub fn is_host_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is a mistyped address.
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(good) && !last.bytes().all(|b| b.is_ascii_digit())
}

const MAX_REDIRECT: usize = 2048;
