//! The gateway's own state: `/server-status`, its JSON form, and `/metrics`.

use alloc::string::{String, ToString as _};
use core::fmt::Write as _;

use crate::conn::filter::TlsVersion;
use crate::event::{HostFacts, ProcessFacts, StoreState};
use crate::note::{CloseReason, Refusal};
use crate::time::Now;

/// What has happened since the start. Each counter only grows.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Policy documents that were sent, on a socket or over HTTP.
    pub policy_requests: u64,
    /// HTTP requests that were answered.
    pub http_requests: u64,
    /// Chat connections.
    pub chats: u64,
    /// Commands that were taken.
    pub commands: u64,
    /// Commands that the command rate held back.
    pub slowed: u64,
    /// Messages from one member to another.
    pub messages: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that failed.
    pub failed_logins: u64,
    /// Logins for which the member store had no answer.
    pub unavailable_logins: u64,
    /// Bytes from peers.
    pub received: u64,
    /// Bytes for peers, written or waiting.
    pub sent: u64,
    /// Handshakes of TLS 1.2 that were finished.
    pub tls12: u64,
    /// Handshakes of TLS 1.3 that were finished.
    pub tls13: u64,
    /// Handshakes that failed or were not finished.
    pub tls_failed: u64,
    closed: [u64; REASONS.len()],
}

impl Counters {
    /// Chat connections that ended for this reason.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    /// Counts a handshake of a filter; one without a version is not TLS.
    pub(crate) fn tls_established(&mut self, version: Option<TlsVersion>) {
        match version {
            Some(TlsVersion::V1_2) => self.tls12 += 1,
            Some(TlsVersion::V1_3) => self.tls13 += 1,
            None => {}
        }
    }

    pub(crate) fn close(&mut self, reason: CloseReason) {
        self.closed[reason as usize] += 1;
    }
}

/// The state at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauges {
    pub(crate) started: Now,
    pub(crate) now: Now,
    pub(crate) clients: usize,
    pub(crate) max_clients: usize,
    pub(crate) online: usize,
    pub(crate) connections: usize,
    pub(crate) max_connections: usize,
    pub(crate) lookups: usize,
    pub(crate) store: StoreState,
    pub(crate) facts: HostFacts,
}

impl Gauges {
    fn uptime_seconds(&self) -> u64 {
        (self.now.mono - self.started.mono).0 / 1000
    }
}

/// The three lines of 2007.
pub(crate) fn text(gauges: &Gauges) -> String {
    let Gauges {
        clients,
        max_clients,
        started,
        ..
    } = gauges;
    let days = gauges.uptime_seconds() / 86_400;
    alloc::format!(
        "Clients: {clients}/{max_clients}\nCreated: {}\nUptime: {days} days\n",
        started.date_time()
    )
}

/// The same and more, as numbers.
pub(crate) fn json(gauges: &Gauges, counters: &Counters) -> String {
    let Gauges {
        clients,
        max_clients,
        online,
        connections,
        max_connections,
        ..
    } = gauges;
    let Counters {
        logins,
        failed_logins,
        messages,
        policy_requests,
        ..
    } = counters;
    alloc::format!(
        concat!(
            "{{\"clients\":{},\"max_clients\":{},\"online\":{},\"connections\":{},\"max_connections\":{},",
            "\"created\":{},\"uptime_seconds\":{},\"logins\":{},\"failed_logins\":{},\"messages\":{},",
            "\"policy_requests\":{}}}\n"
        ),
        clients,
        max_clients,
        online,
        connections,
        max_connections,
        gauges.started.utc.0,
        gauges.uptime_seconds(),
        logins,
        failed_logins,
        messages,
        policy_requests,
    )
}

