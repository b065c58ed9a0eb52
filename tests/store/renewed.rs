//! Members with the hash of an old site: they log in by it, and get an argon2id hash in its place.

use std::fs;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use flashgate::login::{Pool, PoolOptions};
use flashgate::password::{Format, Hash, Verdict, check};
use flashgate::store::{Active, Members, NewMember, Number};
use flashgate_core::{Answer, MemberStore, Reply, Secret};
use rusqlite::Connection;

use crate::fixture::{
    INACTIVE, PATIENCE, Place, Store, WRONG, cheap, identify, is_alice, login, member, occupy,
    over_both, ticket, wait_for,
};

over_both!(every_format_lets_in);

/// What other programs have made of `secret1`: at least one hash of each format.
fn of_secret1() -> Vec<(String, String)> {
    let vectors = fs::read_to_string("tests/members/vectors.tsv").unwrap();
    let mut found: Vec<(String, String)> = vectors
        .lines()
        .map(|line| line.splitn(3, '\t').collect::<Vec<_>>())
        .filter(|fields| fields[1] == "73656372657431")
        .map(|fields| (fields[0].to_owned(), fields[2].to_owned()))
        .collect();
    // Apache's differs from MD5-crypt by its prefix, and OpenSSL has made it of others.
    let apr1 = vectors.lines().find(|line| line.starts_with("apr1\t30\t"));
    assert!(apr1.is_some());
    found.sort();
    found
}

fn with_hash(id: i64, nick: &str, hash: &str) -> NewMember {
    NewMember {
        password: Hash::parse(hash).unwrap(),
        ..member(id, nick, Active::Yes)
    }
}

fn alice(hash: &str) -> Store {
    Store::with(&[with_hash(1, "alice", hash)])
}

fn stored(store: &Store) -> Vec<String> {
    let connection = Connection::open(&store.path).unwrap();
    let mut all = connection
        .prepare("SELECT password FROM members ORDER BY id")
        .unwrap();
    let all = all.query_map([], |row| row.get(0)).unwrap();
    all.collect::<Result<_, _>>().unwrap()
}

fn of_every_format() -> (Vec<NewMember>, Vec<(String, String)>) {
    let vectors = of_secret1();
    assert!(vectors.len() > 20, "{}", vectors.len());
    let members = vectors
        .iter()
        .enumerate()
        .map(|(at, (_, hash))| with_hash(at as i64 + 1, &format!("m{at}"), hash));
    (members.collect(), vectors)
}

fn every_format_lets_in<P: Place>() {
    let (members, vectors) = of_every_format();
    let store = P::with(&members);
    all_log_in(&store.pool(), &members, &vectors);
}

fn all_log_in(pool: &Pool, members: &[NewMember], vectors: &[(String, String)]) {
    for (member, (format, _)) in members.iter().zip(vectors) {
        let id = member.id.get().to_string();
        for wrong in ["secret2", "Secret1", "secret1 ", ""] {
            let answer = login(pool, &id, wrong);
            let is_ignored = wrong.trim_end() == "secret1" && format.contains("OLD_PASSWORD");
            assert_eq!(answer == WRONG, !is_ignored, "{format} {wrong}");
        }
        let answer = login(pool, &id, "secret1");
        assert!(matches!(answer, Answer::Member(_)), "{format}");
    }
}

#[test]
fn every_format_becomes_argon2id() {
    let (members, vectors) = of_every_format();
    let store = Store::with(&members);
    let pool = store.pool();
    all_log_in(&pool, &members, &vectors);
    pool.close(PATIENCE);
    let pool = store.pool();
    for ((now, (format, was)), id) in stored(&store).iter().zip(&vectors).zip(1..) {
        if format == "argon2id" {
            assert_eq!(now, was, "as it is, whatever its parameters");
        } else {
            // The one with a blank may have been written down before the one without came.
            let ignores = format.contains("OLD_PASSWORD").then_some("$noblanks");
            let plain = ignores.and_then(|tag| now.strip_prefix(tag)).unwrap_or(now);
            assert!(
                plain.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
                "{format} {now}"
            );
        }
        let id = id.to_string();
        assert_eq!(login(&pool, &id, "secret2"), WRONG, "{format}");
        let answer = login(&pool, &id, "secret1");
        assert!(matches!(answer, Answer::Member(_)), "{format}");
    }
    assert!(store.last_logins().iter().all(Option::is_some));
}

