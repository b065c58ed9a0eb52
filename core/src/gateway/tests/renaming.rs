//! Another nick for a member online.

use super::*;
use crate::chat::hub::Slot;
use crate::config::Presence;

/// Three members, of whom the first is at level 1 and the others at level 2.
fn crowd(config: Config) -> (Lab, [ConnId; 3]) {
    let mut lab = Lab::new(config);
    let crowd = [1, 2, 3].map(|number| lab.log_in(number));
    for id in &crowd[1..] {
        lab.send(*id, "HELLO\0");
    }
    lab.text.clear();
    (lab, crowd)
}

fn slot(lab: &Lab, number: i64) -> Slot {
    lab.gateway.hub.find(&member(number)).unwrap()
}

fn rename(lab: &mut Lab, slot: Slot, nick: &str, author: Option<ConnId>) -> Option<String> {
    let old = lab.gateway.change_nick(slot, nick, "New", author);
    lab.drain();
    lab.gateway.assert_consistent();
    old.map(|old| String::from(&*old))
}

#[test]
fn each_level_gets_its_form_of_another_nick() {
    let (mut lab, [one, two, three]) = crowd(Config::default());
    let second = slot(&lab, 2);
    let old = rename(&mut lab, second, "zoé", Some(two));
    assert_eq!(old.as_deref(), Some("nick2"));
    let as_2007 = "<quit aid=\"nick2\" />|<login aid=\"zoé\" name=\"New\" />|";
    let changed = "<nickchanged aid=\"nick2\" to=\"zoé\" />|";
    assert_eq!(lab.said(one), as_2007);
    assert_eq!(
        (lab.said(two), lab.said(three)),
        (changed.into(), changed.into())
    );

    // The renamed client itself is at level 1.
    let first = slot(&lab, 1);
    rename(&mut lab, first, "x", None);
    assert_eq!(
        lab.said(one),
        "<quit aid=\"nick1\" />|<login aid=\"x\" name=\"New\" />|<identify aid=\"x\" name=\"New\" />|"
    );
    assert_eq!(lab.said(two), "<nickchanged aid=\"nick1\" to=\"x\" />|");
    lab.text.clear();

    assert_eq!(rename(&mut lab, second, "nick3", None), None, "it is taken");
    assert!(lab.text.is_empty());
    lab.send(one, "MSG zoé hi\0MSG nick2 hi\0");
    assert!(
        lab.said(one)
            .ends_with("|<error value=\"User is already left.\"/>|")
    );
    assert!(lab.said(two).contains("<msg aid=\"x\""));
}

#[test]
fn without_presence_only_the_renamed_client_is_notified() {
    let (mut lab, [one, two, three]) = crowd(Config {
        presence: Presence::Off,
        ..Config::default()
    });
    let (first, second) = (slot(&lab, 1), slot(&lab, 2));
    rename(&mut lab, second, "zoé", None);
    assert_eq!(lab.said(two), "<nickchanged aid=\"nick2\" to=\"zoé\" />|");
    rename(&mut lab, first, "x", None);
    assert!(
        lab.said(one)
            .ends_with("<identify aid=\"x\" name=\"New\" />|")
    );
    assert_eq!(
        (lab.said(two), lab.said(three)),
        (String::new(), String::new())
    );
}

fn renamed(number: i64, nick: &str) -> Member {
    Member {
        nick: Arc::from(nick),
        ..member(number)
    }
}

fn from_outside(lab: &mut Lab, number: i64, nick: &str) {
    let event = MemberEvent::Renamed(renamed(number, nick));
    lab.handle(Input::Member(event));
}

/// The members that a client of 2007 sees, by the logins and quits that it gets.
fn seen(said: &str, nicks: &mut std::collections::BTreeSet<String>) {
    for element in said.split('|') {
        let nick = element.split('"').nth(1).unwrap_or_default();
        if element.starts_with("<login ") {
            assert!(nicks.insert(nick.into()), "{nick} comes twice");
        } else if element.starts_with("<quit ") {
            assert!(nicks.remove(nick), "{nick} leaves twice");
        }
    }
}

#[test]
fn members_that_swap_nicks_stay() {
    let (mut lab, [one, two, three]) = crowd(Config::default());
    let mut nicks = [1, 2, 3].map(|n| std::format!("nick{n}")).into();
    from_outside(&mut lab, 2, "nick3");
    assert!(lab.text.is_empty(), "it waits for the nick of the third");
    from_outside(&mut lab, 3, "nick2");
    seen(&lab.said(one), &mut nicks);
    assert_eq!(nicks, [1, 2, 3].map(|n| std::format!("nick{n}")).into());
    // One of them has another nick for a moment, so that there are never two of one nick.
    let changed = "<nickchanged aid=\"nick3\" to=\"~\" />|<nickchanged aid=\"nick2\" to=\"nick3\" />|\
         <nickchanged aid=\"~\" to=\"nick2\" />|";
    assert_eq!(lab.said(two), changed);
    assert_eq!(lab.said(three), changed);
    lab.send(one, "MSG nick3 hi\0");
    assert!(lab.said(two).contains("<msg ") && lab.said(three).is_empty());
    assert_eq!(lab.count(|action| matches!(action, Action::Finish(_))), 0);
    let notes = |action: &Action| matches!(action, Action::Note(note) if matches!(note.what, What::Nick { .. }));
    assert_eq!(lab.count(notes), 2);
}

