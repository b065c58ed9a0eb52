//! The server's local time follows `TZ`, also if `TZ` names a zone, as containers set it.

#[path = "program/outside.rs"]
mod outside;

use std::path::Path;

use flashgate_core::{Millis, Now, UnixSeconds};
use outside::Server;

#[test]
fn local_time_is_that_of_the_named_zone() {
    // A machine without zone files does not know the zones; `.ci/run` installs the files.
    if !Path::new("/usr/share/zoneinfo/Asia/Kolkata").exists() {
        return;
    }
    for runtime in ["smol", "std"] {
        let folder = tempfile::tempdir().unwrap();
        let options = ["--demo", "--runtime", runtime];
        let server = Server::start_with(folder.path(), &options, &[("TZ", "Asia/Kolkata")]);
        let json = server.get("/server-status?json");
        let (_, created) = json
            .split_once("\"created\":")
            .expect("the time of the start");
        let (created, _) = created.split_once(',').expect("more follows");
        let now = Now {
            mono: Millis(0),
            utc: UnixSeconds(created.parse().expect("seconds")),
            offset: 5 * 3600 + 1800,
        };
        let line = format!("Created: {}\n", now.date_time());
        let status = server.get("/server-status");
        assert!(status.contains(&line), "{line} in {status}");
        let (log, _) = server.stop();
        let day = now.date_time().to_string();
        assert!(
            log.starts_with(&format!("[{}", &day[..10])),
            "{day} in {log}"
        );
    }
}
