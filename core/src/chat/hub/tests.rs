//! Who is online, found by number and by nick.

use alloc::string::String;

use super::*;

fn member(id: i64, nick: &str) -> Member {
    Member {
        id: MemberId(id),
        nick: Arc::from(nick),
        name: Arc::from("N"),
    }
}

#[test]
fn order_of_login_survives_a_takeover() {
    let mut hub = Hub::default();
    let conn = |n| ConnId::new(n, 0);
    let alice = hub.join(conn(1), Form::Stream, Level::One, &member(1, "alice"));
    let bob = hub.join(conn(2), Form::Stream, Level::One, &member(2, "bob"));
    let before = hub.recipients(Audience::Everyone);
    assert_eq!(
        hub.replace(
            alice,
            conn(3),
            Form::Stream,
            Level::One,
            &member(1, "alice")
        ),
        Some(conn(1))
    );
    let everyone = |recipients: &[Recipients]| -> Vec<(Form, ConnId)> {
        let who = |who: &Recipients| {
            let form = who.form();
            who.iter().map(move |id| (form, id)).collect::<Vec<_>>()
        };
        recipients.iter().flat_map(who).collect()
    };
    assert_eq!(
        everyone(&hub.recipients(Audience::Everyone)),
        [(Form::Stream, conn(3)), (Form::Stream, conn(2))]
    );
    assert_eq!(
        everyone(&before)[0].1,
        conn(1),
        "a snapshot stays what it was"
    );
    let carol = hub.join(conn(5), Form::Text, Level::One, &member(3, "carol"));
    hub.join(conn(6), Form::Stream, Level::One, &member(4, "dave"));
    assert_eq!(
        everyone(&hub.recipients(Audience::Everyone)),
        [
            (Form::Stream, conn(3)),
            (Form::Stream, conn(2)),
            (Form::Stream, conn(6)),
            (Form::Text, conn(5))
        ]
    );
    hub.leave(carol);
    assert_eq!(hub.find(&member(1, "other")), Some(alice));
    assert_eq!(hub.find(&member(9, "bob")), Some(bob));
    assert_eq!(hub.by_nick("bob").map(|o| o.conn), Some(conn(2)));
    assert!(hub.by_nick("Bob").is_none());
    assert_eq!(hub.leave(bob).and_then(|o| o.member()), Some(MemberId(2)));
    assert!(
        hub.leave(bob).is_none()
            && hub
                .replace(bob, conn(4), Form::Stream, Level::One, &member(2, "bob"))
                .is_none()
    );
    assert_eq!((hub.len(), hub.everyone.capacity()), (2, 4));
    hub.replace(alice, conn(7), Form::Text, Level::One, &member(1, "alice"));
    assert_eq!(
        everyone(&hub.recipients(Audience::Everyone)),
        [(Form::Stream, conn(6)), (Form::Text, conn(7))]
    );
    let dave = hub.find(&member(4, "dave")).unwrap();
    hub.speak(dave, Form::AsciiStream);
    assert_eq!(
        everyone(&hub.recipients(Audience::Everyone)),
        [(Form::Text, conn(7)), (Form::AsciiStream, conn(6))]
    );
    hub.assert_consistent();
}

#[test]
fn recipients_are_divided_once() {
    let mut hub = Hub::default();
    let forms = [Form::Stream, Form::Text, Form::Binary];
    for n in 0..9_u32 {
        let (form, level) = (forms[n as usize % 3], Level::One);
        let nick = alloc::format!("n{n}");
        let slot = hub.join(ConnId::new(n, 0), form, level, &member(n.into(), &nick));
        // All of Text, one of Stream, none of Binary.
        if form == Form::Text || n == 3 {
            hub.isolate(slot);
        }
    }
    let conns = |all: &[u32]| -> Vec<_> { all.iter().map(|n| ConnId::new(*n, 0)).collect() };
    for audience in [Audience::Everyone, Audience::Level(Level::One)] {
        let first = hub.recipients(audience);
        assert!(Arc::ptr_eq(&first, &hub.recipients(audience)));
        let [stream, binary, text] = &*first else {
            panic!("three forms: {first:?}");
        };
        for (all, alone, shared) in [(stream, &[3][..], &[0, 6][..]), (text, &[1, 4, 7], &[])] {
            let split = all.split().expect("some have a filter");
            assert_eq!(split.alone, conns(alone));
            assert_eq!(split.shared.iter().collect::<Vec<_>>(), conns(shared));
            assert_eq!(all.iter().len(), 3);
        }
        assert!(binary.split().is_none());
        hub.assert_consistent();
    }
}

