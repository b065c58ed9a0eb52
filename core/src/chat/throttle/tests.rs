use alloc::format;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::num::NonZeroU32;

use super::*;
use crate::member::{Denial, Member, MemberId, Unavailable};

#[derive(Clone, Copy)]
enum Outcome {
    LoggedIn,
    Failed,
    Unknown,
}

/// A throttle, a clock, and the lookups under way.
#[derive(Default)]
struct Lab {
    throttle: Throttle,
    settings: Settings,
    now: Millis,
    flights: BTreeMap<ConnId, Flight>,
    passed: Vec<ConnId>,
}

impl Lab {
    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut lab = Self::default();
        change(&mut lab.settings);
        lab
    }

    /// Sends an IDENTIFY. Says whether it passes at once.
    fn ask(&mut self, n: u32, source: Source, name: &str) -> bool {
        let login = Login::parse(name);
        let entered = self
            .throttle
            .enter(conn(n), source, &login, self.now, &self.settings);
        if let Entered::Passes(flight) = entered {
            self.flights.insert(conn(n), flight);
            self.passed.push(conn(n));
        }
        self.drain();
        self.passed.pop_if(|passed| *passed == conn(n)).is_some()
    }

    fn land(&mut self, n: u32, outcome: Outcome, typed: &str, member: Option<i64>) {
        let flight = self.flights.remove(&conn(n)).expect("is under way");
        let member = member.map(MemberId);
        let answer = match outcome {
            Outcome::LoggedIn => Answer::Member(Member {
                id: member.unwrap_or(MemberId(0)),
                nick: typed.into(),
                name: typed.into(),
            }),
            Outcome::Failed => Answer::Denied(Denial::WrongPassword, member),
            Outcome::Unknown => Answer::Unavailable(Unavailable::Failed),
        };
        self.throttle.land(
            flight,
            typed,
            &answer,
            self.flights.values_mut(),
            self.now,
            &self.settings,
        );
        self.drain();
    }

    fn fails(&mut self, n: u32, name: &str) {
        self.land(n, Outcome::Failed, name, None);
    }

    /// Asks and fails in the same moment.
    fn fail(&mut self, source: Source, name: &str) {
        assert!(self.ask(9999, source, name), "{name} does not pass");
        self.fails(9999, name);
    }

    fn log_in(&mut self, source: Source, name: &str) {
        assert!(self.ask(9999, source, name), "{name} does not pass");
        self.land(9999, Outcome::LoggedIn, name, None);
    }

    /// From as many addresses, so that none of them is slow.
    fn botnet(&mut self, name: &str, failures: u8) {
        for n in 0..failures {
            let source = Source::of([198, 51, 100, n].into());
            let flight = Flight {
                source,
                name: self.throttle.name(&Login::parse(name)),
                is_known: true,
            };
            self.flights.insert(conn(9999), flight);
            self.fails(9999, name);
        }
    }

    /// Lets time pass, timer by timer. Who passes meanwhile, and when.
    fn pass(&mut self, span: u64) -> Vec<(u64, u32)> {
        let (until, mut all) = (self.now + Millis(span), Vec::new());
        while let Some(at) = self.throttle.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.throttle.fire(self.now);
            self.drain();
            let passed = self.passed.drain(..);
            all.extend(passed.map(|conn| (self.now.0, conn.slot() as u32)));
        }
        self.now = until;
        all
    }

    /// Who has passed since the last time.
    fn passed(&mut self) -> Vec<u32> {
        let passed = core::mem::take(&mut self.passed);
        passed.into_iter().map(|conn| conn.slot() as u32).collect()
    }

    fn drain(&mut self) {
        while let Some((conn, flight)) = self.throttle.next(self.now, &self.settings) {
            flight.map(|flight| self.flights.insert(conn, flight));
            self.passed.push(conn);
        }
    }
}

fn source(text: &str) -> Source {
    Source::of(text.parse().unwrap())
}

/// A connection over loopback.
fn exempt(n: u32) -> Source {
    Source::Connection(conn(n))
}

fn conn(n: u32) -> ConnId {
    ConnId::new(n, 0)
}

fn here() -> Source {
    source("192.0.2.1")
}

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
fn a_lookup_that_is_answered_well_makes_way() {
    let mut lab = Lab::default();
    let passed = (0..8).filter(|n| lab.ask(*n, here(), &format!("{n}")));
    assert_eq!(passed.collect::<Vec<_>>(), [0, 1, 2]);
    lab.land(1, Outcome::LoggedIn, "1", None);
    assert_eq!(lab.passed(), [3]);
    lab.land(0, Outcome::Unknown, "0", None);
    assert_eq!(lab.passed(), [4]);
}

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

/// Others' failures since then do not make the wait longer.
#[test]
fn nobody_is_locked_out_of_a_name() {
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
fn what_opens_in_the_same_millisecond_passes_in_it() {
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
fn who_was_behind_a_client_that_leaves_waits_no_longer() {
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
fn a_name_that_has_logged_in_from_there_does_not_wait_for_caps() {
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
fn it_waits_for_the_failures_of_its_address_but_is_first() {
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
    // Who has logged in by one has logged in by the other.
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
fn what_waits_by_a_nick_waits_by_the_number() {
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
fn it_can_be_switched_off() {
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

/// An address that is forgotten does not let those wait who wait for it.
#[test]
fn who_waits_for_what_is_forgotten_passes() {
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

#[test]
fn an_ipv6_address_stands_for_its_64() {
    assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    let four: IpAddr = [192, 0, 2, 1].into();
    assert_eq!(Source::of(four), Source::Address(four));
}
