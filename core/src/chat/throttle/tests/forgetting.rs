//! What is kept, and for how long.

use alloc::format;
use alloc::vec::Vec;

use super::*;

#[test]
fn a_client_that_leaves_holds_up_nobody_behind_it() {
    let mut lab = Lab::default();
    lab.botnet("x", 8);
    let (home, other) = (source("192.0.2.1"), source("192.0.2.2"));
    assert!(!lab.ask(1, other, "x"));
    assert!(!lab.ask(2, home, "x"));
    lab.pass(1000);
    assert!(!lab.ask(3, home, "x"));
    assert_eq!(lab.pass(3100), [(4000, 1)]);
    lab.fails(1, "x");
    lab.throttle.leave(home, conn(2));
    lab.drain();
    assert_eq!(lab.pass(700_000), [(5000, 3)]);
}

#[test]
fn a_client_that_leaves_leaves_nothing() {
    let mut lab = Lab::default();
    for n in 0..20 {
        lab.ask(n, here(), if n % 2 == 0 { "1" } else { "alice" });
    }
    for n in 0..20 {
        lab.throttle.leave(here(), conn(n));
    }
    assert!(!lab.throttle.is_idle());
    for n in 0..3 {
        lab.land(n, Outcome::Unknown, "1", None);
    }
    assert!(lab.throttle.is_idle());
    assert_eq!((lab.throttle.deadline(), lab.passed()), (None, Vec::new()));
}

#[test]
fn the_throttle_can_be_switched_off() {
    let mut lab = Lab::default();
    let passed = (0..20).filter(|n| lab.ask(*n, here(), "1"));
    assert_eq!(passed.count(), 3);
    lab.settings.login = LoginThrottle::Off;
    lab.throttle.reconsider();
    lab.drain();
    assert_eq!(lab.passed().len(), 17);
    assert_eq!(lab.flights.len(), 3, "the others count as nothing");
}

#[test]
fn the_table_is_bounded_and_the_oldest_goes_first() {
    for (addresses, kept) in [
        (3, &["192.0.2.0", "192.0.2.8", "192.0.2.9"][..]),
        (1, &["192.0.2.0"]),
        (0, &["192.0.2.0"]),
    ] {
        let mut lab = Lab::with(|settings| settings.addresses = addresses);
        lab.settings.after = 8;
        for n in 0..10_u8 {
            lab.now = lab.now + Millis::from_secs(20);
            lab.fail(Source::of([192, 0, 2, n].into()), &format!("x{n}"));
            if n % 2 == 1 {
                lab.now = lab.now + Millis(1);
                lab.fail(source("192.0.2.0"), &format!("y{n}"));
            }
        }
        let left: Vec<Source> = lab.throttle.addresses.keys().copied().collect();
        let kept: Vec<Source> = kept.iter().map(|text| source(text)).collect();
        assert_eq!(left, kept, "of {addresses}");
    }
}

#[test]
fn a_login_that_waits_for_a_forgotten_address_or_name_passes() {
    let mut lab = Lab::with(|settings| settings.addresses = 1);
    for n in 0..3 {
        lab.fail(here(), &format!("x{n}"));
    }
    assert!(!lab.ask(0, here(), "1"));
    lab.now = Millis(10);
    assert!(lab.ask(1, source("192.0.2.2"), "2"));
    lab.fails(1, "2");
    assert_eq!(lab.passed(), [0]);
    let mut lab = Lab::with(|settings| settings.names = 1);
    lab.botnet("1", 8);
    assert!(!lab.ask(0, here(), "1"));
    assert!(lab.ask(1, source("192.0.2.2"), "2"));
    lab.fails(1, "2");
    assert_eq!(lab.passed(), [0]);
}

#[test]
fn names_are_bounded() {
    let mut lab = Lab::with(|settings| settings.names = 3);
    for n in 0..100_u8 {
        lab.now = lab.now + Millis::from_secs(1);
        let from = Source::of([198, 51, 100, n].into());
        lab.fail(from, &format!("m{n}"));
        assert!(lab.ask(0, from, &format!("nick{n}")));
        lab.land(0, Outcome::LoggedIn, &format!("nick{n}"), Some(n.into()));
    }
    let throttle = &lab.throttle;
    assert_eq!(throttle.names.keys().count(), 3);
    assert_eq!(throttle.numbers.keys().count(), 3);
    assert_eq!(throttle.known.sizes(), [1, 1]);
    // A long name is known by its beginning.
    let long = "ä".repeat(LONGEST_NAME);
    lab.fail(here(), &long);
    let longest = lab.throttle.names.keys().map(|name| match name {
        Name::Number(_) => 0,
        Name::Nick(nick) => nick.len(),
    });
    let longest = longest.max();
    assert_eq!(longest, Some(LONGEST_NAME));
}

#[test]
fn failures_of_two_names_come_in_order() {
    let (mut one, mut other) = (Failures::default(), Failures::default());
    [1, 4, 6, 7, 8].iter().for_each(|at| one.push(Millis(*at)));
    [2, 3, 5, 9, 10]
        .iter()
        .for_each(|at| other.push(Millis(*at)));
    one.merge(&other);
    let times: Vec<u64> = one.times().map(|at| at.0).collect();
    assert_eq!(times, [3, 4, 5, 6, 7, 8, 9, 10]);
}
