//! Real proxies in front of the program, configured as `src/serve/README.md` says. They need a network of their own, which
//! `.ci/proxies` makes.
//!
//! Each way through a proxy has clients of its own, with addresses of their own. All ways are tried at the same time.

#![allow(
    clippy::print_stdout,
    reason = "a run of minutes says how far it has come"
)]

mod client;
mod process;
mod software;
mod tls;

use std::env;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use client::{Client, Refused};
use process::Server;
use software::{Names, Servers, Software, WAYS, Way};

#[test]
#[ignore = "needs HAProxy, nginx, Apache and Caddy, and a network namespace: run .ci/proxies"]
fn on_smol() {
    through_all("smol", 0);
}

#[test]
#[ignore = "needs HAProxy, nginx, Apache and Caddy, and a network namespace: run .ci/proxies"]
fn on_std() {
    through_all("std", 100);
}

/// `first` is below the last bytes of the clients' addresses.
fn through_all(runtime: &str, first: u8) {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = |name| folder.path().join(name);
    let sockets = [socket("headers"), socket("protocol")];
    let [by_headers, by_protocol] = sockets
        .each_ref()
        .map(|path| format!("--listen=unix:{}", path.display()));
    let headers = Server::start(&[
        &format!("--runtime={runtime}"),
        &by_headers,
        "--trust-proxy=127.0.0.1",
        "--max-per-address=2",
    ]);
    let protocol = Server::start(&[
        &format!("--runtime={runtime}"),
        &by_protocol,
        "--proxy-protocol=127.0.0.1",
        "--proxy-protocol=unix",
        "--max-per-address=2",
        "--raw-keepalive=25",
    ]);
    let servers = Servers {
        headers: headers.port(),
        protocol: protocol.port(),
        sockets,
    };
    let software = Software::start(folder.path(), &servers);
    thread::scope(|scope| {
        for (number, way) in (0..).zip(WAYS) {
            let server = match way.names {
                Names::InTheHead => &headers,
                Names::InFront => &protocol,
            };
            let port = software.port(way);
            let own = first + 10 * number + 1;
            thread::Builder::new()
                .name(way.name.to_owned())
                .spawn_scoped(scope, move || through(way, port, server, own))
                .expect("a thread");
        }
    });
    for log in [headers.stop(), protocol.stop()] {
        // Health checks leave no line, and no connection came without the name of its client.
        assert!(!log.contains("PROXY header"), "{log}");
        assert!(!log.contains("203.0.113."), "{log}");
        let proxies = [" 127.0.0.1:", " unix"];
        let of_proxies = log
            .lines()
            .filter(|line| proxies.iter().any(|proxy| line.contains(proxy)));
        let of_proxies: Vec<&str> = of_proxies
            .filter(|line| !line.contains("Listening on"))
            .collect();
        assert!(of_proxies.is_empty(), "{of_proxies:?}");
    }
}

/// Two clients come through a proxy. Each has the limit of its own address, and is in the log with it.
fn through(way: &Way, port: u16, server: &Server, own: u8) {
    let [one, other] = [own, own + 1].map(|last| [198, 51, 100, last]);
    let address = |last: u8| format!("198.51.100.{last}:");
    let form = way.forms[0];
    let mut first = Client::connect(form, one, port);
    let mut second = Client::connect(*way.forms.last().expect("a form"), one, port);
    assert_eq!(first.ask("PING a"), "<pong value=\"a\"/>", "{}", way.name);
    assert_eq!(second.ask("PING b"), "<pong value=\"b\"/>", "{}", way.name);
    // The limit bites the right one. The log has one such line a second, so that each way waits for its own.
    let own_line = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    for (nth, form) in (1..).zip(way.forms) {
        assert_eq!(
            Client::refused(*form, one, port),
            way.refused(),
            "{}",
            way.name
        );
        server.wait_for("CLOSED address limit", &address(own), nth);
    }
    drop(own_line);
    let mut neighbour = Client::connect(form, other, port);
    assert_eq!(
        neighbour.ask("PING c"),
        "<pong value=\"c\"/>",
        "{}",
        way.name
    );
    server.wait_for("CONNECTED (", &address(own), 2);
    server.wait_for("CONNECTED (", &address(own + 1), 1);
    if way.names == Names::InFront {
        let policy = Client::policy([198, 51, 100, own + 2], port);
        assert!(policy.ends_with("</cross-domain-policy>\0"), "{policy}");
        server.wait_for("CROSSDOMAIN.XML REQUEST", &address(own + 2), 1);
    }

    let silence = env::var("PROXIES_SILENCE").map_or(130, |text| text.parse().expect("seconds"));
    thread::scope(|scope| {
        for client in [&mut first, &mut second, &mut neighbour] {
            scope.spawn(|| {
                client.stay_silent(Duration::from_secs(silence));
                assert_eq!(
                    client.ask("PING late"),
                    "<pong value=\"late\"/>",
                    "{}",
                    way.name
                );
            });
        }
    });
    println!(
        "{}: two addresses, the limit of each, {silence} s of silence",
        way.name
    );
}

impl Way {
    /// How a client is refused that is beyond the limit.
    fn refused(&self) -> Refused {
        match self.names {
            Names::InTheHead => Refused::TooManyRequests,
            Names::InFront => Refused::Closed,
        }
    }
}

static REFUSED: Mutex<()> = Mutex::new(());
