//! Logins that succeed and logins that fail, and what they cost.

use flashgate::login::{Pool, PoolOptions};
use flashgate::password::Hash;
use flashgate::store::{Active, AddError, Members, Nick, Number, Taken, Who};
use flashgate_core::{Answer, MemberId, Secret};

use crate::fixture::{
    INACTIVE, Place, Store, UNKNOWN, UNUSABLE, WRONG, cheap, identify, is_alice, login, member,
    over_both,
};

over_both!(
    logins,
    everyone_who_is_refused_costs_the_same,
    changes_are_seen_at_the_next_login,
    nothing_shows_a_password_or_a_hash,
);

fn logins<P: Place>() {
    let store = P::with(&[
        member(1, "alice", Active::Yes),
        member(7, "Árvíz", Active::Yes),
    ]);
    let pool = store.pool();
    for (id, password, expected) in [
        ("1", "alice's", Some(1)),
        ("alice", "alice's", Some(1)),
        ("7", "Árvíz's", Some(7)),
        ("Árvíz", "Árvíz's", Some(7)),
        // Byte for byte.
        ("Alice", "alice's", None),
        ("árvíz", "Árvíz's", None),
        ("A\u{301}rvíz", "Árvíz's", None),
        ("07", "Árvíz's", None),
        ("7x", "Árvíz's", None),
        ("1", "Alice's", None),
        ("1", "alice's ", None),
        ("1", "", None),
        ("2", "alice's", None),
    ] {
        let id_of = |answer| match answer {
            Answer::Member(member) => Some(member.id.0),
            Answer::Denied(..) => None,
            answer @ (Answer::Claimed
            | Answer::Renamed(_)
            | Answer::Taken
            | Answer::PasswordChanged
            | Answer::PasswordNotAllowed
            | Answer::Admin(_)
            | Answer::Unavailable(_)) => panic!("{id}: {answer:?}"),
        };
        assert_eq!(
            id_of(login(&pool, id, password)),
            expected,
            "{id} {password}"
        );
    }
    let Answer::Member(alice) = login(&pool, "1", "alice's") else {
        panic!("denied");
    };
    assert_eq!(
        (alice.id, &*alice.nick, &*alice.name),
        (MemberId(1), "alice", "Name of alice")
    );
}

fn everyone_who_is_refused_costs_the_same<P: Place>() {
    let mut inactive = member(2, "bob", Active::No);
    inactive.password = Hash::new(&Secret::new("bob's")).unwrap();
    let mut full = member(1, "alice", Active::Yes);
    full.password = Hash::new(&Secret::new("alice's")).unwrap();
    let store = P::with(&[full, inactive, member(3, "carol", Active::Yes)]);
    // Hashes that cannot be verified: gigabytes, and no hash at all.
    let huge = "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA";
    for (id, stored) in [(4, huge), (5, "secret"), (6, "")] {
        store.sql(&format!(
            "INSERT INTO members (id, nick, nick_key, name, password) VALUES ({id}, 'n{id}', 'n{id}', 'N', '{stored}')"
        ));
    }
    let pool = store.pool();
    let cost = |id: &str, password: &str| {
        let before = pool.work();
        (login(&pool, id, password), pool.work() - before)
    };
    let full = 19 * 1024 * 2;
    for (id, password, denied) in [
        ("1", "wrong", WRONG),
        ("99", "wrong", UNKNOWN),
        ("nobody", "wrong", UNKNOWN),
        ("2", "wrong", INACTIVE),
        ("2", "bob's", INACTIVE),
        ("4", "secret", UNUSABLE),
        ("5", "secret", UNUSABLE),
        ("6", "", UNUSABLE),
    ] {
        assert_eq!(cost(id, password), (denied, full), "{id} {password}");
    }
    // Stored parameters are obeyed.
    assert_eq!(cost("3", "wrong"), (WRONG, 8));
}

#[test]
fn nicks_differ_in_more_than_case() {
    let store = Store::with(&[member(1, "Árvíz", Active::Yes)]);
    let mut members = Members::open(&store.path).unwrap();
    for nick in ["árvíz", "ÁRVÍZ", "a\u{301}rvi\u{301}z", "Árvíz"] {
        let refused = members.add(&member(2, nick, Active::Yes));
        assert_eq!(
            refused,
            Err(AddError::Taken(Taken::Nick("Árvíz".to_owned()))),
            "{nick}"
        );
    }
    assert_eq!(
        members.add(&member(1, "other", Active::Yes)),
        Err(AddError::Taken(Taken::Id("Árvíz".to_owned())))
    );
    members.add(&member(2, "arviz", Active::Yes)).unwrap();
    assert_eq!(members.count().unwrap(), 2);
}

