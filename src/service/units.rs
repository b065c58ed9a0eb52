//! The sockets that systemd holds for the service, as another process on this machine can learn them.

use std::process::{Command, Stdio};

use flashgate_core::Role;

use super::sockets::role;

/// An address or path that systemd listens on for the server, and what the server serves there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) text: String,
    pub(crate) role: Role,
}

/// The sockets of the active units that start the service. Without systemd there are none.
pub(crate) fn held_by_systemd() -> Vec<Held> {
    let units = show(&["-P", "TriggeredBy", SERVICE]).unwrap_or_default();
    let units = units.split_whitespace();
    let sockets = units.filter(|unit| unit.ends_with(".socket"));
    let properties = ["-p", "ActiveState,FileDescriptorName,Listen"];
    sockets
        .filter_map(|unit| show(&[properties[0], properties[1], unit]))
        .flat_map(|shown| held(&shown))
        .collect()
}

fn show(arguments: &[&str]) -> Option<String> {
    let mut systemctl = Command::new("systemctl");
    systemctl.arg("show").args(arguments);
    let output = systemctl.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

/// Reads the properties of a socket unit: `Listen=[::]:80 (Stream)` is there once for each of its sockets.
fn held(shown: &str) -> Vec<Held> {
    let values = |key: &'static str| {
        let lines = shown.lines();
        lines.filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let name = values("FileDescriptorName").next().and_then(role);
    let (Some(role), Some("active")) = (name, values("ActiveState").next()) else {
        return Vec::new();
    };
    let streams = values("Listen").filter_map(|listen| listen.strip_suffix(" (Stream)"));
    streams
        .map(|place| Held {
            text: match place.starts_with('/') {
                true => format!("unix:{place}"),
                false => place.to_owned(),
            },
            role,
        })
        .collect()
}

/// The package's service.
const SERVICE: &str = "flashgate.service";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_shows() {
        let chat = "Listen=[::]:80 (Stream)\nListen=192.0.2.1:443 (Stream)\nListen=[::]:80 (Datagram)\n\
                    ActiveState=active\nFileDescriptorName=chat\n";
        let admin = "ActiveState=active\nFileDescriptorName=admin\nListen=/run/flashgate/admin.sock (Stream)\n";
        let held_as = |shown: &str| {
            let held = held(shown).into_iter();
            held.map(|held| (held.text, held.role)).collect::<Vec<_>>()
        };
        let chats = ["[::]:80", "192.0.2.1:443"].map(|text| (text.to_owned(), Role::Gateway));
        assert_eq!(held_as(chat), chats);
        let path = "unix:/run/flashgate/admin.sock".to_owned();
        assert_eq!(held_as(admin), [(path, Role::Admin)]);
        for other in [
            &chat.replace("=active", "=inactive"),
            &chat.replace("=chat", "=unknown.socket"),
            "",
        ] {
            assert_eq!(held_as(other), []);
        }
    }
}