#[test]
fn a_chain_of_nicks_moves_once_its_end_is_free() {
    let (mut lab, [one, two, three]) = crowd(Config::default());
    from_outside(&mut lab, 1, "nick2");
    from_outside(&mut lab, 2, "nick3");
    assert!(lab.text.is_empty());
    lab.send(three, "QUIT\0");
    assert_eq!(
        lab.said(two),
        "<quit aid=\"nick3\" />|<nickchanged aid=\"nick2\" to=\"nick3\" />|\
         <nickchanged aid=\"nick1\" to=\"nick2\" />|"
    );
    assert!(
        lab.said(one)
            .ends_with("<identify aid=\"nick2\" name=\"Name\" />|")
    );
}

#[test]
fn a_member_is_logged_out_if_its_nick_went_to_another() {
    let (mut lab, [one, two, _]) = crowd(Config::default());
    from_outside(&mut lab, 1, "nick2");
    lab.wait(1999);
    assert!(lab.said(two).is_empty());
    lab.wait(1);
    assert_eq!(lab.count(|action| *action == Action::Finish(two)), 1);
    let said = lab.said(one);
    assert!(said.starts_with("<quit aid=\"nick2\" />|<quit aid=\"nick1\" />|<login aid=\"nick2\""));
    // Two who wait in a cycle that is too long to be seen, or for one who is renamed again.
    from_outside(&mut lab, 1, "nick3");
    from_outside(&mut lab, 1, "free");
    assert!(
        lab.said(one)
            .ends_with("<identify aid=\"free\" name=\"Name\" />|")
    );
    lab.wait(5000);
    assert_eq!(lab.count(|action| matches!(action, Action::Finish(_))), 1);
}

#[test]
fn a_login_under_way_finds_its_member_renamed() {
    let mut lab = Lab::new(unlimited());
    let early = prepared(&mut lab, "IDENTIFY nick1 x\0");
    let ticket = lab.ticket();
    from_outside(&mut lab, 1, "zoé");
    // Found before the change.
    lab.handle(Input::Answer(ticket, Answer::Member(member(1))));
    assert!(
        lab.said(early)
            .ends_with("<identify aid=\"zoé\" name=\"Name\" />|")
    );

    // An answer that knows more than the gateway does.
    let late = prepared(&mut lab, "IDENTIFY 1 x\0");
    let found = Answer::Member(renamed(1, "zoë"));
    lab.handle(Input::Answer(lab.ticket(), found));
    assert_eq!(lab.said(late), "<error value=\"Already online.\"/>|");
    assert!(
        lab.said(early)
            .ends_with("<identify aid=\"zoë\" name=\"Name\" />|")
    );
    from_outside(&mut lab, 1, "zoë");
    assert!(lab.said(early).is_empty(), "that is known");
}

#[test]
fn a_newcomer_that_waits_takes_the_new_nick_over() {
    let mut lab = Lab::new(unlimited());
    let old = upgraded(&mut lab, &[]);
    lab.send(old, frame(1, "IDENTIFY 1 x"));
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(member(1))));
    let newcomer = prepared(&mut lab, "IDENTIFY 1 x\0");
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(member(1))));
    from_outside(&mut lab, 1, "zoé");
    lab.wait(3000);
    assert_eq!(
        lab.said(newcomer),
        "<identify aid=\"zoé\" name=\"Name\" />|"
    );
}

#[test]
fn a_change_is_made_though_its_client_has_left() {
    let (mut lab, [one, two, _]) = crowd(unlimited());
    lab.send(two, "NICK zoé\0LIST\0");
    let asked = lab.ticket();
    lab.handle(Input::Gone(two, Cause::Reset));
    lab.text.clear();
    let again = lab.log_in(2);
    lab.text.clear();
    lab.handle(Input::Answer(asked, Answer::Renamed(renamed(2, "zoé"))));
    assert!(
        lab.said(one)
            .starts_with("<quit aid=\"nick2\" />|<login aid=\"zoé\"")
    );
    assert!(
        lab.said(again)
            .ends_with("<identify aid=\"zoé\" name=\"Name\" />|")
    );
    // The store's own event follows.
    lab.text.clear();
    from_outside(&mut lab, 2, "zoé");
    assert!(lab.text.is_empty());
    // The wait is the member's, not the connection's.
    lab.send(again, "NICK zoë\0");
    assert_eq!(
        lab.said(again),
        "<error value=\"Please try again later.\"/>|"
    );
    lab.wait(60_000);
    lab.send(again, "NICK zoë\0");
    assert!(lab.said(again).is_empty(), "the store is asked");
}

#[test]
fn changes_are_remembered_within_bounds() {
    let mut config = unlimited();
    config.limits.nick_waits = 1;
    let (mut lab, [_, two, three]) = crowd(config);
    for (conn, number) in [(two, 2), (three, 3)] {
        lab.send(conn, "NICK new\0");
        let done = Answer::Renamed(renamed(number, &std::format!("new{number}")));
        lab.handle(Input::Answer(lab.ticket(), done));
    }
    lab.text.clear();
    lab.send(two, "NICK new\0");
    lab.send(three, "NICK new\0");
    assert!(lab.said(two).is_empty(), "the oldest change is forgotten");
    assert!(lab.said(three).contains("later"));
}

#[test]
fn a_store_may_give_one_nick_to_two_members() {
    let (mut lab, [one, two, three]) = crowd(Config::default());
    from_outside(&mut lab, 1, "nick3");
    from_outside(&mut lab, 2, "nick3");
    assert!(lab.text.is_empty());
    from_outside(&mut lab, 3, "nick1");
    lab.wait(10_000);
    // The second was the last to get it. The third, of which the store has said so, is out.
    lab.send(two, "LIST\0");
    let list = "<nicklist><nick aid=\"nick1\" name=\"Name\" /><nick aid=\"nick3\" name=\"Name\" /></nicklist>|";
    assert!(lab.said(two).ends_with(list));
    for id in [one, two, three] {
        lab.handle(Input::Gone(id, Cause::Reset));
    }
    lab.gateway.assert_settled();
}
