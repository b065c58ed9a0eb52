//! What `/metrics` counts of limits, lookups, queues and proxies.

use super::*;
use crate::web::counters::{LIMITS, Limit, PROXY_FAULTS, ProxyFault};

/// A limit, the settings that bring it near, and what meets it once.
type Row = (Limit, &'static [(&'static str, &'static str)], fn(&mut Lab));

const ROWS: [Row; LIMITS.len()] = [
    (Limit::Clients, &[("max-clients", "1")], |lab| {
        prepared(lab, "PING 1\0");
        prepared(lab, "PING 1\0");
    }),
    (Limit::Connections, &[("connections", "1")], |lab| {
        lab.accept();
        assert_eq!(refused(lab), Refused::Full);
    }),
    (Limit::PerAddress, &[("max-per-address", "1")], |lab| {
        lab.accept();
        assert_eq!(refused(lab), Refused::AddressLimit);
    }),
    (
        Limit::GuestsFrom,
        &[("guests", "on"), ("guests-from", "1")],
        |lab| {
            prepared(lab, "GUEST\0");
            prepared(lab, "GUEST\0");
        },
    ),
    (Limit::Command, &[("max-command", "5")], |lab| {
        prepared(lab, "PING 12\0PING\0");
    }),
    (Limit::Backlog, &[("max-backlog", "100")], |lab| {
        let (a, b) = (lab.log_in(1), lab.log_in(2));
        lab.send(b, std::format!("MSG nick1 {}\0", "y".repeat(200)));
        lab.handle(Input::Backlog(a, 201));
    }),
    (Limit::Head, &[("head", "20")], |lab| {
        prepared(lab, "GET /0123456789012345 HTTP/1.1\r\n");
    }),
    (Limit::Request, &[], |lab| {
        prepared(lab, "GET / HTTP/1.1\r\n");
        lab.wait(10_000);
    }),
    (Limit::Login, &[], |lab| {
        prepared(lab, "PING 1\0");
        lab.wait(600_000);
    }),
    (Limit::Silence, &[], |lab| {
        upgraded(lab, &[&frame(2, "PING 1\0")]);
        lab.wait(75_000);
    }),
    (Limit::Lookup, &[], |lab| {
        prepared(lab, "IDENTIFY 1 x\0");
        lab.wait(10_000);
    }),
    (Limit::Failures, &[("failures", "1")], |lab| {
        prepared(lab, "IDENTIFY 1 x\0");
        let answer = Answer::Denied(Denial::Unknown, None);
        lab.handle(Input::Answer(lab.ticket(), answer));
        lab.wait(300);
    }),
    (Limit::Throttle, &[("throttle-lookups", "1")], |lab| {
        prepared(lab, "IDENTIFY 1 x\0");
        prepared(lab, "IDENTIFY 2 x\0");
    }),
    (Limit::Rate, &[("rate", "1"), ("burst", "1")], |lab| {
        prepared(lab, "PING 1\0PING 2\0");
    }),
    (Limit::NickWait, &[("guests", "on")], |lab| {
        prepared(lab, "GUEST\0NICK ~a\0NICK ~b\0");
    }),
    (Limit::Rooms, &[("max-rooms", "1")], |lab| {
        let id = lab.log_in(1);
        lab.send(id, "JOIN #a\0JOIN #b\0");
    }),
    (Limit::RoomsEach, &[("rooms-each", "1")], |lab| {
        let id = lab.log_in(1);
        lab.send(id, "JOIN #a\0JOIN #b\0");
    }),
    (
        Limit::RoomsPerAddress,
        &[("rooms-per-address", "1")],
        |lab| {
            let id = lab.log_in(1);
            lab.send(id, "JOIN #a\0JOIN #b\0");
        },
    ),
];

fn refused(lab: &mut Lab) -> Refused {
    let (listener, peer) = (ListenerId(0), "192.0.2.1:2".parse().unwrap());
    let taken = lab.gateway.accept(
        lab.now,
        Accepted {
            listener,
            peer,
            user: None,
        },
    );
    lab.drain();
    taken.unwrap_err()
}

fn with(settings: &[(&str, &str)]) -> Lab {
    let mut config = unlimited();
    for (name, value) in settings {
        config.set(name, value).unwrap();
    }
    Lab::new(config)
}

#[test]
fn each_limit_that_is_met_is_counted_once_and_no_other() {
    for (at, (limit, settings, meet)) in ROWS.into_iter().enumerate() {
        assert_eq!(LIMITS[at], limit, "each limit has a row");
        let mut lab = with(settings);
        meet(&mut lab);
        for other in LIMITS {
            let hits = lab.gateway.counters().limit_hits(other);
            assert_eq!(hits, u64::from(other == limit), "{limit:?}: {other:?}");
        }
    }
}

#[test]
fn a_message_of_a_websocket_that_is_too_long_meets_the_limit_of_commands() {
    for opcode in [1, 2] {
        let mut lab = with(&[("max-command", "5")]);
        upgraded(&mut lab, &[&frame(opcode, "PING 12")]);
        lab.wait(1000);
        let hits = lab.gateway.counters().limit_hits(Limit::Command);
        assert_eq!(hits, 1, "{opcode}");
    }
}

#[test]
fn each_fault_of_a_proxy_is_counted() {
    for (fault, bytes) in [
        (ProxyFault::Missing, "PING 1\0"),
        (ProxyFault::Malformed, "PROXY TCP4 a b c d\r\n"),
        (ProxyFault::Unfinished, "PROXY TCP4 192.0.2.1"),
    ] {
        let mut lab = with(&[("proxy-protocol", "192.0.2.1")]);
        prepared(&mut lab, bytes);
        lab.wait(600_000);
        for other in PROXY_FAULTS {
            let times = lab.gateway.counters().proxy_faults(other);
            assert_eq!(times, u64::from(other == fault), "{fault:?}: {other:?}");
        }
    }
}

#[test]
fn lookups_count_with_their_time_and_their_errors() {
    let mut lab = with(&[]);
    for answer in [
        Answer::Member(member(1)),
        Answer::Unavailable(Unavailable::Busy),
        Answer::Denied(Denial::WrongPassword, None),
    ] {
        prepared(&mut lab, "IDENTIFY 1 x\0");
        lab.wait(20);
        lab.handle(Input::Answer(lab.ticket(), answer));
    }
    let counters = lab.gateway.counters();
    assert_eq!((counters.lookups.count(), counters.lookups.sum()), (3, 340));
    assert_eq!(counters.store_errors(Unavailable::Busy), 1);
    assert_eq!(counters.store_errors(Unavailable::Failed), 0);
}

#[test]
fn a_member_who_is_online_already_is_a_result_of_its_own() {
    let mut lab = with(&[("on-duplicate", "refuse")]);
    lab.log_in(1);
    prepared(&mut lab, "IDENTIFY 1 x\0");
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(member(1))));
    let counters = lab.gateway.counters();
    let results = (counters.logins, counters.failed_logins);
    assert_eq!((results, counters.online_already), ((1, 0), 1));
}

#[test]
fn a_queue_counts_when_a_write_has_left_much() {
    let mut lab = with(&[("rate", "0"), ("own-backlog", "1000000")]);
    let id = prepared(
        &mut lab,
        &"PING 1234567890123456789012345678901234567890\0".repeat(300),
    );
    for (left, counted) in [(0, (0, 0)), (16_384, (0, 0)), (16_385, (1, 16_385))] {
        lab.handle(Input::Backlog(id, left));
        let queues = &lab.gateway.counters().queues;
        assert_eq!((queues.count(), queues.sum()), counted, "{left}");
    }
}
