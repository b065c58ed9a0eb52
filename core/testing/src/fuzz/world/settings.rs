//! The settings of the fuzzer's world.

use std::num::NonZeroU32;

use flashgate_core::{Config, ListAccess, Loopback, OnDuplicate, Presence, Role};

/// Low limits, so that a short script reaches them.
pub(in crate::fuzz) fn config(byte: u8) -> Config {
    let mut config = Config {
        loopback: Loopback::Limited,
        ..Config::default()
    };
    let second = match byte & 0x20 {
        0 => Role::Policy,
        _ => Role::AdminAndMetrics,
    };
    config.listeners = Vec::from([Role::Gateway, second]);
    let proxies = config.set("proxy-protocol", "192.0.2.14=optional 192.0.2.15");
    proxies.expect("these are addresses");
    let proxies = config.set("trust-proxy", "192.0.2.13");
    proxies.expect("this is an address");
    let limits = &mut config.limits;
    (limits.clients, limits.connections, limits.per_address) = (4, 7, 3);
    (limits.command, limits.head) = (64, 256);
    (limits.rooms, limits.rooms_each) = (3, 2);
    (limits.admin_connections, limits.admin_per_address) = (3, 2);
    limits.admin_body = 64;
    // The answer to an upgrade takes 208 bytes: the first command must not have to wait for it.
    (limits.backlog, limits.own_backlog) = (1024, 512);
    (limits.throttle.addresses, limits.throttle.names) = (2, 2);
    if byte & 1 != 0 {
        (limits.rate, limits.burst) = (NonZeroU32::new(2), 3);
    } else {
        limits.rate = None;
    }
    config.duplicates = match byte & 6 {
        2 => OnDuplicate::Replace,
        4 => OnDuplicate::Refuse,
        _ => OnDuplicate::Stale,
    };
    if byte & 0x80 != 0 {
        config.presence = Presence::Off;
    }
    if byte & 0x40 != 0 {
        config.set("guests", "on").expect("there is such a setting");
    }
    if byte & 4 != 0 {
        config.list = ListAccess::Identified;
    }
    config
}
