//! The requests of load balancers and Prometheus.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::outside::{Client, PATIENCE, Server, run_in};
use crate::server::on_both;

/// Asks until the answer has `text`.
fn comes_to_say(server: &Server, path: &str, text: &str) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = server.get(path);
        if answer.contains(text) {
            return answer;
        }
        assert!(Instant::now() < end, "{answer}");
        thread::sleep(Duration::from_millis(20));
    }
}

on_both! {
    /// The server notices by itself when the store fails and when it works again, without a login.
    fn a_store_that_is_taken_away_and_put_back(runtime) {
        let folder = tempdir().unwrap();
        let add = ["members", "add", "--id=1", "--nick=alice", "--name=Alice"];
        assert_eq!(run_in(folder.path(), &add, "secret1\n").code, 0);
        let server = Server::start(folder.path(), &[runtime, "--members=flashgate.db"]);
        assert!(server.get("/readyz").starts_with("HTTP/1.1 200 "));
        let (here, away) = (folder.path().join("flashgate.db"), folder.path().join("away.db"));
        fs::rename(&here, &away).unwrap();
        comes_to_say(&server, "/readyz", "\r\n\r\nstore failed\n");
        assert!(server.get("/metrics").contains("\nflashgate_store_up 0\n"));
        assert!(server.get("/healthz").starts_with("HTTP/1.1 200 "));
        fs::rename(&away, &here).unwrap();
        comes_to_say(&server, "/readyz", "\r\n\r\nok\n");
        assert!(server.get("/metrics").contains("\nflashgate_store_up 1\n"));
    }

    fn metrics_on_an_address_of_their_own(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime, "--metrics-on=127.0.0.1:0"]);
        assert!(server.get("/metrics").starts_with("HTTP/1.1 302 "));
        let end = Instant::now() + PATIENCE;
        let metrics = loop {
            let mut client = Client::connect(server.addresses[1]);
            client.write(b"GET /metrics HTTP/1.0\r\n\r\n");
            let metrics = client.rest();
            // The first of the process comes within a second.
            if metrics.contains("\nprocess_") || !cfg!(target_os = "linux") {
                break metrics;
            }
            assert!(Instant::now() < end, "{metrics}");
        };
        let version = concat!("flashgate_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n");
        assert!(metrics.contains(version), "{metrics}");
        let mut client = Client::connect(server.addresses[1]);
        client.write(b"LIST\0");
        assert_eq!(client.rest(), "", "there is no chat");
    }
}
