//! Waits of a name, whichever address asks.

use alloc::format;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::*;

#[test]
fn a_burst_in_one_name_is_held() {
    let mut lab = Lab::default();
    let from = |n: u32| source(&format!("198.51.{}.{}", n / 200, n % 200));
    let passed = (0..240).filter(|n| lab.ask(*n, from(*n), "1"));
    assert_eq!(passed.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
    for n in 0..8 {
        lab.fails(n, "1");
    }
    // After 4 s, two pass in a second.
    let passed = lab.pass(5_600);
    assert_eq!(passed, [(4000, 8), (4500, 9), (5000, 10), (5500, 11)]);
    // Eight are under way at most: these four, and four more.
    assert_eq!(lab.pass(60_000).len(), 4);
    assert!(lab.ask(500, from(500), "2"), "another name does not wait");
}

#[test]
fn addresses_take_turns_in_a_name() {
    let mut lab = Lab::with(|settings| settings.after = 8);
    lab.botnet("1", 8);
    for n in 0..4 {
        assert!(!lab.ask(n, here(), "1"));
    }
    lab.pass(10);
    assert!(!lab.ask(4, source("192.0.2.2"), "1"));
    assert!(!lab.ask(5, exempt(5), "1"));
    assert!(!lab.ask(6, exempt(6), "1"));
    let turns: Vec<u32> = lab.pass(60_000).into_iter().map(|(_, n)| n).collect();
    assert_eq!(turns, [0, 4, 5, 6, 1, 2]);
}

/// The wait begins with the failures that led to it; later ones do not make it longer.
#[test]
fn failures_of_others_lock_nobody_out_of_a_name() {
    let mut lab = Lab::default();
    lab.botnet("1", 8);
    assert!(!lab.ask(1, here(), "1"));
    for _ in 0..39 {
        assert_eq!(lab.pass(100), []);
        lab.botnet("1", 100);
    }
    assert_eq!(lab.pass(100), [(4000, 1)]);
}

#[test]
fn the_pace_of_a_name_outlives_a_shorter_window() {
    let mut lab = Lab::with(|settings| {
        (settings.window, settings.name_after) = (Millis(500), 1);
        (settings.name_wait, settings.name_rate) = (Millis(0), NonZeroU32::new(1));
    });
    lab.fail(here(), "1");
    assert!(lab.ask(0, source("192.0.2.2"), "1"));
    lab.land(0, Outcome::Unknown, "1", None);
    lab.now = Millis(600);
    lab.fail(source("192.0.2.3"), "2");
    assert!(lab.ask(1, source("192.0.2.2"), "1"), "it has not failed");
    assert!(!lab.ask(2, source("192.0.2.3"), "1"), "one is under way");
    assert_eq!(lab.pass(1000), [(1000, 2)]);
}

#[test]
fn names_that_open_in_the_same_millisecond_pass_in_it() {
    let mut lab = Lab::with(|settings| {
        (settings.after, settings.name_after) = (8, 1);
        (settings.name_wait, settings.name_rate) = (Millis(0), NonZeroU32::new(1));
    });
    for (n, name) in [(1, "1"), (2, "2")] {
        lab.fail(here(), name);
        assert!(lab.ask(n, source("192.0.2.2"), name));
        lab.land(n, Outcome::Unknown, name, None);
    }
    // Both names open after a second. The timer of "1" fires first, while "2" has the turn here, and
    // then "2" has its turn elsewhere.
    assert!(!lab.ask(3, source("192.0.2.3"), "2"));
    assert!(!lab.ask(4, here(), "2"));
    assert!(!lab.ask(5, here(), "1"));
    assert_eq!(lab.pass(2000), [(1000, 3), (1000, 5), (2000, 4)]);
}

#[test]
fn a_name_that_has_logged_in_from_an_address_is_exempt_from_limits_there() {
    let mut lab = Lab::default();
    let home = source("2001:db8:1:2::1");
    lab.log_in(home, "1");
    lab.botnet("1", 100);
    for n in 0..20 {
        assert!(lab.ask(n, home, "1"));
    }
    assert!(!lab.ask(20, source("2001:db8:1:3::1"), "1"), "another /64");
    // Nor do those under way keep others out.
    for n in 30..33 {
        assert!(lab.ask(n, home, &format!("{n}")));
    }
    assert!(!lab.ask(33, home, "33"));
    assert!(lab.ask(34, home, "1"));
}

#[test]
fn an_exempt_address_is_held_by_name_alone() {
    let mut lab = Lab::default();
    for n in 0..50 {
        assert!(lab.ask(n, exempt(n), &format!("x{n}")));
        lab.fails(n, &format!("x{n}"));
    }
    // It never counts as one that has logged in.
    lab.log_in(exempt(1), "1");
    let passed = (0..50).filter(|n| lab.ask(*n, exempt(*n), "1"));
    assert_eq!(passed.count(), 8);
}

#[test]
fn a_number_and_a_nick_are_one_name_once_the_store_has_answered() {
    let mut lab = Lab::default();
    let from = |n: u32| source(&format!("198.51.100.{n}"));
    for n in 0..4 {
        lab.fail(from(n), "1");
    }
    // Two of them wait for the store by the nick, and one fails by it.
    assert!(lab.ask(4, from(4), "alice") && lab.ask(5, from(5), "alice"));
    assert!(lab.ask(6, from(6), "alice"));
    lab.land(6, Outcome::Failed, "alice", Some(1));
    // Five have failed and two are under way: one more.
    assert!(lab.ask(7, from(7), "1"));
    assert!(!lab.ask(8, from(8), "1"));
    assert!(!lab.ask(9, from(9), "alice"));
    lab.land(4, Outcome::Unknown, "alice", None);
    lab.land(5, Outcome::Unknown, "alice", None);
    assert_eq!(lab.passed(), [8, 9]);
    // After a login by the nick, the number counts as logged in from there, too.
    let mut lab = Lab::default();
    assert!(lab.ask(0, here(), "alice"));
    lab.land(0, Outcome::LoggedIn, "alice", Some(1));
    lab.botnet("1", 8);
    assert!(lab.ask(1, here(), "1") && lab.ask(2, here(), "alice"));
    assert!(!lab.ask(3, source("192.0.2.2"), "alice"));
    // A nick that has another owner now is another name.
    assert!(lab.ask(4, here(), "alice"));
    lab.land(4, Outcome::LoggedIn, "alice", Some(2));
    assert!(lab.ask(5, source("192.0.2.2"), "alice"));
}

#[test]
fn a_login_that_waits_by_nick_waits_by_number_too() {
    let mut lab = Lab::with(|settings| settings.name_lookups = 1);
    assert!(lab.ask(0, exempt(0), "alice"));
    assert!(!lab.ask(1, here(), "alice"));
    assert!(!lab.ask(2, exempt(2), "alice"));
    assert!(lab.ask(3, exempt(3), "1"));
    assert!(!lab.ask(4, here(), "1"));
    lab.land(0, Outcome::Failed, "alice", Some(1));
    assert_eq!(lab.passed(), [], "the number is under way");
    lab.land(3, Outcome::Unknown, "1", None);
    assert_eq!(lab.passed(), [1]);
    lab.land(1, Outcome::Unknown, "alice", None);
    assert_eq!(lab.passed(), [2]);
    lab.land(2, Outcome::LoggedIn, "alice", Some(1));
    assert_eq!(lab.passed(), [4]);
    lab.land(4, Outcome::LoggedIn, "1", None);
    assert!(lab.throttle.is_idle());
}

#[test]
fn a_name_is_not_forgotten_beside_a_late_timer() {
    let mut lab = Lab::with(|settings| {
        settings.name_wait = Millis(100);
        settings.name_rate = NonZeroU32::new(1);
    });
    lab.botnet("1", 8);
    assert!(!lab.ask(1, exempt(1), "1"));
    assert_eq!(lab.pass(100), [(100, 1)]);
    lab.fails(1, "1");
    lab.botnet("2", 8);
    assert!(!lab.ask(2, exempt(2), "2"));
    // The timer for it is due, and has not fired, when the next one comes.
    lab.now = Millis(250);
    assert!(!lab.ask(3, exempt(3), "1"));
    assert_eq!(lab.pass(5000), [(250, 2), (1100, 3)]);
}

#[test]
fn a_late_timer_of_a_name_outlives_a_login_by_it() {
    let mut lab = Lab::with(|settings| {
        settings.name_wait = Millis(100);
        settings.name_rate = NonZeroU32::new(1);
    });
    lab.log_in(here(), "1");
    for name in ["x", "y", "z"] {
        lab.fail(here(), name);
    }
    assert!(!lab.ask(1, here(), "1"), "its address waits for 1 s");
    lab.botnet("1", 8);
    assert!(!lab.ask(2, exempt(2), "1"));
    assert_eq!(lab.pass(100), [(100, 2)]);
    lab.fails(2, "1");
    assert!(!lab.ask(3, exempt(3), "1"));
    assert_eq!(lab.pass(200), []);
    // The timers of the address and of the name are both due.
    lab.now = Millis(1200);
    assert_eq!(lab.pass(5000), [(1200, 1), (1200, 3)]);
}
