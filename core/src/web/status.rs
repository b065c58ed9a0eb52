//! The gateway's own state: `/server-status`, its JSON form, and `/metrics`.

use alloc::string::{String, ToString as _};
use core::fmt::{self, Write as _};

use crate::event::{HostFacts, ProcessFacts, StoreState};
use crate::note::Refusal;
use crate::time::Now;
use crate::web::counters::{
    Counters, Histogram, LIMITS, PROXY_FAULTS, REASONS, STORE_ERRORS, Unit,
};

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
    pub(crate) rooms: usize,
    pub(crate) max_rooms: usize,
    pub(crate) lookups: usize,
    pub(crate) store: StoreState,
    pub(crate) facts: HostFacts,
}

impl Gauges {
    pub(crate) fn uptime_seconds(&self) -> u64 {
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
    let mut out = Exposition(String::with_capacity(12 * 1024));
    out.gauges(gauges);
    out.work(counters);
    let logins = [
        ("ok", c.logins),
        ("failed", c.failed_logins),
        ("already online", c.online_already),
        ("unavailable", c.unavailable_logins),
    ];
    out.split("logins_total", "Logins by outcome.", "outcome", logins);
    let closed = REASONS.map(|reason| (reason.as_str(), c.closed(reason)));
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
    out.faults(c);
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

/// Milliseconds, written as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, millis) = (self.0 / 1000, self.0 % 1000);
        match millis {
            0 => write!(f, "{whole}"),
            _ => write!(
                f,
                "{whole}.{}",
                alloc::format!("{millis:03}").trim_end_matches('0')
            ),
        }
    }
}

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
            ("rooms", "Rooms, permanent ones included.", g.rooms),
            ("rooms_max", "Limit on rooms.", g.max_rooms),
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

    /// The counters of faults and limits, and the histograms.
    fn faults(&mut self, c: &Counters) {
        let faults = PROXY_FAULTS.map(|fault| (fault.as_str(), c.proxy_faults(fault)));
        self.split(
            "proxy_faults_total",
            "Connections from proxies whose PROXY header was missing or wrong, by fault.",
            "fault",
            faults,
        );
        let hits = LIMITS.map(|limit| (limit.as_str(), c.limit_hits(limit)));
        self.split(
            "limit_hits_total",
            "Times that a client met a limit, by limit.",
            "limit",
            hits,
        );
        let errors = STORE_ERRORS.map(|error| (error.as_str(), c.store_errors(error)));
        self.split(
            "store_errors_total",
            "Questions that the member store did not answer, by reason.",
            "reason",
            errors,
        );
        self.histogram(
            "lookup_seconds",
            "Time until a question to the member store was answered; for a refused login, at least the failure delay.",
            &c.lookups,
        );
        self.histogram(
            "queue_bytes",
            "Memory still queued for a client after a write, if it is more than 16 KiB.",
            &c.queues,
        );
    }

    /// Buckets are cumulative, as the format wants.
    fn histogram<const N: usize>(&mut self, name: &str, help: &str, histogram: &Histogram<N>) {
        self.family(name, help, "histogram");
        let write = |unit: Unit, value: u64| match unit {
            Unit::Bytes => value.to_string(),
            Unit::Millis => alloc::format!("{}", Seconds(value)),
        };
        let unit = histogram.unit();
        let bucket = alloc::format!("{name}_bucket");
        for (bound, times) in histogram.cumulative() {
            self.sample(&bucket, Some(("le", &write(unit, bound))), times);
        }
        self.sample(&bucket, Some(("le", "+Inf")), histogram.count());
        let sum = write(unit, histogram.sum());
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "flashgate_{name}_sum {sum}");
        self.sample(&alloc::format!("{name}_count"), None, histogram.count());
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
            rooms: 3,
            max_rooms: 4096,
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
        let (mut family, mut kind) = ("", "");
        for line in metrics.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                (family, kind) = declared.split_once(' ').unwrap_or_default();
                assert_eq!(
                    metrics.matches(&alloc::format!("# TYPE {family} ")).count(),
                    1,
                    "{family}"
                );
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap_or_default();
                let of_histogram = ["_bucket", "_sum", "_count"]
                    .into_iter()
                    .any(|part| name.strip_suffix(part) == Some(family) && kind == "histogram");
                assert!(name == family || of_histogram, "{line}");
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
    fn histograms_are_cumulative() {
        let mut counters = Counters::default();
        for millis in [0, 5, 6, 2500, 60_000] {
            counters.lookups.observe(millis);
        }
        counters.queues.observe(40_000);
        let metrics = metrics(&gauges(), &counters, [].into_iter());
        for line in [
            "lookup_seconds_bucket{le=\"0.005\"} 2",
            "lookup_seconds_bucket{le=\"0.01\"} 3",
            "lookup_seconds_bucket{le=\"2.5\"} 4",
            "lookup_seconds_bucket{le=\"10\"} 4",
            "lookup_seconds_bucket{le=\"+Inf\"} 5",
            "lookup_seconds_sum 62.511",
            "lookup_seconds_count 5",
            "queue_bytes_bucket{le=\"32768\"} 0",
            "queue_bytes_bucket{le=\"65536\"} 1",
            "queue_bytes_sum 40000",
        ] {
            let line = alloc::format!("\nflashgate_{line}\n");
            assert!(metrics.contains(&line), "{line}{metrics}");
        }
    }
}
