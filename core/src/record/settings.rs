//! The settings in a recording: what the core's decisions depend on, and no file's content.

use alloc::format;
use alloc::vec::Vec;

use super::format::Escaped;
use super::redact;
use crate::config::{Config, Role, SETTINGS};

/// Calls `line` with each line that stands for `config`; the last one ends it.
pub(crate) fn write(config: &Config, mut line: impl FnMut(&str)) {
    for setting in SETTINGS {
        let value = setting.value(config);
        line(&format!(
            "set {} {}",
            setting.name(),
            Escaped(value.as_bytes())
        ));
    }
    for (room, topic) in config.permanent_rooms.iter().filter(|(_, t)| !t.is_empty()) {
        let mut classes = Vec::new();
        redact::classes(topic.as_bytes(), &mut classes);
        let room = Escaped(room.as_str().as_bytes());
        line(&format!("topic {room} {}", Escaped(&classes)));
    }
    for role in &config.listeners {
        line(match role {
            Role::Gateway => "listener gateway",
            Role::Policy => "listener policy",
            Role::Metrics => "listener metrics",
            Role::Admin => "listener admin",
            Role::AdminAndMetrics => "listener admin-and-metrics",
        });
    }
    if config.admin_access != 0 {
        line(&format!("admin-access {}", config.admin_access));
    }
    for (listener, filter) in config.filters.iter().enumerate() {
        if filter.is_some() {
            line(&format!("filter {listener}"));
        }
    }
    let document = config.policy.http().to_vec();
    line(&format!("policy-document {}", Escaped(&document)));
    for path in config.site.paths() {
        if let Some(file) = config.site.get(path) {
            let policy = file.policy().unwrap_or_default();
            line(&format!(
                "file {} {} {} {} {}",
                Escaped(path.as_bytes()),
                file.bytes().len(),
                Escaped(file.etag().as_bytes()),
                Escaped(file.mime().as_bytes()),
                Escaped(policy.as_bytes()),
            ));
            for (coding, bytes, etag) in file.compressed() {
                line(&format!(
                    "compressed {} {coding} {} {}",
                    Escaped(path.as_bytes()),
                    bytes.len(),
                    Escaped(etag.as_bytes()),
                ));
            }
        }
    }
    line("settled");
}
