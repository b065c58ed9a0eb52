//! Decisions at their exact bounds, and in their exact order.

use core::num::NonZeroU32;

use super::*;

#[test]
fn own_answers_may_fill_the_room_exactly() {
    let mut config = unlimited();
    config.limits.own_backlog = PONG;
    let mut lab = Lab::new(config);
    let id = prepared(&mut lab, "PING 1\0PING 2\0PING 3\0");
    let pong = |n| std::format!("<pong value=\"{n}\"/>|");
    assert_eq!(lab.said(id), [pong(1), pong(2)].concat());
    lab.handle(Input::Backlog(id, PONG + 1));
    assert_eq!(lab.said(id), "");
    lab.handle(Input::Backlog(id, PONG));
    assert_eq!(lab.said(id), pong(3));
}

/// Memory of a pong of 18 bytes.
const PONG: usize = 96;

#[test]
fn a_long_answer_holds_back_the_next_command_to_its_last_byte() {
    let mut config = unlimited();
    config.limits.own_backlog = 200;
    let mut lab = Lab::new(config);
    let (id, other) = (lab.log_in(1), lab.log_in(2));
    lab.handle(Input::Backlog(id, 0));
    lab.handle(Input::Backlog(other, 0));
    lab.send(id, std::format!("PING {}\0PING 2\0", "y".repeat(200)));
    lab.said(id);
    lab.send(other, "MSG nick1 x\0");
    lab.said(id);
    // The message takes 144: with one byte of the answer the limit is far.
    lab.handle(Input::Backlog(id, 145));
    assert_eq!(lab.said(id), "");
    lab.handle(Input::Backlog(id, 144));
    assert_eq!(lab.said(id), "<pong value=\"2\"/>|");
}

#[test]
fn ones_own_login_is_an_answer() {
    let mut config = unlimited();
    config.limits.backlog = 10;
    let mut lab = Lab::new(config);
    let id = lab.log_in(1);
    lab.handle(Input::Backlog(id, 70));
    assert_eq!(lab.count(|action| *action == Action::Abort(id)), 0);
}

#[test]
fn a_command_that_is_too_long_counts_against_the_rate() {
    let mut config = unlimited();
    (config.limits.rate, config.limits.burst) = (NonZeroU32::new(1), 1);
    config.limits.command = 10;
    let mut lab = Lab::new(config);
    let id = prepared(&mut lab, "01234567890\0PING 1\0");
    assert_eq!(lab.said(id), "<error value=\"Message too long.\"/>|");
    // And a KiB's part for its terminator.
    lab.wait(1000);
    assert_eq!(lab.said(id), "");
    lab.wait(1);
    assert_eq!(lab.said(id), "<pong value=\"1\"/>|");
}

#[test]
fn the_sender_is_written_to_first() {
    let mut lab = Lab::new(unlimited());
    let (a, b) = (lab.log_in(1), lab.log_in(2));
    lab.gateway
        .handle(lab.now, Input::Bytes(b, b"MSG nick1 hi\0"));
    let to = |action| match action {
        Some(Action::Write(id, _)) => Some(id),
        _ => None,
    };
    assert_eq!(to(lab.gateway.poll()), Some(b));
    assert_eq!(to(lab.gateway.poll()), Some(a));
}

#[test]
fn another_member_of_the_same_nick_takes_nothing_over() {
    let mut lab = Lab::new(Config {
        duplicates: OnDuplicate::Replace,
        ..unlimited()
    });
    lab.log_in(1);
    let other = prepared(&mut lab, "IDENTIFY 2 x\0");
    let answer = Member {
        id: MemberId(2),
        ..member(1)
    };
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(answer)));
    assert_eq!(lab.said(other), "<error value=\"Already online.\"/>|");
}

#[test]
fn a_takeover_shows_the_name_as_it_is_now() {
    let mut lab = Lab::new(Config {
        duplicates: OnDuplicate::Replace,
        ..unlimited()
    });
    let old = lab.log_in(1);
    lab.send(old, "LIST\0");
    let new = prepared(&mut lab, "IDENTIFY 1 x\0");
    let renamed = Member {
        name: Arc::from("Other"),
        ..member(1)
    };
    lab.handle(Input::Answer(lab.ticket(), Answer::Member(renamed)));
    lab.said(new);
    lab.send(new, "LIST\0");
    assert_eq!(
        lab.said(new),
        "<nicklist><nick aid=\"nick1\" name=\"Other\" /></nicklist>|"
    );
}

