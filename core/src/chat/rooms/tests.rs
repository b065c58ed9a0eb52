//! Tests of rooms, with the hub that knows their members.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::*;
use crate::chat::hub::Hub;
use crate::chunk::{Audience, Form, Level, Recipients};
use crate::id::ConnId;
use crate::member::{Member, MemberId};

/// A hub with this many members at level 2.
fn crowd(count: u32) -> (Hub, Vec<Slot>) {
    let mut hub = Hub::default();
    let slots = (0..count).map(|n| {
        let member = Member {
            id: MemberId(n.into()),
            nick: format!("n{n}").into(),
            name: Arc::from("N"),
        };
        hub.join(ConnId::new(n, 0), Form::Stream, Level::Two, &member)
    });
    let slots = slots.collect();
    (hub, slots)
}

fn name(text: &str) -> RoomName {
    RoomName::new(text).unwrap()
}

fn create(hub: &mut Hub, text: &str) -> RoomId {
    hub.rooms.create(New {
        name: name(text),
        key: None,
        hidden: false,
        from: None,
    })
}

fn conns(recipients: &[Recipients]) -> Vec<usize> {
    let each = recipients.iter().flat_map(Recipients::iter);
    each.map(ConnId::slot).collect()
}

fn text(chunk: Option<crate::chunk::Chunk>) -> String {
    String::from_utf8(chunk.unwrap().to_vec()).unwrap()
}

#[test]
fn a_change_drops_the_snapshot_of_its_own_rooms_alone() {
    let (mut hub, slots) = crowd(3);
    let (one, other) = (create(&mut hub, "#one"), create(&mut hub, "#other"));
    hub.join_room(slots[0], one);
    hub.join_room(slots[1], one);
    hub.join_room(slots[1], other);
    hub.join_room(slots[2], other);
    let all = |hub: &mut Hub| {
        [
            Audience::Everyone,
            Audience::Level(Level::Two),
            Audience::Room(one),
            Audience::Room(other),
        ]
        .map(|audience| hub.recipients(audience))
    };
    let mut before = all(&mut hub);
    assert_eq!(
        (conns(&before[2]), conns(&before[3])),
        ([0, 1].into(), [1, 2].into())
    );
    // Which of them are other ones afterwards.
    let mut changed = |hub: &mut Hub| {
        let after = all(hub);
        let changed = [0, 1, 2, 3].map(|n| !Arc::ptr_eq(&before[n], &after[n]));
        before = after;
        changed
    };
    assert_eq!(changed(&mut hub), [false; 4]);
    hub.join_room(slots[2], one);
    assert_eq!(changed(&mut hub), [false, false, true, false]);
    hub.leave_room(slots[2], one);
    assert_eq!(changed(&mut hub), [false, false, true, false]);
    hub.raise_level(slots[0]);
    assert_eq!(changed(&mut hub), [false; 4], "it was raised before");
    hub.rename(slots[1], "zoe", "Z");
    assert_eq!(changed(&mut hub), [false; 4]);
    hub.speak(slots[0], Form::AsciiStream);
    assert_eq!(changed(&mut hub), [true, true, true, false]);
    hub.isolate(slots[2]);
    assert_eq!(changed(&mut hub), [true, true, false, true]);
    let split = |hub: &mut Hub, id| {
        let all = hub.recipients(Audience::Room(id));
        let [all] = &*all else { panic!("one form") };
        all.split()
            .map(|split| (split.alone.clone(), split.shared.iter().len()))
    };
    assert_eq!(
        split(&mut hub, other),
        Some(([ConnId::new(2, 0)].into(), 1))
    );
    hub.assert_consistent();
}

#[test]
fn a_state_is_shared_until_it_changes() {
    let (mut hub, slots) = crowd(2);
    let id = create(&mut hub, "#é");
    hub.join_room(slots[0], id);
    let first = text(hub.room_state(id, Form::Stream));
    assert!(
        first.starts_with("<room name=\"#é\" topic=\"\" owner=\"n0\" "),
        "{first}"
    );
    assert!(text(hub.room_state(id, Form::AsciiStream)).contains("#&#233;"));
    hub.join_room(slots[1], id);
    assert!(text(hub.room_state(id, Form::AsciiStream)).contains("n1"));
    hub.rename(slots[0], "zoe", "Z");
    let state = text(hub.room_state(id, Form::Stream));
    assert!(
        state.contains("owner=\"zoe\"") && state.contains("name=\"Z\""),
        "{state}"
    );
    hub.rooms.set_topic(id, "Tea");
    assert!(text(hub.room_state(id, Form::Stream)).contains("topic=\"Tea\""));
    let rows = |hub: &mut Hub| String::from_utf8(hub.room_list(slots[0]).to(Form::Stream).to_vec());
    assert!(rows(&mut hub).unwrap().contains("topic=\"Tea\" here=\"2\""));
    hub.leave_room(slots[1], id);
    assert!(rows(&mut hub).unwrap().contains("here=\"1\""));
}