/// Some old formats accept a password with something added to it, such as a mistyped key.
#[test]
fn what_an_old_hash_ignored_does_not_become_the_password() {
    let typed_72 = "7".repeat(72);
    let longer = format!("{typed_72}8");
    for (hash, real, slip, shorter, tag) in [
        (
            "./qw5JW./79Vg",
            "123456789",
            "12345678)",
            "1234567",
            "$first8$argon2id$",
        ),
        (
            "$2y$04$......................FrXF9lCtCg//7nawk87XBjHt9whCNmS",
            longer.as_str(),
            &format!("{typed_72}("),
            &typed_72[1..],
            "$first72$argon2id$",
        ),
        (
            "$phpbb$2y$04$abcdefghijklmnopqrstuu5OSqYX/aigXTjLm0eKlFdgxpEdVlVnW",
            &format!("{}&x", "0123456789".repeat(7)),
            &format!("{}&y", "0123456789".repeat(7)),
            &"0123456789".repeat(7)[1..],
            "$html72$argon2id$",
        ),
        (
            OLD_PASSWORD,
            "secret 1",
            "secret1 ",
            "secret",
            "$noblanks$argon2id$",
        ),
    ] {
        let store = alice(hash);
        let pool = store.pool();
        is_alice(&login(&pool, "1", slip));
        pool.close(PATIENCE);
        assert!(stored(&store)[0].starts_with(tag), "{}", stored(&store)[0]);
        let pool = store.pool();
        is_alice(&login(&pool, "1", real));
        is_alice(&login(&pool, "1", slip));
        assert_eq!(login(&pool, "1", shorter), WRONG);
        pool.close(PATIENCE);
        assert!(stored(&store)[0].starts_with(tag), "once and for all");
    }
}

/// What phpBB has hashed is known by its tag alone: with another site's hash, `R&amp;D` is no way to write `R&D`.
#[test]
fn what_phpbb_has_escaped_is_the_password_as_it_is_typed() {
    let vectors = fs::read_to_string("tests/members/vectors.tsv").unwrap();
    let of = |format: &str| -> Vec<&str> {
        let is_it = format!("{format}\t522644\t");
        vectors
            .lines()
            .filter_map(|line| line.strip_prefix(&is_it))
            .collect()
    };
    for format in [
        "phpBB's bcrypt of phpass",
        "phpBB's bcrypt",
        "phpBB's argon2",
    ] {
        let hashes = of(format);
        assert_eq!(hashes.len(), 2, "{format}");
        for hash in &hashes {
            let store = alice(hash);
            let pool = store.pool();
            assert_eq!(login(&pool, "1", "R&d"), WRONG, "{hash}");
            is_alice(&login(&pool, "1", "R&D"));
            pool.close(PATIENCE);
            let now = &stored(&store)[0];
            assert!(now.starts_with("$argon2id$v=19$m=19456"), "{now}");
            let is_it =
                |password| check(&Secret::new(password), Some(now)).verdict == Verdict::Right;
            assert!(is_it("R&D") && !is_it("R&amp;D"), "{hash}");
        }
        let elsewhere = hashes.iter().filter_map(|hash| hash.strip_prefix("$phpbb"));
        let right = elsewhere.filter(|hash| is_alice_by(hash, "R&D")).count();
        assert_eq!(
            right,
            usize::from(format != "phpBB's bcrypt of phpass"),
            "{format}"
        );
    }
}

fn is_alice_by(hash: &str, password: &str) -> bool {
    matches!(login(&alice(hash).pool(), "1", password), Answer::Member(_))
}

/// Many logins at once with old hashes are all answered before the first new hash is made.
#[test]
fn logins_come_before_new_hashes() {
    let members: Vec<NewMember> = (1..=5)
        .map(|id| with_hash(id, &format!("m{id}"), MD5))
        .collect();
    let store = Store::with(&members);
    let pool = Arc::new(store.pool_of(&PoolOptions {
        threads: 1,
        ..PoolOptions::default()
    }));
    let release = occupy(&pool, 1);
    let (answers, answered) = mpsc::channel();
    for id in 1..=5 {
        let (answers, counted) = (answers.clone(), Arc::downgrade(&pool));
        let reply = move |_, answer| {
            let waiting = counted.upgrade().map(|pool| pool.upgrades());
            answers.send((answer, waiting)).unwrap();
        };
        let query = identify(&i64::to_string(&id), "secret1");
        pool.submit(query, Reply::new(ticket(), reply));
    }
    drop(release);
    for waiting in 0..5 {
        let (answer, waits) = answered.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(answer, Answer::Member(_)), "{answer:?}");
        assert_eq!(waits, Some(waiting));
    }
    let is_new = |hash: &String| hash.starts_with("$argon2id$");
    wait_for(|| stored(&store).iter().all(is_new));
    assert_eq!(pool.upgrades(), 0);
}

