//! Waits of an address.

use alloc::format;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::*;

#[test]
fn waits_double() {
    let mut lab = Lab::default();
    for expected in [0, 0, 0, 1, 2, 4, 8, 16, 16, 16] {
        let (start, came) = (lab.now, lab.ask(0, here(), "1"));
        assert_eq!(came, expected == 0);
        if !came {
            let name = 1000
                * u64::max(
                    expected,
                    if lab.throttle.deadline().is_some() {
                        1
                    } else {
                        0
                    },
                );
            let passed = lab.pass(20_000);
            let waited = passed[0].0 - start.0;
            // From the eighth failure on the name waits for 4 s at least.
            assert_eq!(waited, name.max(if expected == 16 { 4000 } else { 0 }));
            lab.now = Millis(passed[0].0);
        }
        lab.fails(0, "1");
    }
    // Another address does not wait, in another name.
    assert!(lab.ask(1, source("192.0.2.2"), "2"));
}

#[test]
fn failures_are_forgotten_after_the_window() {
    let mut lab = Lab::with(|settings| settings.longest = Millis::from_secs(3600));
    lab.settings.first = Millis::from_secs(3600);
    for at in [0, 100, 200] {
        lab.now = Millis(at);
        lab.fail(here(), "1");
    }
    assert!(!lab.ask(0, here(), "2"));
    assert_eq!(lab.pass(600_000), [(600_000, 0)]);
}

#[test]
fn a_burst_of_one_address_is_held() {
    let mut lab = Lab::default();
    let passed = (0..240).filter(|n| {
        let name = format!("nobody{n}");
        lab.ask(*n, here(), &name)
    });
    assert_eq!(passed.collect::<Vec<_>>(), [0, 1, 2]);
    // They fail, and one more passes after each pause. The last of the first three counts as well.
    for n in 0..3 {
        lab.fails(n, &format!("nobody{n}"));
    }
    assert_eq!(lab.passed(), []);
    let mut at = Vec::new();
    for _ in 0..6 {
        let passed = lab.pass(60_000);
        let [(when, n)] = passed[..] else {
            panic!("one at a time: {passed:?}");
        };
        at.push(when);
        lab.now = Millis(when);
        lab.fails(n, &format!("nobody{n}"));
    }
    assert_eq!(at, [1000, 3000, 7000, 15_000, 31_000, 47_000]);
}

#[test]
fn a_lookup_without_a_failure_lets_the_next_pass() {
    let mut lab = Lab::default();
    let passed = (0..8).filter(|n| lab.ask(*n, here(), &format!("{n}")));
    assert_eq!(passed.collect::<Vec<_>>(), [0, 1, 2]);
    lab.land(1, Outcome::LoggedIn, "1", None);
    assert_eq!(lab.passed(), [3]);
    lab.land(0, Outcome::Unknown, "0", None);
    assert_eq!(lab.passed(), [4]);
}

#[test]
fn a_known_name_waits_for_the_failures_of_its_address_but_passes_first() {
    let mut lab = Lab::default();
    lab.log_in(here(), "7");
    for n in 0..3 {
        lab.fail(here(), &format!("x{n}"));
    }
    for n in 0..10 {
        // Some have failed, some are made up.
        let name = if n % 2 == 0 { "x0" } else { "new" };
        assert!(!lab.ask(n, here(), name));
    }
    assert!(!lab.ask(10, here(), "7"));
    assert_eq!(lab.pass(1000), [(1000, 10)]);
    lab.land(10, Outcome::LoggedIn, "7", None);
    // Then the name that has not failed, then the rest.
    assert_eq!(lab.passed(), [1]);
    lab.fails(1, "new");
    let next = lab.pass(2000);
    assert_eq!(next.len(), 1);
    assert!([0, 3].contains(&next[0].1), "{next:?}");
}

#[test]
fn names_take_turns_within_an_address() {
    let mut lab = Lab::default();
    for n in 0..3 {
        lab.fail(here(), &format!("x{n}"));
    }
    for (n, name) in ["x0", "x0", "x0", "x1", "x2", "x1"].iter().enumerate() {
        assert!(!lab.ask(n as u32, here(), name));
    }
    let mut turns = Vec::new();
    while let [(at, n)] = lab.pass(60_000)[..] {
        turns.push(n);
        lab.now = Millis(at);
        lab.land(n, Outcome::Unknown, "", None);
        turns.extend(lab.passed().iter().map(|n| {
            lab.land(*n, Outcome::Unknown, "", None);
            *n
        }));
    }
    turns.extend(lab.passed());
    assert_eq!(turns[..4], [0, 3, 4, 1], "{turns:?}");
}

#[test]
fn an_ipv6_address_stands_for_its_64() {
    assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    let four: IpAddr = [192, 0, 2, 1].into();
    assert_eq!(Source::of(four), Source::Address(four));
}