/// Another program has written a nick that flashgate refuses, or an older flashgate, which knew fewer rules.
#[test]
fn nobody_logs_in_by_a_nick_that_breaks_a_rule() {
    let nicks = ["alice", "bob", "carol", "dave"];
    let members = (1..).zip(nicks);
    let members: Vec<_> = members
        .map(|(id, nick)| member(id, nick, Active::Yes))
        .collect();
    let store = Store::with(&members);
    let pool = store.pool();
    let odd = ["alice\u{fe0f}", "\u{3164}", "a b"];
    for (id, nick) in (2..).zip(odd) {
        // Known from a moment ago, too.
        let answer = login(&pool, &id.to_string(), &format!("{}'s", nicks[id - 1]));
        assert!(matches!(answer, Answer::Member(_)), "{answer:?}");
        store.sql(&format!(
            "UPDATE members SET nick = '{nick}' WHERE id = {id}"
        ));
    }
    for (id, nick) in (2..).zip(odd) {
        let password = format!("{}'s", nicks[id - 1]);
        for name in [id.to_string().as_str(), nick] {
            let before = pool.work();
            assert_eq!(login(&pool, name, &password), UNUSABLE, "{name:?}");
            assert!(pool.work() > before, "refused as others are");
        }
    }
    is_alice(&login(&pool, "1", "alice's"));

    let mut members = Members::open(&store.path).unwrap();
    assert_eq!(members.misnamed(), Ok(3));
    let named = members.check().unwrap().misnamed;
    let named: Vec<_> = named
        .iter()
        .map(|member| (member.id, &*member.nick))
        .collect();
    assert_eq!(named, [(2, odd[0]), (3, odd[1]), (4, odd[2])]);
    for (id, nick) in (2..).zip(["bob", "carol", "dave"]) {
        let number = Number::new(id).unwrap();
        members
            .rename(number, &Nick::new(nick).unwrap(), None)
            .unwrap();
        let answer = login(&pool, &id.to_string(), &format!("{nick}'s"));
        assert!(matches!(answer, Answer::Member(_)), "{answer:?}");
    }
    assert_eq!(members.misnamed(), Ok(0));
}

/// Another program has written a row that cannot be read. Other members are not affected.
#[test]
fn a_row_that_cannot_be_read_is_one_members_trouble() {
    let store = Store::with(&[
        member(1, "alice", Active::Yes),
        member(2, "bob", Active::Yes),
        member(3, "carol", Active::Yes),
    ]);
    store.sql("UPDATE members SET name = CAST(x'41ff' AS TEXT) WHERE id = 2");
    store.sql("UPDATE members SET password = CAST(x'41ff' AS TEXT) WHERE id = 3");
    let pool = store.pool();
    for (id, password) in [("2", "bob's"), ("bob", "x"), ("3", "carol's")] {
        let before = pool.work();
        assert_eq!(login(&pool, id, password), UNUSABLE, "{id}");
        assert!(pool.work() > before, "refused as others are");
    }
    is_alice(&login(&pool, "1", "alice's"));

    // The operator sees the row, and can mend it.
    let mut members = Members::open(&store.path).unwrap();
    assert_eq!(members.list().unwrap()[1].name, "A\u{fffd}");
    let bob = members.find(&Who::parse("bob").unwrap()).unwrap().unwrap();
    members.remove(bob.id).unwrap();
    assert_eq!(members.count().unwrap(), 2);
}

fn changes_are_seen_at_the_next_login<P: Place>() {
    let store = P::with(&[member(1, "alice", Active::Yes)]);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "alice's"));

    store.sql("UPDATE members SET active = 0 WHERE id = 1");
    assert_eq!(login(&pool, "1", "alice's"), INACTIVE);
    let another = cheap("another");
    let another = another.as_str();
    store.sql(&format!(
        "UPDATE members SET active = 1, password = '{another}' WHERE id = 1"
    ));
    assert_eq!(login(&pool, "1", "alice's"), WRONG);
    is_alice(&login(&pool, "1", "another"));
    store.sql("DELETE FROM members WHERE id = 1");
    assert_eq!(login(&pool, "1", "another"), UNKNOWN);
}

#[test]
fn the_demo_members() {
    let pool = Pool::demo(&PoolOptions::default()).unwrap();
    for (id, nick, password) in [
        ("1", "alice", "secret1"),
        ("2", "bob", "secret2"),
        ("3", "carol", "secret3"),
    ] {
        let Answer::Member(member) = login(&pool, id, password) else {
            panic!("{nick} is refused");
        };
        assert_eq!(&*member.nick, nick);
        assert_eq!(login(&pool, nick, password), Answer::Member(member));
        assert_eq!(login(&pool, nick, "secret4"), WRONG);
    }
}

fn nothing_shows_a_password_or_a_hash<P: Place>() {
    let mut member = member(1, "alice", Active::Yes);
    member.password = cheap("hunter2");
    let store = P::with(&[member.clone()]);
    let pool = store.pool();
    let shown = format!("{member:?} {pool:?} {:?}", identify("1", "hunter2"));
    assert!(
        !shown.contains("hunter2") && !shown.contains("argon2"),
        "{shown}"
    );
}

#[test]
fn nothing_shows_a_hash_of_a_list() {
    let store = Store::with(&[member(1, "alice", Active::Yes)]);
    let listed = Members::open(&store.path).unwrap().list().unwrap();
    assert!(!format!("{listed:?}").contains("argon2"));
}
