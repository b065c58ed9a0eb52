//! The user that the server runs as: what root is asked, and what becomes of its rights.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::User;
use rustix::process::{Signal, geteuid};
use tempfile::tempdir;

use super::ended;
use crate::outside::{PATIENCE, Running, Server, run_with};
use crate::server::on_both;

#[test]
fn root_is_asked_for() {
    let folder = tempdir().unwrap();
    let serve = |options: &[&str]| {
        let mut arguments = vec!["serve", "--demo", "--listen=127.0.0.1:0"];
        arguments.extend(options);
        // An empty variable is none.
        let mut running = Running::start(folder.path(), &arguments, &[("FLASHGATE_USER", "")]);
        let end = Instant::now() + PATIENCE;
        while running.child.try_wait().unwrap().is_none()
            && !running.stdout.so_far().contains("STARTED")
        {
            assert!(Instant::now() < end, "{}", running.stderr.so_far());
            thread::sleep(Duration::from_millis(5));
        }
        if running.child.try_wait().unwrap().is_none() {
            running.signal(Signal::TERM);
        }
        ended(running)
    };
    let unknown = serve(&["--user=no-such-user"]);
    assert_eq!(unknown.code, 78);
    assert!(
        unknown
            .stderr
            .contains("--user no-such-user: this machine has no user"),
        "{}",
        unknown.stderr
    );
    if !geteuid().is_root() {
        let done = serve(&["--user=root"]);
        assert_eq!(done.code, 78);
        assert!(
            done.stderr.contains("only root can become another user"),
            "{}",
            done.stderr
        );
        return;
    }
    let warned = serve(&[]);
    assert_eq!(warned.code, 0);
    assert!(
        warned.stderr.contains("the server runs as root"),
        "{}",
        warned.stderr
    );
    let asked = serve(&["--user=root"]);
    assert_eq!(asked.code, 0);
    assert!(!asked.stderr.contains("runs as root"), "{}", asked.stderr);
    let public = ["serve", "--listen=0.0.0.0:0"];
    let refused = run_with(folder.path(), &public, &[("FLASHGATE_USER", "")], "");
    assert_eq!(refused.code, 78);
    let said = "started as root, and 0.0.0.0:0 can be reached from other machines";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert!(!folder.path().join("flashgate.db").exists());
}

on_both! {
    fn root_becomes_another_user(runtime) {
        let (Some(user), true) = (User::from_name("daemon").unwrap(), geteuid().is_root()) else {
            return;
        };
        let folder = tempdir().unwrap();
        let place = folder.path();
        std::os::unix::fs::chown(place, Some(user.uid.as_raw()), None).unwrap();
        fs::create_dir(place.join("run")).unwrap();
        for (file, text) in [("token", "0123456789abcdef0123456789abcdef\n"), ("x.toml", "rate = 7\n")] {
            fs::write(place.join(file), text).unwrap();
            fs::set_permissions(place.join(file), Permissions::from_mode(0o600)).unwrap();
        }
        let options = [runtime, "--user=daemon", "--listen=0.0.0.0:0", "--listen", "unix:run/chat.sock",
            "--pid-file=run/pid", "--metrics-on=chat", "--config=x.toml", "--admin-token=token"];
        let server = Server::start_with(place, &options, &[("FLASHGATE_USER", "")]);
        server.running.stdout.wait_for("] STARTED ");
        for file in ["token", "x.toml"] {
            let warning = format!("{file} cannot be read again by the user that the server runs as: Permission denied");
            server.running.stderr.wait_for(&warning);
        }
        let status = fs::read_to_string(format!("/proc/{}/status", server.running.child.id())).unwrap();
        let id = user.uid.as_raw();
        assert!(status.contains(&format!("\nUid:\t{id}\t{id}\t{id}\t{id}\n")), "{status}");
        assert!(status.contains("\nCapEff:\t0000000000000000\n"), "{status}");
        for tasks in fs::read_dir(format!("/proc/{}/task", server.running.child.id())).unwrap() {
            assert_eq!(tasks.unwrap().metadata().unwrap().uid(), id, "every thread");
        }
        let socket = fs::metadata(place.join("run/chat.sock")).unwrap();
        assert_eq!((socket.uid(), socket.mode() & 0o777), (id, 0o660));
        assert_eq!(fs::metadata(place.join("flashgate.db")).unwrap().uid(), id);
        assert!(server.get("/metrics").contains("process_open_fds"));
        server.stop();
        // In a folder that root owns, an empty file says that nothing runs.
        assert_eq!(fs::read_to_string(place.join("run/pid")).unwrap(), "");
    }
}