#[test]
fn ten_seconds_for_a_request_count_from_its_first_byte() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "G");
    lab.wait(9000);
    lab.send(id, "ET / HT");
    lab.wait(999);
    assert_eq!(lab.said(id), "");
    lab.wait(1);
    assert!(lab.said(id).starts_with("HTTP/1.1 408 "));
}

#[test]
fn half_a_terminator_is_no_silence_after_a_policy_request() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "<policy-file-request/>");
    lab.wait(400);
    lab.send(id, "\r");
    lab.wait(5000);
    assert_eq!(lab.said(id), "");
    lab.send(id, "\n");
    assert!(lab.said(id).ends_with("</cross-domain-policy>|"));
}

#[test]
fn a_head_may_be_as_long_as_it_may_be() {
    let mut config = unlimited();
    config.limits.head = 40;
    let mut lab = Lab::new(config);
    let id = prepared(&mut lab, &std::format!("GET /{}", "x".repeat(35)));
    assert_eq!(lab.said(id), "");
    lab.send(id, "x");
    assert!(lab.said(id).starts_with("HTTP/1.1 431 "));
}

#[test]
fn a_lookup_without_an_answer_is_counted() {
    let mut lab = Lab::new(unlimited());
    prepared(&mut lab, "IDENTIFY 1 x\0");
    lab.wait(10_000);
    let web = prepared(&mut lab, "GET /metrics HTTP/1.0\r\n\r\n");
    let metrics = lab.said(web);
    assert!(metrics.contains("flashgate_logins_total{outcome=\"unavailable\"} 1\n"));
}

#[test]
fn a_member_who_was_changed_meanwhile_is_not_let_in() {
    for event in [MemberEvent::Disabled, MemberEvent::Removed] {
        let mut lab = Lab::new(unlimited());
        let id = prepared(&mut lab, "IDENTIFY 1 x\0");
        let before = lab.ticket();
        lab.handle(Input::Member(event(MemberId(1))));
        let other = prepared(&mut lab, "IDENTIFY 1 x\0");
        let after = lab.ticket();
        lab.handle(Input::Answer(before, Answer::Member(member(1))));
        let why = |why| move |action: &Action| matches!(action, Action::Note(note) if matches!(note.what, What::LoginFailed { why: w, .. } if w == why));
        assert_eq!(lab.count(why(Denial::Changed)), 1);
        lab.wait(300);
        assert_eq!(lab.said(id), "<error value=\"Identification failed.\"/>|");
        lab.handle(Input::Answer(after, Answer::Member(member(1))));
        assert!(
            lab.said(other).contains("<identify "),
            "who asks afterwards is"
        );
    }
}

#[test]
fn whoever_waits_for_its_address_is_asked_for_in_spite_of_new_settings() {
    for leaves in [false, true] {
        let mut lab = Lab::new(unlimited());
        let peer = "127.0.0.1:1".parse().unwrap();
        let origin = Accepted {
            listener: ListenerId(0),
            peer,
            user: None,
        };
        let id = lab.gateway.accept(lab.now, origin).unwrap();
        for _ in 0..3 {
            lab.send(id, "IDENTIFY 1 x\0");
            lab.handle(Input::Answer(
                lab.ticket(),
                Answer::Denied(Denial::WrongPassword, None),
            ));
            lab.wait(300);
        }
        lab.send(id, "IDENTIFY 1 x\0");
        let exempt = Config {
            loopback: Loopback::Exempt,
            ..unlimited()
        };
        lab.handle(Input::Configure(Arc::new(exempt)));
        if leaves {
            lab.handle(Input::Gone(id, Cause::Reset));
            lab.gateway.assert_settled();
        } else {
            lab.wait(700);
            let asked = lab.count(|action| matches!(action, Action::Lookup(..)));
            assert_eq!(asked, 4);
        }
    }
}

