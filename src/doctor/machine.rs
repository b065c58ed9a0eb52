//! The machine: its limits, its clock and its time zone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rustix::process::{Resource, getrlimit};

use super::report::Finding;
use crate::serve::{OTHER_CONNECTIONS, OTHER_FILES};

/// Compares the limit on open files with the clients that may connect. `running` is the limit of the server that
/// runs; else it is that of this process, which a service may have raised.
pub(super) fn open_files(clients: usize, running: Option<u64>) -> Finding {
    let own = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let files = usize::try_from(running.unwrap_or(own)).unwrap_or(usize::MAX);
    let whose = match running {
        Some(_) => "of the running server",
        None => "here",
    };
    let least = clients.saturating_add(OTHER_FILES);
    let wanted = least.saturating_add(OTHER_CONNECTIONS);
    let found = format!("the limit {whose} is {files} for max-clients {clients}");
    let advice = format!(
        "raise it to {wanted} (LimitNOFILE= of systemd, or ulimit -n), or lower max-clients"
    );
    if files < least {
        Finding::fail(found, advice)
    } else if files < wanted {
        Finding::warn(
            format!("{found}, and leaves few for pages and policy requests"),
            advice,
        )
    } else {
        Finding::ok(found)
    }
}

/// Looks at the kernel's limit on connections that wait to be accepted.
pub(super) fn somaxconn() -> Finding {
    let advice =
        "run sysctl -w net.core.somaxconn=4096, and write it to /etc/sysctl.d/flashgate.conf";
    match fs::read_to_string(SOMAXCONN).map(|text| text.trim().parse::<u32>()) {
        Ok(Ok(queue)) if queue < 128 => Finding::fail(
            format!("only {queue} connections can wait to be accepted, and others are lost"),
            advice,
        ),
        Ok(Ok(queue)) if queue < 4096 => Finding::warn(
            format!(
                "{queue} connections can wait to be accepted, too few when thousands reconnect"
            ),
            advice,
        ),
        Ok(Ok(queue)) => Finding::ok(format!("{queue} connections can wait to be accepted")),
        Ok(Err(_)) | Err(_) => Finding::warn(
            format!("cannot read {SOMAXCONN}"),
            "on another system than Linux, look for its limit on the accept queue",
        ),
    }
}

/// Compares the clock with the times of files, which were right when they were written.
pub(super) fn clock(files: &[PathBuf]) -> Finding {
    let now = SystemTime::now();
    let changed = |path: &PathBuf| Some((fs::metadata(path).ok()?.modified().ok()?, path.clone()));
    let latest = files.iter().filter_map(changed).max();
    let advice =
        "tickets and certificates depend on it: run timedatectl set-ntp true, or set it by hand";
    if now < SystemTime::UNIX_EPOCH + Duration::from_secs(RELEASED) {
        return Finding::fail(
            format!("it says {}, before this program was made", date(now)),
            advice,
        );
    }
    match latest {
        Some((at, path)) if at > now + SLACK => Finding::fail(
            format!(
                "it says {}, but {} was changed at {}",
                date(now),
                path.display(),
                date(at)
            ),
            advice,
        ),
        Some(_) | None if is_unsynchronised() => Finding::warn(
            format!("it says {}, and nothing keeps it right", date(now)),
            "run timedatectl set-ntp true, or install chrony",
        ),
        Some(_) | None => Finding::ok(format!("it says {}", date(now))),
    }
}

/// Whether systemd sets the clock, but has not done so since the machine was started.
fn is_unsynchronised() -> bool {
    let has_timesync = Path::new("/run/systemd/timesync").is_dir();
    has_timesync && !Path::new("/run/systemd/timesync/synchronized").exists()
}

fn date(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "?".to_owned(), |time| format!("{time:.0}"))
}

/// Whether the time zone of the log and of the clients' times is known.
pub(super) fn time_zone() -> Finding {
    let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
    let known = match &named {
        Some(name) => TimeZone::get(name.trim_start_matches(':'))
            .or_else(|_| TimeZone::posix(name))
            .or_else(|_| TimeZone::try_system()),
        None => TimeZone::try_system(),
    };
    let asked = named.as_deref().unwrap_or("/etc/localtime");
    match known {
        Ok(zone) if !zone.is_unknown() => {
            let now = Zoned::now().with_time_zone(zone);
            let name = now.time_zone().iana_name().unwrap_or(asked).to_owned();
            Finding::ok(format!("{name}, now {}", now.strftime("%:z")))
        }
        Ok(_) | Err(_) => Finding::fail(
            format!("{asked} is not a time zone that this machine knows; the log is in UTC"),
            "install tzdata and run timedatectl set-timezone, or set TZ to a name like Europe/Vienna",
        ),
    }
}

const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";

/// A copy from another machine may be some minutes ahead.
const SLACK: Duration = Duration::from_secs(15 * 60);

/// The start of 2026, in seconds since 1970. The program is younger, so an earlier clock is wrong.
const RELEASED: u64 = 1_767_225_600;
