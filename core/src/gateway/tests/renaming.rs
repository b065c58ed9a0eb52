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