#[test]
fn a_runtime_that_lies_about_its_backlog_breaks_nothing() {
    let mut lab = Lab::new(unlimited());
    let id = lab.accept();
    lab.handle(Input::Backlog(id, usize::MAX));
    lab.send(id, "<policy-file-request/>\0");
    assert!(lab.said(id).ends_with("</cross-domain-policy>|"));
}

#[test]
fn a_byte_that_is_left_does_not_hold_the_room_of_all_that_came() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "\0");
    lab.send(id, "x".repeat(8000));
    lab.send(id, ["\0".repeat(MAX_READ - 1).as_str(), "x"].concat());
    let inbox = &lab.gateway.conns.get(id).unwrap().inbox;
    assert_eq!(inbox.bytes().len(), 1);
    assert!(inbox.capacity() < 64, "{}", inbox.capacity());
}

#[test]
fn who_asks_for_pongs_and_reads_none_costs_little() {
    let mut lab = Lab::new(unlimited());
    let id = upgraded(&mut lab, &[&frame(9, "").repeat(2000)]);
    let pongs = lab.said(id).chars().filter(|c| *c == '\u{fffd}').count();
    // Chunks, of which each takes many times the two bytes it holds.
    assert_eq!(pongs, 64 * 1024 / EMPTY_PONG + 1);
    assert_eq!(lab.count(|action| *action == Action::Pause(id)), 1);
    lab.handle(Input::Backlog(id, 0));
    assert!(!lab.said(id).is_empty());
}

#[test]
fn pongs_fill_their_room_exactly() {
    let mut config = unlimited();
    config.limits.own_backlog = EMPTY_PONG;
    let mut lab = Lab::new(config);
    let id = upgraded(&mut lab, &[&frame(9, "").repeat(10)]);
    let pongs = |said: String| said.chars().filter(|c| *c == '\u{fffd}').count();
    // The second is begun behind one, the third would be behind two.
    assert_eq!(pongs(lab.said(id)), 2);
    lab.handle(Input::Backlog(id, EMPTY_PONG + 1));
    assert_eq!(pongs(lab.said(id)), 0);
    lab.handle(Input::Backlog(id, EMPTY_PONG));
    assert_eq!(pongs(lab.said(id)), 1);
}

/// Memory of a WebSocket's pong without a payload.
const EMPTY_PONG: usize = 80;

#[test]
fn a_runtime_may_read_on_for_so_long() {
    let mut config = unlimited();
    config.limits.command = "IDENTIFY 1 x".len();
    let mut lab = Lab::new(config);
    let id = prepared(&mut lab, "IDENTIFY 1 x\0P");
    assert_eq!(lab.count(|action| *action == Action::Pause(id)), 1);
    lab.send(id, [b'x'; MAX_READ]);
    lab.send(id, [b'x'; MAX_READ]);
    lab.send(id, [b'x'; 11]);
    let cut_off = |lab: &Lab| lab.count(|action| *action == Action::Abort(id));
    // A command and two reads wait: one more may come, and is the last.
    lab.send(id, "x");
    assert_eq!(cut_off(&lab), 0);
    lab.send(id, "x");
    assert_eq!(cut_off(&lab), 1);
}

#[test]
fn a_websocket_is_given_up_unless_we_were_away() {
    for (away, given_up) in [(74_999, 0), (75_000, 1), (79_999, 1), (80_000, 0)] {
        let mut lab = Lab::new(unlimited());
        let id = upgraded(&mut lab, &[]);
        lab.wait(away);
        let aborts = lab.count(|action| *action == Action::Abort(id));
        assert_eq!(aborts, given_up, "{away}");
    }
}

#[test]
fn what_was_searched_is_not_searched_again() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "\0");
    lab.send(id, "x".repeat(70));
    lab.send(id, "x".repeat(7));
    let chat = lab.gateway.conns.get_mut(id).and_then(|conn| conn.chat());
    let framer = std::format!("{:?}", chat.unwrap().framer);
    assert!(framer.contains("searched: 77 "), "{framer}");
}