#[test]
fn a_state_lists_the_200_who_came_last() {
    let (mut hub, slots) = crowd(203);
    let id = create(&mut hub, "#r");
    for (n, slot) in slots.iter().enumerate() {
        hub.join_room(*slot, id);
        let state = text(hub.room_state(id, Form::Stream));
        let listed = state.matches("<nick ").count();
        assert_eq!(listed, (n + 1).min(200));
        let more = (n + 1).saturating_sub(200);
        assert_eq!(
            state.contains(&format!(" n=\"0\" more=\"{more}\">")),
            more > 0
        );
        assert!(state.ends_with(&format!("<nick aid=\"n{n}\" name=\"N\" /></room>\0")));
    }
    let state = text(hub.room_state(id, Form::Stream));
    assert!(!state.contains("aid=\"n2\"") && state.contains("><nick aid=\"n3\""));
}

/// A room that is gone does not come back as another one, and what still names it finds nothing.
#[test]
fn an_id_never_returns() {
    let (mut hub, slots) = crowd(1);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let id = create(&mut hub, "#r");
        assert!(!seen.contains(&id));
        let number = Audience::Room(id).number();
        assert!(
            number > 2
                && seen
                    .iter()
                    .all(|old| Audience::Room(*old).number() != number)
        );
        seen.push(id);
        hub.join_room(slots[0], id);
        assert_eq!(hub.leave_room(slots[0], id), Some(Left::Empty));
        assert!(hub.rooms.get(id).is_none() && hub.recipients(Audience::Room(id)).is_empty());
        hub.assert_consistent();
    }
}

/// Members come and go at random; a list of lists knows the same.
#[test]
fn comes_and_goes_like_a_list() {
    let mut state = 1_u64;
    let mut random = move |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % n
    };
    let (mut hub, slots) = crowd(7);
    let mut permanent = PermanentRooms::new();
    permanent.add(&name("#0"), "");
    hub.rooms.configure(&permanent);
    let mut model: [Vec<usize>; 5] = Default::default();
    // Of each member, its rooms in the order of joining.
    let mut joined: [Vec<usize>; 7] = Default::default();
    for _ in 0..4000 {
        let (who, which) = (random(slots.len()), random(model.len()));
        let (slot, members) = (slots[who], &mut model[which]);
        let found = hub.rooms.find(&name(&format!("#{which}")));
        assert_eq!(found.is_some(), which == 0 || !members.is_empty());
        let place = members.iter().position(|member| *member == who);
        if let Some(place) = place {
            members.remove(place);
            joined[who].retain(|room| *room != which);
            let expected = match members.first() {
                None => Left::Empty,
                Some(next) if which > 0 && place == 0 => Left::HandedTo(slots[*next]),
                Some(_) => Left::Stays,
            };
            assert_eq!(hub.leave_room(slot, found.unwrap()), Some(expected));
        } else {
            let id = found.unwrap_or_else(|| create(&mut hub, &format!("#{which}")));
            hub.join_room(slot, id);
            members.push(who);
            joined[who].push(which);
            let in_order: Vec<usize> = members.clone();
            assert_eq!(conns(&hub.recipients(Audience::Room(id))), in_order);
        }
        let of: Vec<_> = hub
            .rooms
            .of(slot)
            .map(|id| hub.rooms.get(id).unwrap().name.clone())
            .collect();
        let expected = joined[who].iter().map(|room| format!("#{room}"));
        assert!(of.iter().map(|name| String::from(&**name)).eq(expected));
        hub.assert_consistent();
    }
    hub.rooms.leave_all();
    hub.assert_consistent();
    assert_eq!((hub.rooms.len(), hub.rooms.of(slots[0]).len()), (1, 0));
    hub.rooms.configure(&PermanentRooms::new());
    assert_eq!(hub.rooms.len(), 0);
}
