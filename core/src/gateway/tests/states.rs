//! Every state of a connection against every input.

use super::*;
use crate::chunk::Message;

/// Brings a fresh connection into a state.
type Prepare = fn(&mut Lab) -> ConnId;

/// Does something to it.
type Act = fn(&mut Lab, ConnId);

const STATES: &[(&str, Prepare)] = &[
    ("silent", |lab| lab.accept()),
    ("sniffing", |lab| prepared(lab, "<poli")),
    ("unterminated policy request", |lab| {
        prepared(lab, "<policy-file-request/>")
    }),
    ("http head", |lab| prepared(lab, "GET / HTTP/1.1\r\nHo")),
    ("http answered", |lab| {
        prepared(lab, "GET / HTTP/1.0\r\n\r\n")
    }),
    ("chat", |lab| prepared(lab, "\0")),
    ("half a command", |lab| prepared(lab, "LI")),
    ("skipping", |lab| prepared(lab, &"x".repeat(9000))),
    ("waiting for the store", |lab| {
        prepared(lab, "IDENTIFY 1 x\0PING 1\0")
    }),
    ("refused in a moment", |lab| {
        let id = prepared(lab, "IDENTIFY 1 x\0PING 1\0");
        lab.handle(Input::Answer(
            lab.ticket(),
            Answer::Denied(Denial::WrongPassword, None),
        ));
        id
    }),
    ("throttled", |lab| {
        let id = prepared(
            lab,
            "IDENTIFY 1 x\0IDENTIFY 1 x\0IDENTIFY 1 x\0IDENTIFY 1 x\0PING 1\0",
        );
        for _ in 0..3 {
            lab.handle(Input::Answer(
                lab.ticket(),
                Answer::Denied(Denial::WrongPassword, None),
            ));
            lab.wait(300);
        }
        id
    }),
    ("over its rate", |lab| {
        let mut config = unlimited();
        (config.limits.rate, config.limits.burst) = (NonZeroU32::new(1), 1);
        lab.handle(Input::Configure(Arc::new(config)));
        prepared(lab, "PING 1\0PING 2\0PING 3\0")
    }),
    ("its answers wait", |lab| {
        let mut config = unlimited();
        config.limits.own_backlog = 10;
        lab.handle(Input::Configure(Arc::new(config)));
        prepared(lab, "PING 1\0PING 2\0PING 3\0")
    }),
    ("upgraded", |lab| upgraded(lab, &[])),
    ("half a frame", |lab| {
        upgraded(lab, &[b"\x82\x85\0\0\0\0LI"])
    }),
    ("half a message", |lab| {
        upgraded(lab, &[b"\x01\x82\0\0\0\0LI"])
    }),
    ("a WebSocket waits for the store", |lab| {
        let frames = [frame(2, "IDENTIFY 1 x\0PING 1"), frame(9, "")];
        upgraded(lab, &[&frames[0], &frames[1]])
    }),
    ("a WebSocket's last command waits", |lab| {
        let frames = [frame(2, "IDENTIFY 1 x"), frame(8, "")];
        upgraded(lab, &[&frames[0], &frames[1]])
    }),
    ("a text waits for the store", |lab| {
        let frames = [frame(1, "IDENTIFY 1 x"), frame(1, "PING 1")];
        upgraded(lab, &[&frames[0], &frames[1]])
    }),
    ("a WebSocket's pongs wait", |lab| {
        let mut config = unlimited();
        config.limits.own_backlog = 10;
        lab.handle(Input::Configure(Arc::new(config)));
        let pings = frame(9, "").repeat(30);
        upgraded(lab, &[&pings, &frame(1, "PING 1")])
    }),
    ("a WebSocket online, whose pongs wait", |lab| {
        let id = upgraded(lab, &[&frame(2, "IDENTIFY 1 x\0")]);
        lab.handle(Input::Answer(lab.ticket(), Answer::Member(member(1))));
        lab.send(id, frame(9, "").repeat(1000));
        id
    }),
    ("a WebSocket broke a rule", |lab| upgraded(lab, &[b"\xff"])),
    ("online", |lab| lab.log_in(1)),
    ("finishing", |lab| prepared(lab, "QUIT\0")),
    ("closing", |lab| {
        let id = prepared(lab, "QUIT\0");
        lab.handle(Input::Eof(id));
        id
    }),
    ("aborted", |lab| {
        let id = lab.log_in(1);
        lab.gateway.tell(id, &Message::new("ab\0"));
        lab.handle(Input::Backlog(id, 2 << 20));
        id
    }),
];

#[test]
fn every_state_takes_every_input() {
    let inputs: &[(&str, Act)] = &[
        ("nothing", |_, _| {}),
        ("bytes", |lab, id| {
            lab.send(id, "MSG nick1 x\0\r\n\u{7f}<>GET / HTTP/1.0\r\n\r\n")
        }),
        ("no bytes", |lab, id| lab.send(id, "")),
        ("eof", |lab, id| lab.handle(Input::Eof(id))),
        ("eof and bytes", |lab, id| {
            lab.handle(Input::Eof(id));
            lab.send(id, "PING late\0");
        }),
        ("no backlog", |lab, id| lab.handle(Input::Backlog(id, 0))),
        ("backlog", |lab, id| {
            lab.handle(Input::Backlog(id, usize::MAX))
        }),
        ("denied", |lab, _| {
            lab.handle(Input::Answer(
                Ticket(0),
                Answer::Denied(Denial::WrongPassword, None),
            ))
        }),
        ("somebody", |lab, _| {
            lab.handle(Input::Answer(Ticket(0), Answer::Member(member(1))))
        }),
        ("disabled", |lab, _| {
            lab.handle(Input::Member(MemberEvent::Disabled(MemberId(1))))
        }),
        ("configure", |lab, _| {
            lab.handle(Input::Configure(Arc::new(unlimited())))
        }),
        ("a second", |lab, _| lab.wait(1000)),
        ("a minute, a second at a time", |lab, _| {
            (0..60).for_each(|_| lab.wait(1000))
        }),
        ("for ever", |lab, _| lab.wait(u64::MAX)),
        ("clock leaps back", |lab, _| {
            lab.now.mono = Millis(0);
            lab.now.utc = UnixSeconds(i64::MIN);
            lab.handle(Input::Timeout);
        }),
        ("shutdown", |lab, _| lab.handle(Input::Shutdown)),
    ];
    for (state, prepare) in STATES {
        for (input, act) in inputs {
            for cause in [Cause::Closed, Cause::Reset, Cause::TimedOut] {
                std::eprintln!("{state}, {input}, {cause:?}");
                let mut lab = Lab::new(unlimited());
                let id = prepare(&mut lab);
                act(&mut lab, id);
                lab.handle(Input::Gone(id, cause));
                for _ in 0..10 {
                    lab.wait(20_000);
                }
                lab.gateway.assert_settled();
                let ends = |a: &Action| matches!(a, Action::Note(note) if matches!(note.what, What::Closed { .. }));
                let begins = |a: &Action| matches!(a, Action::Note(note) if matches!(note.what, What::Connected { .. }));
                assert_eq!(
                    lab.count(begins),
                    lab.count(ends),
                    "every chat that began has ended, once"
                );
            }
        }
    }
}
