//! A flood of logins, all of which cost a hash: what it takes of the server's memory.

use std::fs;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::tempdir;

use crate::outside::Server;
use crate::server::on_both;

on_both! {
    /// Hashing takes 19 MiB a thread, however many come, and however often it begins anew.
    fn hashes_do_not_fill_memory(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime]);
        let asked = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    while let n @ 0..40 = asked.fetch_add(1, Ordering::Relaxed) {
                        let answer = server.connect().ask(&format!("IDENTIFY nobody{n} x"));
                        assert_eq!(answer, r#"<error value="Identification failed."/>"#);
                    }
                });
            }
        });
        let status = format!("/proc/{}/status", server.running.child.id());
        let status = fs::read_to_string(status).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: usize = peak.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let most = (64 + 24 * cores) * 1024;
        assert!(peak < most, "{peak} KiB, and {most} are expected at the most");
    }
}