/// Prometheus text format 0.0.4, in a fixed order.
pub(crate) fn metrics(
    gauges: &Gauges,
    counters: &Counters,
    refused: impl Iterator<Item = (Refusal, u64)>,
) -> String {
    let c = counters;
    let mut out = Exposition(String::with_capacity(4096));
    out.gauges(gauges);
    out.work(counters);
    let logins = [
        ("ok", c.logins),
        ("failed", c.failed_logins),
        ("unavailable", c.unavailable_logins),
    ];
    out.split("logins_total", "Logins by outcome.", "outcome", logins);
    let closed = REASONS.into_iter().zip(c.closed);
    let closed = closed.map(|(reason, times)| (reason.as_str(), times));
    out.split(
        "closed_total",
        "Chat connections ended, by reason.",
        "reason",
        closed,
    );
    let refused = refused.map(|(reason, times)| (reason.as_str(), times));
    out.split(
        "refused_total",
        "Connections refused, by reason.",
        "reason",
        refused,
    );
    let handshakes = [
        ("TLS 1.2", c.tls12),
        ("TLS 1.3", c.tls13),
        ("failed", c.tls_failed),
    ];
    out.split(
        "tls_handshakes_total",
        "TLS handshakes, by the version that was agreed on, or failed.",
        "result",
        handshakes,
    );
    for (name, help, value) in [
        (
            "received_bytes_total",
            "Bytes received from peers.",
            c.received,
        ),
        ("sent_bytes_total", "Bytes queued for peers.", c.sent),
        (
            "log_lines_dropped_total",
            "Log lines dropped because the output blocked.",
            gauges.facts.log_dropped,
        ),
    ] {
        out.counter(name, help, value);
    }
    if let Some(process) = &gauges.facts.process {
        out.process(process);
    }
    out.0
}

struct Exposition(String);

impl Exposition {
    fn gauges(&mut self, g: &Gauges) {
        for (name, help, value) in [
            ("clients", "Open chat connections.", g.clients),
            (
                "clients_max",
                "Limit on open chat connections.",
                g.max_clients,
            ),
            ("online", "Members online.", g.online),
            (
                "connections",
                "Open connections of any kind.",
                g.connections,
            ),
            (
                "connections_max",
                "Limit on open connections.",
                g.max_connections,
            ),
            (
                "lookups",
                "Lookups that the member store has not answered yet.",
                g.lookups,
            ),
        ] {
            self.gauge(name, help, value as u64);
        }
        self.gauge(
            "uptime_seconds",
            "Seconds since the start.",
            g.uptime_seconds(),
        );
        self.gauge(
            "store_up",
            "Whether the member store works (1) or not (0).",
            u64::from(g.store == StoreState::Up),
        );
        self.family("build_info", "Always 1; the label is the version.", "gauge");
        let version = env!("CARGO_PKG_VERSION");
        self.sample("build_info", Some(("version", version)), 1);
    }

    /// The usual metrics of a process, by their usual names (Prometheus, "Writing client libraries").
    fn process(&mut self, p: &ProcessFacts) {
        let cpu = alloc::format!("{}.{:03}", p.cpu_millis / 1000, p.cpu_millis % 1000);
        for (name, help, kind, value) in [
            (
                "cpu_seconds_total",
                "Processor time used, in seconds.",
                "counter",
                &*cpu,
            ),
            (
                "resident_memory_bytes",
                "Resident memory.",
                "gauge",
                &*p.resident_bytes.to_string(),
            ),
            (
                "start_time_seconds",
                "Start, in seconds since 1970.",
                "gauge",
                &*p.started.to_string(),
            ),
            (
                "open_fds",
                "Open file descriptors.",
                "gauge",
                &*p.open_files.to_string(),
            ),
            (
                "max_fds",
                "Limit on open file descriptors.",
                "gauge",
                &*p.max_files.to_string(),
            ),
        ] {
            // Writing to a String does not fail.
            let _ = write!(
                self.0,
                "# HELP process_{name} {help}\n# TYPE process_{name} {kind}\nprocess_{name} {value}\n"
            );
        }
    }

