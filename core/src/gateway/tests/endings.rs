//! How each kind of connection is ended: half-closed, closed or cut off.

use super::*;
use crate::chunk::Message;

/// How often each kind of end was said for a connection: Finish, Close, Abort.
fn ends(lab: &Lab, id: ConnId) -> (usize, usize, usize) {
    (
        lab.count(|action| *action == Action::Finish(id)),
        lab.count(|action| *action == Action::Close(id)),
        lab.count(|action| *action == Action::Abort(id)),
    )
}

#[test]
fn a_client_may_read_what_was_sent_before_the_end() {
    let mut config = unlimited();
    config.limits.throttle.after = u8::MAX;
    let mut lab = Lab::new(config);
    let quit = prepared(&mut lab, "QUIT\0");
    assert_eq!(ends(&lab, quit), (1, 0, 0));
    lab.handle(Input::Backlog(quit, 0));
    lab.wait(1999);
    assert_eq!(ends(&lab, quit), (1, 0, 0));
    lab.wait(1);
    assert_eq!(
        ends(&lab, quit),
        (1, 1, 0),
        "two seconds after all was read"
    );

    let failed = prepared(&mut lab, "");
    for _ in 0..5 {
        lab.send(failed, "IDENTIFY 1 x\0");
        lab.handle(Input::Answer(
            lab.ticket(),
            Answer::Denied(Denial::WrongPassword, None),
        ));
        lab.wait(300);
    }
    assert_eq!(ends(&lab, failed), (1, 0, 0), "five failed logins");
}

#[test]
fn tls_is_closed_without_a_word() {
    let mut lab = Lab::new(unlimited());
    let tls = prepared(&mut lab, "\x16\x03\x01");
    assert_eq!((ends(&lab, tls), lab.said(tls)), ((0, 1, 0), String::new()));
}

#[test]
fn a_peer_that_has_closed_its_side_is_closed_at_once() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "GET /healthz HTTP/1.0\r\n");
    lab.handle(Input::Eof(id));
    assert_eq!(ends(&lab, id), (0, 1, 0), "400, and nothing more can come");

    let later = prepared(&mut lab, "QUIT\0");
    lab.handle(Input::Eof(later));
    assert_eq!(ends(&lab, later), (1, 1, 0));
}

#[test]
fn a_closed_peer_that_takes_nothing_is_cut_off() {
    let mut lab = Lab::new(unlimited());
    let id = lab.log_in(1);
    lab.handle(Input::Backlog(id, 50));
    lab.handle(Input::Eof(id));
    lab.wait(4999);
    assert_eq!(ends(&lab, id), (0, 1, 0));
    // Progress earns another five seconds.
    lab.handle(Input::Backlog(id, 40));
    lab.wait(4999);
    assert_eq!(ends(&lab, id), (0, 1, 0));
    lab.wait(1);
    assert_eq!(ends(&lab, id), (0, 1, 1));
}

#[test]
fn a_half_closed_client_that_does_not_read_its_answers_is_cut_off() {
    let mut config = unlimited();
    config.limits.own_backlog = 10;
    let mut lab = Lab::new(config);
    let id = lab.log_in(1);
    lab.handle(Input::Backlog(id, 60));
    lab.send(id, "PING 1\0PING 2\0");
    lab.handle(Input::Eof(id));
    lab.wait(4999);
    lab.handle(Input::Backlog(id, 50));
    lab.wait(4999);
    assert_eq!(ends(&lab, id), (0, 0, 0), "it has read something");
    lab.wait(1);
    assert_eq!(ends(&lab, id), (0, 0, 1));
    assert_eq!(lab.gateway.hub.len(), 0);
}

#[test]
fn a_half_closed_websocket_that_does_not_read_its_pongs_is_cut_off() {
    let mut lab = Lab::new(unlimited());
    let id = upgraded(&mut lab, &[&frame(2, "IDENTIFY 1 x\0")]);
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(member(1))));
    lab.send(id, frame(9, "").repeat(1000));
    lab.handle(Input::Eof(id));
    lab.wait(4999);
    lab.handle(Input::Backlog(id, 64 * 1024 + 1));
    lab.wait(4999);
    assert_eq!(ends(&lab, id), (0, 0, 0), "it has read something");
    lab.wait(1);
    assert_eq!(ends(&lab, id), (0, 0, 1));
    assert_eq!(lab.gateway.hub.len(), 0);
}

#[test]
fn http_waits_longer_for_a_body_to_be_taken() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "GET /metrics HTTP/1.0\r\n\r\n");
    lab.handle(Input::Backlog(id, 100));
    lab.wait(29_999);
    assert_eq!(ends(&lab, id), (1, 0, 0));
    lab.wait(1);
    assert_eq!(ends(&lab, id), (1, 0, 1));
}

#[test]
fn what_comes_after_the_end_of_the_stream_is_not_taken() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "IDENTIFY 1 x\0");
    lab.handle(Input::Eof(id));
    lab.send(id, "PING late\0");
    lab.handle(Input::Answer(
        lab.ticket(),
        Answer::Unavailable(Unavailable::Busy),
    ));
    assert_eq!(lab.said(id), "<error value=\"Please try again later.\"/>|");
    assert_eq!(ends(&lab, id), (0, 1, 0));
}

#[test]
fn nobody_begins_to_chat_during_a_stop() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "GET");
    lab.handle(Input::Shutdown);
    lab.send(id, "X\0");
    assert_eq!((ends(&lab, id), lab.said(id)), ((0, 1, 0), String::new()));
    assert_eq!(
        lab.count(|action| matches!(action, Action::Note(note) if matches!(note.what, What::Connected { .. }))),
        0
    );
}

#[test]
fn what_comes_after_a_close_is_not_kept() {
    let mut lab = Lab::new(unlimited());
    let id = upgraded(&mut lab, &[&frame(2, "IDENTIFY 1 x"), &frame(8, "")]);
    lab.send(id, frame(2, "").repeat(1000));
    assert_eq!(lab.count(|action| *action == Action::Pause(id)), 0);
    assert_eq!(lab.gateway.conns.get(id).unwrap().inbox.capacity(), 0);
}

#[test]
fn a_websocket_that_gets_many_messages_is_pinged_all_the_same() {
    let mut lab = Lab::new(unlimited());
    let id = upgraded(&mut lab, &[&frame(1, "IDENTIFY 1 x")]);
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(member(1))));
    lab.handle(Input::Backlog(id, 0));
    for _ in 0..10 {
        lab.said(id);
        // Whenever a ping is due, something is on its way just then, and is taken at once.
        lab.gateway.tell(id, &Message::new("ab\0"));
        lab.wait(25_000);
        lab.handle(Input::Backlog(id, 0));
        lab.handle(Input::Backlog(id, 0));
        assert_eq!(lab.said(id), "\u{fffd}\u{2}ab\u{fffd}|", "one ping");
        lab.send(id, frame(10, ""));
    }
    assert_eq!(ends(&lab, id), (0, 0, 0));
}

#[test]
fn a_client_that_is_kicked_while_it_is_paused_is_read_again() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "IDENTIFY 1 x\0");
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(member(1))));
    lab.handle(Input::Backlog(id, 64 * 1024 + 1));
    lab.send(id, "PING waits\0");
    assert_eq!(lab.count(|action| *action == Action::Pause(id)), 1);
    let member = crate::member::Login::Id(MemberId(1));
    lab.handle(Input::Kick {
        member,
        reason: None,
    });
    assert_eq!(ends(&lab, id), (1, 0, 0));
    // Its end has to be seen.
    assert_eq!(lab.count(|action| *action == Action::Resume(id)), 1);
}
