use super::*;

const T: u64 = 1_700_000_000;
const SECRET: &[u8] = b"a secret of 32 bytes or more, OK?";

/// A server that started long ago.
fn tickets(secret: &[u8]) -> Tickets {
    Tickets::new(&TicketSecret::new(secret).unwrap(), T - 1000)
}

/// A good one, whatever it says.
fn ticket(id: i64, made: u64, expiry: u64, nonce: u64) -> Secret {
    let signed = format!("{HEAD}{id}.{made}.{expiry}.{nonce:016x}");
    let mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    let mac = mac.chain_update(&signed).finalize().into_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    Secret::new(&format!("{signed}.{hex}"))
}

fn lets_nobody_in(worth: Worth) -> bool {
    matches!(worth, Worth::Nothing(_) | Worth::NoTicket)
}

const SPENT: Worth = Worth::Nothing(Denial::TicketSpent);
const OF_MEMBER: Worth = Worth::Nothing(Denial::TicketOfMember);

/// PHP made these; `.ci/php-tickets` says whether it still would.
#[test]
fn vectors() {
    let table = include_str!("../../../tests/members/tickets.tsv");
    let mut good = 0;
    for row in table.lines() {
        let [name, verdict, now, member, secret, text] = row.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("{row}");
        };
        let (pairs, _) = secret.as_bytes().as_chunks::<2>();
        let secret: Vec<u8> = pairs
            .iter()
            .map(|[a, b]| digit(*a).unwrap() << 4 | digit(*b).unwrap())
            .collect();
        let (now, member) = (now.parse().unwrap(), MemberId(member.parse().unwrap()));
        let mut tickets = tickets(&secret);
        let mut worth = || tickets.spend(&Secret::new(text), member, now);
        let first = worth();
        assert_eq!(first == Worth::Login, verdict == "login", "{name}");
        assert!(lets_nobody_in(worth()), "{name}, once more");
        good += usize::from(first == Worth::Login);
    }
    assert!(good >= 8 && table.lines().count() >= 30);
}

/// Each bit of it counts.
#[test]
fn a_changed_ticket_is_worth_nothing() {
    let good = ticket(7, T, T + 60, 1);
    let bytes = good.expose().as_bytes();
    for at in 0..bytes.len() {
        for bit in 0..7 {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << bit;
            let changed = Secret::new(&String::from_utf8(changed).unwrap());
            for member in [7, 6, 5, 3] {
                let worth = tickets(SECRET).spend(&changed, MemberId(member), T);
                assert!(lets_nobody_in(worth), "{}", changed.expose());
            }
        }
    }
    let spent = tickets(SECRET).spend(&good, MemberId(7), T);
    assert_eq!(spent, Worth::Login);
}

#[test]
fn tickets_are_good_once() {
    let mut tickets = tickets(SECRET);
    let (one, two) = (ticket(7, T, T + 60, 1), ticket(7, T, T + 60, 2));
    // To try it as somebody else spends nothing.
    assert_eq!(tickets.spend(&one, MemberId(8), T), OF_MEMBER);
    for (ticket, worth) in [
        (&one, Worth::Login),
        (&one, SPENT),
        (&two, Worth::Login),
        (&two, SPENT),
        (&one, SPENT),
    ] {
        assert_eq!(tickets.spend(ticket, MemberId(7), T), worth);
    }
    // Until its last moment, and longer than that it is not kept.
    let last = T + 60 + SKEW;
    assert_eq!(tickets.spend(&one, MemberId(7), last), SPENT);
    assert_eq!(tickets.spent.len(), 2);
    let other = ticket(7, last, last + 60, 1);
    assert_eq!(tickets.spend(&other, MemberId(7), last + 1), Worth::Login);
    assert_eq!(tickets.spent.len(), 1);
    // The clock is set back.
    let expired = Worth::Nothing(Denial::TicketExpired);
    assert_eq!(tickets.spend(&one, MemberId(7), T), expired);
    let new = ticket(7, last, last + 60, 2);
    assert_eq!(tickets.spend(&new, MemberId(7), last), Worth::Login);
}

