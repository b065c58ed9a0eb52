use super::*;

fn source(text: &str) -> Source {
    Source::new(text.parse().unwrap())
}

fn conn(n: u32) -> ConnId {
    ConnId::new(n, 0)
}

fn name(text: &str) -> Name {
    Arc::from(text)
}

/// When the next one may try who comes now.
fn wait(throttle: &Throttle, source: Source, who: &str, now: Millis) -> Option<Millis> {
    let first = Waiting {
        conn: conn(0),
        name: name(who),
        since: now,
    };
    throttle.wait(source, &first, now, &Settings::default())
}

#[test]
fn waits_double() {
    let (mut throttle, settings) = (Throttle::default(), Settings::default());
    let a = source("192.0.2.1");
    let mut now = Millis(0);
    for expected in [
        None,
        None,
        Some(1),
        Some(2),
        Some(4),
        Some(8),
        Some(16),
        Some(16),
        Some(16),
    ] {
        throttle.fail(a, &name("1"), now, &settings);
        assert_eq!(
            wait(&throttle, a, "2", now),
            expected.map(|s| now + Millis::from_secs(s))
        );
        now = now + Millis(100);
    }
    assert_eq!(wait(&throttle, source("192.0.2.2"), "2", now), None);
    // Ten minutes after a failure it counts no more.
    assert!(wait(&throttle, a, "2", Millis(600_599)).is_some());
    assert_eq!(wait(&throttle, a, "2", Millis(600_600)), None);
    // Then the address is forgotten, as soon as another one fails.
    throttle.fail(source("192.0.2.2"), &name("1"), Millis(600_800), &settings);
    assert_eq!(throttle.failures.entries.len(), 1);
}

#[test]
fn eight_failures_are_remembered() {
    let a = source("192.0.2.1");
    for (after, waits_from) in [(8, Some(8)), (9, None)] {
        let settings = Settings {
            after,
            ..Settings::default()
        };
        let mut throttle = Throttle::default();
        let waits = |nth: &u64| {
            throttle.fail(a, &name("1"), Millis(*nth), &settings);
            let first = Waiting {
                conn: conn(0),
                name: name("2"),
                since: Millis(*nth),
            };
            throttle.wait(a, &first, Millis(*nth), &settings).is_some()
        };
        assert_eq!((1..=20).find(waits), waits_from, "after {after}");
    }
}

#[test]
fn one_at_a_time_once_guilty() {
    let (mut throttle, settings) = (Throttle::default(), Settings::default());
    let a = source("192.0.2.1");
    for n in 0..3 {
        throttle.queue(a, conn(n), name("2"), Millis(0));
        assert_eq!(
            throttle.turnstile(a, Millis(0), &settings),
            Turnstile::Go(conn(n))
        );
    }
    for n in 3..6 {
        throttle.queue(a, conn(n), name("2"), Millis(0));
    }
    for _ in 0..3 {
        throttle.fail(a, &name("1"), Millis(10), &settings);
    }
    throttle.done(a);
    assert_eq!(
        throttle.turnstile(a, Millis(5000), &settings),
        Turnstile::Shut,
        "two still run"
    );
    throttle.done(a);
    throttle.done(a);
    throttle.leave(a, conn(3));
    assert_eq!(
        throttle.turnstile(a, Millis(20), &settings),
        Turnstile::Wait(conn(4), Millis(1010))
    );
    assert_eq!(
        throttle.turnstile(a, Millis(1010), &settings),
        Turnstile::Go(conn(4))
    );
    assert_eq!(
        throttle.turnstile(a, Millis(1010), &settings),
        Turnstile::Shut
    );
    throttle.done(a);
    assert_eq!(
        throttle.turnstile(a, Millis(1010), &settings),
        Turnstile::Go(conn(5))
    );
    throttle.done(a);
    assert_eq!(
        throttle.turnstile(a, Millis(1010), &settings),
        Turnstile::Shut
    );
    assert!(throttle.gates.is_empty());
}

#[test]
fn the_table_is_bounded_and_the_oldest_goes_first() {
    let settings = Settings {
        addresses: 3,
        ..Settings::default()
    };
    let mut throttle = Throttle::default();
    for n in 0..10_u8 {
        throttle.fail(
            Source::new(IpAddr::from([192, 0, 2, n])),
            &name("1"),
            Millis(u64::from(n)),
            &settings,
        );
        throttle.fail(
            source("192.0.2.0"),
            &name("1"),
            Millis(u64::from(n)),
            &settings,
        );
        assert!(
            throttle.failures.entries.len() <= 3
                && throttle.failures.oldest.len() == throttle.failures.entries.len()
        );
    }
    let left: alloc::vec::Vec<_> = throttle.failures.entries.keys().copied().collect();
    assert_eq!(
        left,
        [
            source("192.0.2.0"),
            source("192.0.2.8"),
            source("192.0.2.9")
        ]
    );
    for addresses in [0, 1] {
        let settings = Settings {
            addresses,
            ..Settings::default()
        };
        throttle.fail(source("192.0.2.1"), &name("1"), Millis(10), &settings);
        let left: alloc::vec::Vec<_> = throttle.failures.entries.keys().copied().collect();
        assert_eq!(
            left,
            [source("192.0.2.1")],
            "whoever failed last, of {addresses}"
        );
    }
}

