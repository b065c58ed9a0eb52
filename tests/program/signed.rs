//! Tickets, as a site makes them.

// Included by more than one suite, none of which needs all of it.
#![allow(dead_code)]

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Seconds since 1970, and `later` ones.
fn from_now(later: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs() as i64 + later
}

/// A ticket with a nonce of its own, by a site whose clock is 3 s ahead: a server that has just started
/// takes no ticket of the second of its start.
pub(crate) fn ticket(secret: &str, id: i64, expires_in: i64) -> String {
    ticket_made(secret, id, 3, expires_in)
}

/// One that says when it was made, too.
pub(crate) fn ticket_made(secret: &str, id: i64, made_in: i64, expires_in: i64) -> String {
    let nonce = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let (made, expiry) = (from_now(made_in), from_now(expires_in));
    let signed = format!("ticket:1.{id}.{made}.{expiry}.{nonce:032x}");
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(&signed).finalize().into_bytes();
    let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{signed}.{mac}")
}
