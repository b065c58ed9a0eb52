//! Tickets at the store: what they cost, and which members log in by them.

use flashgate::login::{Pool, PoolOptions, TicketSecret};
use flashgate::store::Active;
use flashgate_core::{Answer, Denial};

use crate::fixture::{INACTIVE, Place, UNUSABLE, is_alice, login, member, over_both};
use crate::signed::ticket;

over_both!(
    a_false_ticket_costs_what_a_wrong_password_does,
    a_member_without_a_usable_password,
);

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A pool over this store that takes tickets.
fn open(store: &impl Place) -> Pool {
    store.pool_of(&PoolOptions {
        tickets: Some(TicketSecret::new(SECRET.as_bytes()).unwrap()),
        ..PoolOptions::default()
    })
}

/// A store of 1 alice and 2 bob, who is disabled.
fn two<P: Place>() -> P {
    P::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::No),
    ])
}

/// The time of a refusal does not reveal why a ticket is refused, nor that it was one.
fn a_false_ticket_costs_what_a_wrong_password_does<P: Place>() {
    let store = two::<P>();
    let pool = open(&store);
    let cost = |id: &str, password: &str, why: Denial| {
        let before = pool.work();
        let answer = login(&pool, id, password);
        assert_eq!(answer, Answer::Denied(why, None), "{id} {password}");
        pool.work() - before
    };
    let alices = cost("1", "wrong", Denial::WrongPassword);
    let nobodys = cost("3", "wrong", Denial::Unknown);
    assert!(alices > 0 && nobodys > 0);
    let good = ticket(SECRET, 1, 60);
    let before = pool.work();
    is_alice(&login(&pool, "1", &good));
    assert_eq!(pool.work(), before, "a ticket needs no hash");
    for (id, password, expected, why) in [
        ("1", good.clone(), alices, Denial::TicketSpent),
        ("1", ticket("another", 1, 60), alices, Denial::TicketOfOther),
        ("1", ticket(SECRET, 1, -60), alices, Denial::TicketExpired),
        ("1", ticket(SECRET, 1, 600), alices, Denial::TicketTooLong),
        ("1", ticket(SECRET, 2, 60), alices, Denial::TicketOfMember),
        ("2", ticket(SECRET, 2, 60), alices, Denial::Inactive),
        ("3", ticket(SECRET, 3, 60), nobodys, Denial::Unknown),
        ("3", good, nobodys, Denial::Unknown),
    ] {
        assert_eq!(cost(id, &password, why), expected, "{id} {password}");
    }
}

/// The site vouches for the member: what is stored as a password does not matter, and stays.
fn a_member_without_a_usable_password<P: Place>() {
    let store = two::<P>();
    let pool = open(&store);
    store.sql("UPDATE members SET password = 'none' WHERE id = 1");
    assert_eq!(login(&pool, "1", "alice's"), UNUSABLE);
    is_alice(&login(&pool, "1", &ticket(SECRET, 1, 60)));
    // The row is read each time.
    store.sql("UPDATE members SET active = 0 WHERE id = 1");
    let made_before = ticket(SECRET, 1, 60);
    assert_eq!(login(&pool, "1", &made_before), INACTIVE);
    store.sql("UPDATE members SET active = 1 WHERE id = 1");
    is_alice(&login(&pool, "alice", &made_before));
}