/// Each from an address of its own.
fn botnet(throttle: &mut Throttle, who: &str, failures: u8, now: Millis) {
    for n in 0..failures {
        let from = Source::new(IpAddr::from([198, 51, 100, n]));
        throttle.fail(from, &name(who), now, &Settings::default());
    }
}

#[test]
fn guesses_from_many_addresses_are_slow_from_the_start() {
    let (mut throttle, now) = (Throttle::default(), Millis(1000));
    let fresh = source("192.0.2.1");
    for (failures, wait_for) in [
        (0, None),
        (7, None),
        (8, Some(4)),
        // It is no more, whatever others do.
        (9, Some(4)),
        (250, Some(4)),
    ] {
        let mut throttle = Throttle::default();
        botnet(&mut throttle, "1", failures, now);
        let expected = wait_for.map(|s| now + Millis::from_secs(s));
        assert_eq!(wait(&throttle, fresh, "1", now), expected, "{failures}");
        // Nobody else waits for it, be it the same member by another name.
        assert_eq!(wait(&throttle, fresh, "alice", now), None);
    }
    botnet(&mut throttle, "1", 250, now);
    let later = now + Settings::default().window;
    assert_eq!(wait(&throttle, fresh, "1", later), None);
}

/// Others' failures since then do not make the wait longer.
#[test]
fn nobody_is_locked_out() {
    let (mut throttle, settings) = (Throttle::default(), Settings::default());
    let a = source("192.0.2.1");
    botnet(&mut throttle, "1", 8, Millis(0));
    throttle.queue(a, conn(1), name("1"), Millis(0));
    let mut now = Millis(0);
    let went = loop {
        match throttle.turnstile(a, now, &settings) {
            Turnstile::Go(_) => break now,
            Turnstile::Wait(_, until) => now = until,
            Turnstile::Shut => panic!("it is the only one"),
        }
        botnet(&mut throttle, "1", 100, now);
    };
    assert_eq!(went, settings.name_wait);
}

#[test]
fn who_has_logged_in_from_there_does_not_wait() {
    let (mut throttle, settings) = (Throttle::default(), Settings::default());
    let home = source("2001:db8:1:2::1");
    throttle.welcome(home, "1", &settings);
    botnet(&mut throttle, "1", 100, Millis(10));
    botnet(&mut throttle, "2", 100, Millis(10));
    assert_eq!(wait(&throttle, home, "1", Millis(10)), None);
    assert!(wait(&throttle, home, "2", Millis(10)).is_some());
    assert!(wait(&throttle, source("2001:db8:1:3::1"), "1", Millis(10)).is_some());
    // What the address itself has failed counts as ever.
    for _ in 0..3 {
        throttle.fail(home, &name("1"), Millis(20), &settings);
    }
    assert_eq!(wait(&throttle, home, "1", Millis(20)), Some(Millis(1020)));
}

/// One at a time, as for an address that has failed.
#[test]
fn many_connections_do_not_help() {
    let (mut throttle, settings) = (Throttle::default(), Settings::default());
    let a = source("192.0.2.1");
    botnet(&mut throttle, "1", 100, Millis(0));
    for n in 0..3 {
        throttle.queue(a, conn(n), name("1"), Millis(0));
    }
    let mut at = |now| throttle.turnstile(a, Millis(now), &settings);
    assert_eq!(at(3999), Turnstile::Wait(conn(0), Millis(4000)));
    assert_eq!(at(4000), Turnstile::Go(conn(0)));
    assert_eq!(at(4000), Turnstile::Shut);
    assert_eq!(at(90_000), Turnstile::Shut);
    throttle.done(a);
    let next = throttle.turnstile(a, Millis(90_000), &settings);
    assert_eq!(next, Turnstile::Go(conn(1)));
}

#[test]
fn names_are_bounded() {
    let settings = Settings {
        names: 3,
        ..Settings::default()
    };
    let mut throttle = Throttle::default();
    let a = source("192.0.2.1");
    for n in 0..100_u64 {
        let who = name(&alloc::format!("m{n}"));
        throttle.fail(a, &who, Millis(n), &settings);
        throttle.fail(a, &name("1"), Millis(n), &settings);
        throttle.welcome(a, &who, &settings);
        throttle.welcome(a, "1", &settings);
    }
    assert_eq!(throttle.names.entries.len(), 3);
    assert_eq!(throttle.names.oldest.len(), 3);
    assert_eq!(
        [throttle.known.young.len(), throttle.known.old.len()],
        [1, 1]
    );
    assert_eq!(throttle.names.get(&name("1")).unwrap().len, 8);
    assert!(throttle.known.has("1", a) && throttle.known.has("m99", a));
    assert!(!throttle.known.has("m98", a) && !throttle.known.has("1", source("192.0.2.2")));
    let long = name(&"x".repeat(LONGEST_NAME + 1));
    throttle.fail(a, &long, Millis(100), &settings);
    assert!(throttle.names.get(&long).is_none());
}

#[test]
fn an_ipv6_address_stands_for_its_64() {
    assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
}