    fn work(&mut self, c: &Counters) {
        for (name, help, value) in [
            ("connections_total", "Connections accepted.", c.accepted),
            (
                "policy_requests_total",
                "Policy documents sent, by socket or HTTP.",
                c.policy_requests,
            ),
            (
                "http_requests_total",
                "HTTP requests answered.",
                c.http_requests,
            ),
            ("chats_total", "Connections recognised as chat.", c.chats),
            ("commands_total", "Chat commands received.", c.commands),
            (
                "slowed_commands_total",
                "Times that the command rate made a connection wait.",
                c.slowed,
            ),
            ("messages_total", "Messages relayed.", c.messages),
        ] {
            self.counter(name, help, value);
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, help, "gauge");
        self.sample(name, None, value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, help, "counter");
        self.sample(name, None, value);
    }

    /// A counter for each value of a label.
    fn split<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        parts: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.family(name, help, "counter");
        for (part, value) in parts {
            self.sample(name, Some((label, part)), value);
        }
    }

    fn family(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a String does not fail.
        let _ = write!(
            self.0,
            "# HELP flashgate_{name} {help}\n# TYPE flashgate_{name} {kind}\n"
        );
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: u64) {
        let _ = match label {
            Some((label, text)) => {
                writeln!(self.0, "flashgate_{name}{{{label}=\"{text}\"}} {value}")
            }
            None => writeln!(self.0, "flashgate_{name} {value}"),
        };
    }
}

/// In the order of their declaration, which is their place in `Counters::closed`.
const REASONS: [CloseReason; 14] = [
    CloseReason::Quit,
    CloseReason::EndOfStream,
    CloseReason::Reset,
    CloseReason::TooSlow,
    CloseReason::NoLogin,
    CloseReason::Timeout,
    CloseReason::FailedLogins,
    CloseReason::Replaced,
    CloseReason::ProtocolError,
    CloseReason::Shutdown,
    CloseReason::Disabled,
    CloseReason::Kicked,
    CloseReason::NotChat,
    CloseReason::Tls,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Millis, UnixSeconds};

    fn gauges() -> Gauges {
        let started = Now {
            mono: Millis(500),
            utc: UnixSeconds(1_184_064_842),
            offset: 0,
        };
        let now = Now {
            mono: Millis(16 * 86_400_000 + 500),
            ..started
        };
        let (clients, max_clients, online, connections, max_connections, lookups) =
            (48, 128, 40, 50, 1152, 2);
        Gauges {
            started,
            now,
            clients,
            max_clients,
            online,
            connections,
            max_connections,
            lookups,
            store: StoreState::Up,
            facts: HostFacts {
                process: Some(ProcessFacts {
                    cpu_millis: 61_007,
                    ..ProcessFacts::default()
                }),
                ..HostFacts::default()
            },
        }
    }

    #[test]
    fn the_original_three_lines() {
        assert_eq!(
            text(&gauges()),
            "Clients: 48/128\nCreated: 2007-07-10 10:54:02\nUptime: 16 days\n"
        );
        let early = Gauges {
            now: Now {
                mono: Millis(86_400_499),
                ..gauges().now
            },
            ..gauges()
        };
        assert!(text(&early).ends_with("Uptime: 0 days\n"));
    }

    #[test]
    fn every_metric_is_declared_once_before_its_samples() {
        let metrics = metrics(
            &gauges(),
            &Counters::default(),
            [(Refusal::Full, 7)].into_iter(),
        );
        let mut family = "";
        for line in metrics.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                family = declared.split(' ').next().unwrap_or_default();
                assert_eq!(
                    metrics.matches(&alloc::format!("# TYPE {family} ")).count(),
                    1,
                    "{family}"
                );
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap_or_default();
                assert_eq!(name, family, "{line}");
                assert!(
                    line.rsplit(' ')
                        .next()
                        .is_some_and(|n| n.parse::<f64>().is_ok()),
                    "{line}"
                );
            }
        }
        assert!(metrics.contains("flashgate_refused_total{reason=\"full\"} 7\n"));
        assert!(metrics.contains("process_cpu_seconds_total 61.007\n"));
    }

    #[test]
    fn reasons_stand_in_their_places() {
        for (place, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