#[test]
fn comes_and_goes_like_a_list() {
    let mut state = 1_u64;
    let mut random = move |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % n
    };
    let (mut hub, mut model) = (Hub::default(), Vec::new());
    for n in 0..2000_u32 {
        // Numbers and nicks come in no order, and the crowd grows, shrinks and is gone again.
        let shrinks = n / 100 % 2 == 1;
        if !model.is_empty() && random(4) < if shrinks { 3 } else { 1 } {
            let (seat, id): (Slot, i64) = model.remove(random(model.len()));
            assert_eq!(hub.leave(seat).and_then(|o| o.member()), Some(MemberId(id)));
        } else {
            let id = (i64::from(n) * 7919) % 2003;
            let member = member(id, &alloc::format!("é{}", (id * 31) % 2003));
            assert_eq!(hub.find(&member), None);
            let seat = hub.join(ConnId::new(n, 0), Form::Stream, Level::One, &member);
            assert_eq!(hub.find(&member), Some(seat));
            model.push((seat, id));
        }
        hub.assert_consistent();
        assert!(
            hub.everyone
                .in_order()
                .map(|o| o.number.0)
                .eq(model.iter().map(|(_, id)| *id))
        );
        for (seat, id) in &model {
            let online = hub.online(*seat).unwrap();
            assert_eq!((online.number.0, online.name()), (*id, "N"));
            assert_eq!(hub.by_nick(online.nick()).unwrap().number.0, *id);
            assert_eq!(hub.by_member(MemberId(*id)).unwrap().nick(), online.nick());
        }
    }
    assert!(
        hub.everyone.capacity() < 200,
        "seats are used again: {}",
        hub.everyone.capacity()
    );
}

#[test]
fn nicks_of_equal_hashes_are_told_apart() {
    // Found by trying words: FNV-1a of 32 bits gives them the same number.
    let (one, other) = ("nick38659", "nick473034");
    assert_eq!(hash(one), hash(other));
    for (first, second) in [(one, other), (other, one)] {
        let mut hub = Hub::default();
        let seat = hub.join(
            ConnId::new(1, 0),
            Form::Stream,
            Level::One,
            &member(1, first),
        );
        assert!(hub.by_nick(first).is_some() && hub.by_nick(second).is_none());
        hub.join(
            ConnId::new(2, 0),
            Form::Stream,
            Level::One,
            &member(2, second),
        );
        hub.assert_consistent();
        let id = |nick| hub.by_nick(nick).map(|online| online.number.0);
        assert_eq!((id(first), id(second)), (Some(1), Some(2)));
        hub.leave(seat);
        hub.assert_consistent();
        assert!(hub.by_nick(first).is_none() && hub.by_nick(second).is_some());
    }
}

#[test]
fn a_renamed_member_keeps_its_place() {
    let mut hub = Hub::default();
    let conn = |n| ConnId::new(n, 0);
    let join = |hub: &mut Hub, id: u32, nick| {
        let member = member(id.into(), nick);
        hub.join(conn(id), Form::Stream, Level::One, &member)
    };
    let alice = join(&mut hub, 1, "alice");
    let bob = join(&mut hub, 2, "bob");
    join(&mut hub, 3, "carol");
    let everyone = hub.recipients(Audience::Everyone);
    let first = hub.recipients(Audience::Level(Level::One));
    hub.list(Form::Stream);

    assert_eq!(hub.rename(bob, "Bobby", "B").as_deref(), Some("bob"));
    hub.assert_consistent();
    assert!(hub.by_nick("bob").is_none());
    assert_eq!(hub.by_nick("Bobby").map(|o| o.conn), Some(conn(2)));
    let listed: Vec<_> = hub.in_order().map(|o| (o.nick(), o.name())).collect();
    assert_eq!(listed, [("alice", "N"), ("Bobby", "B"), ("carol", "N")]);
    let list = String::from_utf8(hub.list(Form::Stream).to_vec()).unwrap();
    assert!(list.contains("Bobby") && !list.contains("bob"), "{list}");
    // Nobody came or went: the snapshots of the recipients stay.
    assert!(Arc::ptr_eq(&everyone, &hub.recipients(Audience::Everyone)));
    assert!(Arc::ptr_eq(
        &first,
        &hub.recipients(Audience::Level(Level::One))
    ));

    assert_eq!(hub.rename(bob, "alice", "B"), None, "another has it");
    assert_eq!(hub.online(bob).map(OnlineMember::nick), Some("Bobby"));
    assert_eq!(hub.rename(bob, "Bobby", "C").as_deref(), Some("Bobby"));
    assert_eq!(hub.online(bob).map(OnlineMember::name), Some("C"));
    hub.leave(alice);
    assert!(hub.rename(alice, "x", "y").is_none());
    hub.assert_consistent();
}