/// A ticket of a site whose clock is not ahead is good with one of two servers at the most, one after the other.
#[test]
fn a_restart_lets_no_ticket_in_again() {
    let secret = TicketSecret::new(SECRET).unwrap();
    let mut after = 0;
    for made in T - 400..T + 20 {
        let ticket = ticket(7, made, made + 300, 1);
        let good = |started: u64, now: u64| {
            let mut tickets = Tickets::new(&secret, started);
            tickets.spend(&ticket, MemberId(7), now) == Worth::Login
        };
        // The first served up to the second in which the other started.
        let before = (made..=T).any(|now| good(T - 1000, now));
        let then = (made.max(T)..T + 320).any(|now| good(T, now));
        assert!(!before || !then, "made {made}");
        after += usize::from(then);
    }
    assert_eq!(
        after, 19,
        "all those made from the second after the start on"
    );
    let worth = |made: u64, expiry: u64| {
        let mut tickets = Tickets::new(&secret, T);
        tickets.spend(&ticket(7, made, expiry, 1), MemberId(7), T + 10)
    };
    for made in T - SKEW..=T {
        assert_eq!(worth(made, T + 60), Worth::TooSoon, "{} s before", T - made);
    }
    assert_eq!(worth(T + 1, T + 60), Worth::Login);
    let before = Worth::Nothing(Denial::TicketBeforeStart);
    assert_eq!(worth(T - SKEW - 1, T + 60), before);
    let expired = Worth::Nothing(Denial::TicketExpired);
    assert_eq!(worth(T, T + 10 - SKEW - 1), expired);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut tickets = tickets(SECRET);
    tickets.most = 3;
    for nonce in 1..=3 {
        let ticket = ticket(7, T, T + 10 * nonce, nonce);
        assert_eq!(tickets.spend(&ticket, MemberId(7), T), Worth::Login);
    }
    let more = ticket(7, T, T + 60, 4);
    assert_eq!(tickets.spend(&more, MemberId(7), T), Worth::NoCapacity);
    assert_eq!(tickets.spend(&more, MemberId(8), T), OF_MEMBER);
    let again = ticket(7, T, T + 10, 1);
    assert_eq!(tickets.spend(&again, MemberId(7), T), SPENT);
    // The first has expired.
    let now = T + 10 + SKEW + 1;
    assert_eq!(tickets.spend(&more, MemberId(7), now), Worth::Login);
    assert_eq!(tickets.spent.len(), 3);
}

/// The operator's log says why a ticket was refused.
#[test]
fn each_refusal_has_its_reason() {
    let good = ticket(7, T, T + 60, 1);
    let forged = good.expose().replace("60.", "61.");
    let upper = good.expose().to_uppercase().replace("TICKET", "ticket");
    for (password, denial) in [
        (ticket(7, T, T - 4, 1), Denial::TicketExpired),
        (ticket(7, T, T + 301, 1), Denial::TicketTooLong),
        (ticket(7, T + 4, T + 60, 1), Denial::TicketEarly),
        (ticket(8, T, T + 60, 1), Denial::TicketOfMember),
        (ticket(7, T - 1004, T + 60, 1), Denial::TicketBeforeStart),
        (Secret::new(&forged), Denial::TicketOfOther),
        (Secret::new(&upper), Denial::TicketMalformed),
        (Secret::new("ticket:2.x"), Denial::TicketMalformed),
    ] {
        let worth = tickets(SECRET).spend(&password, MemberId(7), T);
        assert_eq!(worth, Worth::Nothing(denial), "{}", password.expose());
    }
    let password = Secret::new("a ticket:1.");
    let worth = tickets(SECRET).spend(&password, MemberId(7), T);
    assert_eq!(worth, Worth::NoTicket);
}

#[test]
fn secrets() {
    let secret = TicketSecret::new(&[b'x'; LEAST_SECRET]).unwrap();
    assert_eq!(format!("{secret:?}"), "TicketSecret(…)");
    let new = |bytes: usize| TicketSecret::new(&vec![b'x'; bytes]).map(|_| ());
    assert!(matches!(new(0), Err(SecretFault::Short(0))));
    assert!(matches!(new(31), Err(SecretFault::Short(31))));
    assert!(matches!(new(MOST_SECRET), Ok(())));
    assert!(matches!(new(MOST_SECRET + 1), Err(SecretFault::Long)));
}

#[test]
fn files_of_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let read = || TicketSecret::read(&path);
    assert!(matches!(read(), Err(SecretFault::Io(_))));
    fs::write(&path, [SECRET, b"\n"].concat()).unwrap();
    for (mode, good) in [
        (0o600, true),
        (0o640, true),
        (0o660, true),
        (0o644, false),
        (0o604, false),
        (0o602, false),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        match read() {
            Ok(secret) => {
                assert!(good, "{mode:o}");
                assert_eq!(
                    *secret.0,
                    [SECRET, b"\n"].concat(),
                    "its newline is part of it"
                );
            }
            Err(fault) => assert!(!good && matches!(fault, SecretFault::Open), "{mode:o}"),
        }
    }
    assert!(matches!(
        TicketSecret::read(folder.path()),
        Err(SecretFault::NoFile)
    ));
}