/// None is lost when the server stops: what waits is done first.
#[test]
fn a_pool_that_is_closed_makes_the_new_hashes_that_wait() {
    let store = alice(MD5);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "secret1"));
    pool.close(PATIENCE);
    let stored = stored(&store);
    assert!(stored[0].starts_with("$argon2id$"), "{stored:?}");
}

#[test]
fn a_password_that_was_set_meanwhile_stays() {
    let store = alice(MD5);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "secret1"));
    let set = cheap("another");
    let mut members = Members::open(&store.path).unwrap();
    members.set_password(Number::new(1).unwrap(), &set).unwrap();
    assert_eq!(login(&pool, "1", "secret1"), WRONG);
    pool.close(PATIENCE);
    assert_eq!(stored(&store), [set.as_str()]);
    assert!(store.last_logins()[0].is_some());
}

#[test]
fn a_new_hash_waits_for_a_writer_and_the_old_one_lets_in_until_then() {
    let store = alice(MD5);
    let pool = store.pool();
    let other = Connection::open(&store.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One login by the hash, and one as a known member; neither may lose the new hash.
    for _ in 0..20 {
        is_alice(&login(&pool, "1", "secret1"));
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(stored(&store), [MD5]);
    other.execute_batch("ROLLBACK").unwrap();
    wait_for(|| stored(&store)[0].starts_with("$argon2id$"));
    is_alice(&login(&pool, "1", "secret1"));
    assert_eq!(login(&pool, "1", "secret2"), WRONG);
}

#[test]
fn a_refused_login_makes_no_new_hash() {
    let mut inactive = with_hash(1, "alice", MD5);
    inactive.active = Active::No;
    let store = Store::with(&[inactive, with_hash(2, "bob", MD5)]);
    let pool = store.pool();
    assert_eq!(login(&pool, "1", "secret1"), INACTIVE);
    assert_eq!(login(&pool, "2", "secret2"), WRONG);
    assert_eq!(login(&pool, "2", MD5), WRONG, "the hash is no password");
    pool.close(PATIENCE);
    assert_eq!(stored(&store), [MD5, MD5]);
}

#[test]
fn a_wrong_password_for_an_old_hash_costs_what_an_unknown_member_costs() {
    let nobody = check(&Secret::new("wrong"), None);
    assert_eq!(nobody.verdict, Verdict::Wrong);
    for (format, hash) in of_secret1() {
        let refused = check(&Secret::new("wrong"), Some(&hash));
        if !format.contains("argon2") {
            assert_eq!(refused, nobody, "{format}");
        }
        assert!(refused.work > 0 && refused.verdict == Verdict::Wrong);
    }
    // And is held back for as long as the slowest takes.
    let slowest = |hash: &str| {
        Members::open(&alice(hash).path)
            .unwrap()
            .slowest_check()
            .unwrap()
    };
    let bcrypt = |cost| format!("$2y${cost}$......................FrXF9lCtCg//7nawk87XBjHt9whCNmS");
    assert!(slowest(&bcrypt(13)) > slowest(&bcrypt(12)));
    assert!(slowest(&bcrypt(12)) > slowest(MD5));
    assert!(Format::Argon2id.is_current() && !Format::Argon2i.is_current());
}

#[test]
fn a_member_with_a_new_hash_is_known_by_it_at_once() {
    let store = alice(MD5);
    let pool = store.pool();
    is_alice(&login(&pool, "1", "secret1"));
    let work = pool.work();
    // Before it is written, by the old one; and after.
    is_alice(&login(&pool, "1", "secret1"));
    wait_for(|| stored(&store)[0].starts_with("$argon2id$"));
    is_alice(&login(&pool, "1", "secret1"));
    assert_eq!(pool.work(), work, "a hash for somebody who is known");
}

/// `md5("secret1")`
const MD5: &str = "e52d98c459819a11775936d8dfbb7929";

/// `OLD_PASSWORD("secret1")`
const OLD_PASSWORD: &str = "47ed1d0567425d09";
