//! Facts about the process for `/metrics` and `/readyz`.

use std::fs;
use std::sync::Weak;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flashgate_core::{HostFacts, ProcessFacts};
use flashgate_host::Handle;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use crate::failure::Failure;
use crate::log::Writer;
use crate::log::diagnostics::start_thread;
use crate::login::Pool;

/// Sends the server what has changed once a second, and the use of resources every [`PROCESS`] seconds. This
/// does not happen where a log line is dropped, because that code runs inside the server and may not call it.
pub(super) fn tell(writer: Writer, pool: Weak<Pool>, handle: Handle) -> Result<(), Failure> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let started = started.map_or(0, |since| since.as_secs());
    start_thread("what the server is told", move || {
        let mut told = HostFacts::default();
        for second in 0_u64.. {
            let Some(store) = pool.upgrade().map(|pool| pool.state()) else {
                return;
            };
            let mut facts = HostFacts {
                log_dropped: writer.dropped(),
                store,
                ..told
            };
            if second.is_multiple_of(PROCESS) {
                facts.process = process(started);
            }
            if facts != told {
                handle.host(facts);
                told = facts;
            }
            thread::sleep(Duration::from_secs(1));
        }
    })
}

/// What the system says of this process; nothing where it has no such files.
fn process(started: u64) -> Option<ProcessFacts> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may have spaces and brackets in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    // By proc(5) the state is field 3, user and system time 14 and 15, resident pages 24.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let ticks = field(14)? + field(15)?;
    Some(ProcessFacts {
        cpu_millis: ticks.saturating_mul(1000) / clock_ticks_per_second().max(1),
        resident_bytes: field(24)?.saturating_mul(page_size() as u64),
        started,
        // Less the one that lists them.
        open_files: (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
        max_files: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
    })
}

/// Seconds between two looks at the process: Prometheus asks every 15 s or less often.
const PROCESS: u64 = 10;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process() {
        let facts = process(7).unwrap();
        assert!(
            facts.resident_bytes > 100_000 && facts.open_files > 0,
            "{facts:?}"
        );
        assert!(
            facts.max_files >= facts.open_files && facts.started == 7,
            "{facts:?}"
        );
    }
}
