//! The server, as each kind of client on this machine uses each of its listeners.

use std::io;
use std::net::TcpListener;

use flashgate_core::Role;

use super::dial::Target;
use super::options::DoctorOptions;
use super::probe::{self, End};
use super::report::{Check, Finding, Report};
use super::secure;
use super::websocket::Kind;
use crate::log::Place;
use crate::serve::{Reached, ServeOptions};

/// A kind of client: the check, the listeners that it uses, and what it does there.
type Client = (Check, &'static [Role], fn(&Target, Option<u16>) -> Finding);

const CLIENTS: [Client; 8] = [
    (Check::Policy, &[Role::Gateway, Role::Policy], |to, port| {
        probe::policy(to, End::Nul, port)
    }),
    (
        Check::PolicyBare,
        &[Role::Gateway, Role::Policy],
        |to, port| probe::policy(to, End::Nothing, port),
    ),
    (Check::Raw, &[Role::Gateway], |to, _| probe::raw(to)),
    (Check::Http, &[Role::Gateway], |to, _| probe::health(to)),
    (Check::Ready, &[Role::Gateway], |to, _| probe::ready(to)),
    (Check::Binary, &[Role::Gateway], |to, _| {
        probe::websocket(to, Kind::Binary, None)
    }),
    (Check::Text, &[Role::Gateway], |to, _| {
        probe::websocket(to, Kind::Text, None)
    }),
    (Check::Metrics, &[Role::Metrics], |to, _| metrics(to)),
];

/// Checks every listener with every client.
pub(super) fn check(
    options: &ServeOptions,
    own: &DoctorOptions,
    listeners: &[Reached],
    report: &mut Report,
) {
    for listener in listeners {
        let target = target(options, listener);
        let on = Some(listener.text.as_str());
        let server = server(&target, listener);
        let is_there = matches!(server, Finding::Ok(_));
        report.add_on(Check::Server, on, &server);
        if !is_there {
            continue;
        }
        for (check, roles, ask) in CLIENTS {
            if roles.contains(&listener.role) {
                // Flash asks a listener for policies alone about the port of the chat.
                let port = port(listener).filter(|_| listener.role == Role::Gateway);
                report.add_on(check, on, &ask(&target, port));
            }
        }
        let speaks_tls = !options.tls_cert.is_empty() || !options.acme.is_empty();
        if listener.role == Role::Gateway && speaks_tls {
            let through = Target {
                tls: true,
                host: own.name().unwrap_or(target.host.clone()),
                ..target
            };
            secure::check(&through, own, on, report);
        }
    }
}

/// For a health check: whether the server reports that it is healthy.
pub(super) fn quick(options: &ServeOptions, listeners: &[Reached], report: &mut Report) {
    let gateways = listeners.iter().filter(|l| l.role == Role::Gateway);
    for listener in gateways {
        let target = target(options, listener);
        let finding = match target.connect() {
            Ok(_) => probe::health(&target),
            Err(why) => Finding::fail(
                format!("nothing listens there ({why})"),
                "start the server; its log says why it has ended",
            ),
        };
        report.add_on(Check::Http, Some(&listener.text), &finding);
    }
}

/// The metrics of the server, if it runs.
pub(super) fn running(options: &ServeOptions, listeners: &[Reached]) -> Option<String> {
    let by_role = |role| listeners.iter().find(|listener| listener.role == role);
    let listener = by_role(Role::Metrics).or_else(|| by_role(Role::Gateway))?;
    let page = probe::get(&target(options, listener), "/metrics").ok()?;
    (page.status == 200 && page.body.contains("flashgate_")).then_some(page.body)
}

/// A number among metrics.
pub(super) fn number(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics
        .lines()
        .find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').next_back()?.parse().ok()
}

/// The ports of the listeners that browsers connect to.
pub(super) fn ports(listeners: &[Reached]) -> Vec<u16> {
    let gateways = listeners.iter().filter(|l| l.role == Role::Gateway);
    gateways
        .filter_map(port)
        .filter(|port| *port != 0)
        .collect()
}

fn port(listener: &Reached) -> Option<u16> {
    match listener.places.first()? {
        Place::Address(address) => Some(address.port()),
        Place::Unix(_) => None,
    }
}

fn target(options: &ServeOptions, listener: &Reached) -> Target {
    let proxies = &options.settings.proxies;
    let (host, authority, proxy_header) = match listener.places.first() {
        Some(Place::Address(address)) => {
            let ip = address.ip();
            (
                ip.to_string(),
                address.to_string(),
                proxies.require(Some(ip)),
            )
        }
        Some(Place::Unix(_)) | None => {
            let name = "localhost".to_owned();
            (name.clone(), name, proxies.require(None))
        }
    };
    Target {
        places: listener.places.clone(),
        host,
        authority,
        tls: false,
        proxy_header: proxy_header && listener.role == Role::Gateway,
    }
}

/// Whether something listens there; if not, whether the server could.
fn server(target: &Target, listener: &Reached) -> Finding {
    if port(listener) == Some(0) {
        let advice = "name a port with listen, or name the one in the log with --listen";
        return Finding::warn(
            "port 0 is any free port, so it is not known where the server is",
            advice,
        );
    }
    let Err(why) = target.connect() else {
        return Finding::ok("something listens there");
    };
    let cannot = target.places.iter().find_map(|place| match place {
        Place::Address(address) => TcpListener::bind(address).err(),
        Place::Unix(_) => None,
    });
    // The service may use ports that this process may not.
    let cannot = cannot.filter(|error| error.kind() != io::ErrorKind::PermissionDenied);
    match cannot {
        Some(error) => Finding::fail(
            format!("nothing answers there ({why}), and it cannot be listened on: {error}"),
            "choose an address of this machine, and a port that is free",
        ),
        None => Finding::fail(
            format!("the server does not run: nothing listens there ({why})"),
            "start it, with systemctl start flashgate or flashgate serve; if systemd passes it the ports of \
             flashgate.socket, name them here with --listen",
        ),
    }
}

fn metrics(target: &Target) -> Finding {
    match probe::get(target, "/metrics") {
        Ok(page) if page.status == 200 && page.body.contains("flashgate_build_info") => {
            let samples = page.body.lines().filter(|line| !line.starts_with('#'));
            Finding::ok(format!("{} samples", samples.count()))
        }
        Ok(page) => Finding::fail(
            format!("status {} and no metrics", page.status),
            "another program listens there: compare metrics-on with the log",
        ),
        Err(why) => Finding::fail(why, "see the log"),
    }
}
