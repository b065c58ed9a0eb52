//! Requests for administration in the fuzzer's world, and the host's answers.

use std::sync::Arc;

use flashgate_core::{AdminAnswer, AdminOrder, AdminPage, AdminTexts, Answer, Millis, Unavailable};

/// A request that is complete, incomplete, too large or refused.
pub(super) fn request(byte: u8) -> &'static [u8] {
    REQUESTS[usize::from(byte) % REQUESTS.len()]
}

/// Any order, or no answer at all.
pub(super) fn answer(byte: u8) -> Answer {
    let text = |text: &str| Arc::from(text);
    let page = AdminPage {
        after: (byte & 0x20 != 0).then(|| text("alice")),
        limit: usize::from(byte >> 6),
    };
    let order = match byte % 16 {
        0 => AdminOrder::Json {
            status: if byte & 0x20 == 0 { 200 } else { 999 },
            body: String::from("{}"),
        },
        1 => AdminOrder::Problem {
            status: 405,
            detail: String::from("no \"such\" method"),
            allow: Some("GET"),
        },
        2 => AdminOrder::Status {
            version: text("1.0"),
        },
        3 => AdminOrder::Metrics,
        4 => AdminOrder::Clients(page),
        5 => AdminOrder::Rooms(page),
        6 | 7 => AdminOrder::Kick {
            nick: text(["alice", "bob", "zero", "~x"][usize::from(byte >> 6)]),
            reason: (byte & 0x20 != 0).then(|| text("<&>")),
        },
        8 => AdminOrder::Announce {
            text: text("Hello <all>"),
            room: (byte & 0x20 != 0).then(|| text("#a")),
        },
        9 => AdminOrder::Send {
            from: text("site"),
            to: text("alice"),
            text: text("hi"),
        },
        10..=12 => AdminOrder::Events(match byte & 0x20 {
            0 => AdminTexts::Hidden,
            _ => AdminTexts::Shown,
        }),
        13 => AdminOrder::Drain {
            within: Millis(u64::from(byte >> 5) * 1000),
            text: text("The server stops."),
        },
        _ => return Answer::Unavailable(Unavailable::Failed),
    };
    Answer::Admin(Box::new(AdminAnswer {
        by: (byte & 0x40 != 0).then(|| text("site")),
        about: None,
        order,
    }))
}

const REQUESTS: [&[u8]; 8] = [
    b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n",
    b"POST /v1/drain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/announce HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 64\r\n\r\n{",
    b"POST /v1/announce HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 65\r\n\r\n",
    b"HEAD /metrics HTTP/1.0\r\nAuthorization: Bearer x\r\n\r\n",
    b"GET /v1/clients HTTP/1.0\r\n\r\n",
    b"GET /v1/rooms HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAuthorization: Bearer x\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nExpect: 100-continue\r\n\r\n",
];
