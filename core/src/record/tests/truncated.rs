//! Recordings without their end, as a server leaves them that was killed.

use core::net::SocketAddr;

use super::*;
use crate::id::ListenerId;
use crate::time::{Millis, UnixSeconds};

#[test]
fn a_recording_may_end_anywhere() {
    let text = sample();
    let mut inputs = 0;
    for end in 0..text.len() {
        let Ok(recording) = Recording::new(&text.as_bytes()[..end], ROOM) else {
            assert!(!text[..end].contains('\n'), "{end}");
            continue;
        };
        let replayed = recording.replay(&Until::End);
        assert_eq!(replayed.ended, Ended::Truncated, "cut at {end}");
        assert!(replayed.inputs >= inputs, "more of it is not less");
        inputs = replayed.inputs;
    }
    assert_eq!(inputs, replay(text).inputs);
}

/// Commands wait here for the rate: in a redacted recording their bytes follow when they are carried out.
#[test]
fn commands_that_wait_may_be_lost() {
    for secrets in [Secrets::Redacted, Secrets::Kept] {
        let text = slowed(secrets);
        assert!(text.contains("\n> pause 0.0\n"), "{text}");
        assert_eq!(replay(&text).ended, Ended::Whole("stop".to_owned()));
        for (end, _) in text.match_indices('\n') {
            let Ok(recording) = Recording::new(&text.as_bytes()[..=end], ROOM) else {
                continue;
            };
            let ended = recording.replay(&Until::End).ended;
            let lost = text[..end].rsplit('\n').next();
            let expected = match lost {
                Some(line) if line.starts_with("end ") => Ended::Whole("stop".to_owned()),
                Some(_) | None => Ended::Truncated,
            };
            assert_eq!(ended, expected, "cut behind {lost:?} of\n{text}");
        }
    }
}

/// What is made up in place of lost bytes excuses only its own connection.
#[test]
fn a_difference_elsewhere_is_found_in_spite_of_lost_commands() {
    let text = slowed(Secrets::Redacted);
    let end = text.rfind("\ntext 0.0 ").unwrap();
    let other = text[..end].rfind("\n> write 1.0 ").unwrap();
    let changed = text[..=end].replacen(
        &text[other..][.."\n> write 1.0 ".len()],
        "\n> write 1.0 9",
        1,
    );
    assert!(
        matches!(replay(&changed).ended, Ended::Different(_)),
        "{changed}"
    );
}

/// One client sends more than its rate allows, on two lines and in two reads; another has time.
fn slowed(secrets: Secrets) -> String {
    let tape = Tape::default();
    let mut config = Config::default();
    (config.limits.rate, config.limits.burst) = (core::num::NonZero::new(1), 1);
    let at = |ms| Now {
        mono: Millis(ms),
        utc: UnixSeconds(1_184_064_842),
        offset: 0,
    };
    let recorder = Some(tape.recorder(secrets));
    let mut gateway = crate::Gateway::observed(Arc::new(config), at(0), recorder);
    let accept = |gateway: &mut crate::Gateway, port| {
        let peer = SocketAddr::from(([192, 0, 2, 1], port)).into();
        let listener = ListenerId(0);
        gateway
            .accept(
                at(1),
                Accepted {
                    listener,
                    peer,
                    user: None,
                },
            )
            .unwrap()
    };
    let (fast, slow) = (accept(&mut gateway, 1), accept(&mut gateway, 2));
    let mut handle = |ms, input: Input<'_>| {
        gateway.handle(at(ms), input);
        while gateway.poll().is_some() {}
    };
    handle(2, Input::Bytes(fast, b"PING one\0PING two\0PI"));
    handle(3, Input::Bytes(slow, b"PING three\0"));
    handle(4, Input::Bytes(fast, b"NG four\0LIST\0"));
    handle(2000, Input::Bytes(slow, b"PING five\0LIS"));
    for ms in [3000, 4000, 5000] {
        handle(ms, Input::Timeout);
    }
    drop(gateway);
    tape.text()
}
