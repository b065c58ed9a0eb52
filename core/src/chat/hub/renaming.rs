//! Tests of another nick for a member online.

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
