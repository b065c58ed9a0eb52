//! What the gateway tells of itself: `/server-status`, its JSON form, and `/metrics`.

use alloc::string::String;
use core::fmt::Write as _;

use crate::note::{CloseReason, Refusal};
use crate::time::Now;

/// What has happened since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: u64,
    pub(crate) policy_requests: u64,
    pub(crate) http_requests: u64,
    pub(crate) chats: u64,
    pub(crate) commands: u64,
    pub(crate) messages: u64,
    pub(crate) logins: u64,
    pub(crate) failed_logins: u64,
    pub(crate) unavailable_logins: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) closed: [u64; REASONS.len()],
    /// Told by the host.
    pub(crate) log_dropped: u64,
}

impl Counters {
    pub(crate) fn close(&mut self, reason: CloseReason) {
        self.closed[reason as usize] += 1;
    }
}

/// How things are at this moment.
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
}

impl Gauges {
    fn uptime_seconds(&self) -> u64 {
        (self.now.mono - self.started.mono).0 / 1000
    }
}

/// The three lines that the original printed.
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

/// The same facts and more, every one a number.
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
    let mut out = Exposition(String::with_capacity(4096));
    out.gauge("clients", "Open chat connections.", gauges.clients as u64);
    out.gauge(
        "clients_max",
        "The most chat connections there may be.",
        gauges.max_clients as u64,
    );
    out.gauge("online", "Members online.", gauges.online as u64);
    out.gauge(
        "connections",
        "Open connections of any kind.",
        gauges.connections as u64,
    );
    out.gauge(
        "connections_max",
        "The most connections there may be.",
        gauges.max_connections as u64,
    );
    out.gauge(
        "lookups",
        "Questions the member store has not answered yet.",
        gauges.lookups as u64,
    );
    out.gauge(
        "uptime_seconds",
        "Seconds since the start.",
        gauges.uptime_seconds(),
    );
    out.counter(
        "connections_total",
        "Connections accepted.",
        counters.accepted,
    );
    out.counter(
        "policy_requests_total",
        "Policy documents sent, by socket or HTTP.",
        counters.policy_requests,
    );
    out.counter(
        "http_requests_total",
        "HTTP requests answered.",
        counters.http_requests,
    );
    out.counter(
        "chats_total",
        "Connections told apart as chat.",
        counters.chats,
    );
    out.counter("commands_total", "Chat commands taken.", counters.commands);
    out.counter("messages_total", "Messages relayed.", counters.messages);
    out.family("logins_total", "Identifications by outcome.", "counter");
    out.sample("logins_total", Some(("outcome", "ok")), counters.logins);
    out.sample(
        "logins_total",
        Some(("outcome", "failed")),
        counters.failed_logins,
    );
    out.sample(
        "logins_total",
        Some(("outcome", "unavailable")),
        counters.unavailable_logins,
    );
    out.family(
        "closed_total",
        "Chat connections ended, by reason.",
        "counter",
    );
    for (reason, times) in REASONS.into_iter().zip(counters.closed) {
        out.sample("closed_total", Some(("reason", reason.as_str())), times);
    }
    out.family(
        "refused_total",
        "Connections turned away, by reason.",
        "counter",
    );
    for (reason, times) in refused {
        out.sample("refused_total", Some(("reason", reason.as_str())), times);
    }
    out.counter(
        "received_bytes_total",
        "Bytes taken from peers.",
        counters.received,
    );
    out.counter(
        "sent_bytes_total",
        "Bytes handed over for peers.",
        counters.sent,
    );
    out.counter(
        "log_lines_dropped_total",
        "Log lines dropped because the output blocked.",
        counters.log_dropped,
    );
    out.0
}

struct Exposition(String);

impl Exposition {
    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, help, "gauge");
        self.sample(name, None, value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, help, "counter");
        self.sample(name, None, value);
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
const REASONS: [CloseReason; 11] = [
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
                        .is_some_and(|n| n.parse::<u64>().is_ok()),
                    "{line}"
                );
            }
        }
        assert!(metrics.contains("flashgate_refused_total{reason=\"full\"} 7\n"));
    }

    #[test]
    fn reasons_stand_in_their_places() {
        for (place, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
