//! The flashgate protocol as a pure state machine: byte events in, actions out.
//!
//! One port answers Flash's socket policy request, serves a few web pages, and carries a chat. This crate decides every byte of that and every close, and moves none: no
//! socket, no clock, no thread, no randomness. The same inputs give the same actions, bit for bit.
//!
//! # The loop
//!
//! The owner of a [`Gateway`] feeds it with [`handle`](Gateway::handle) and carries out what
//! [`poll`](Gateway::poll) returns:
//!
//! ```
//! use flashgate_core::{Accepted, Action, Config, Gateway, Input, ListenerId, Millis, Now};
//! use std::sync::Arc;
//!
//! let at = |ms| Now { mono: Millis(ms), ..Now::default() };
//! let mut gateway = Gateway::new(Arc::new(Config::default()), at(0));
//!
//! let peer = "192.0.2.1:4242".parse().unwrap();
//! let origin = Accepted { listener: ListenerId(0), peer, user: None };
//! let conn = gateway.accept(at(1), origin).unwrap();
//! gateway.handle(at(2), Input::Bytes(conn, b"PING hello\0"));
//!
//! let mut written = Vec::new();
//! while let Some(action) = gateway.poll() {
//!     if let Action::Write(to, chunk) = action {
//!         assert_eq!(to, conn);
//!         written.extend(chunk.to_vec());
//!     }
//! }
//! assert_eq!(written, b"<pong value=\"hello\"/>\0");
//! // A client has ten minutes to log in.
//! assert_eq!(gateway.poll_timeout(), Some(Millis(600_001)));
//! ```
//!
//! # What a runtime does
//!
//! - It calls [`accept`](Gateway::accept) for each connection, [`Input::Bytes`] for what it reads, at
//!   most [`MAX_READ`] at a time, and [`Input::Eof`] once when the peer has closed its sending side.
//!   After `Eof` it reads no more. What it has read may be somebody's password: it wipes its buffer
//!   behind each read, as the core does with all that it keeps of the bytes.
//! - After each input, and before the next, it takes every action from `poll`, in order. An
//!   [`Action::Write`] is appended to a queue for the connection; [`Chunks`] is such a queue. Then it flushes
//!   the queues that have grown, as far as they go without blocking, and reports what is left of each as
//!   [`Input::Backlog`], 0 included. It may put the flush off to the end of a wake-up, but a queue that passes
//!   256 KiB of memory before is flushed at once.
//! - [`Action::Pause`] holds from the moment it is polled: no more bytes until [`Action::Resume`].
//! - [`Action::Finish`] and [`Action::Close`] take effect when the queue before them is written,
//!   [`Action::Abort`] at once. When a connection is no more, by `Close`, `Abort` or an error, the
//!   runtime says [`Input::Gone`], once and last. An error is reported even while reading is paused.
//! - It calls `handle` with [`Input::Timeout`] when [`poll_timeout`](Gateway::poll_timeout) is due.
//! - Answers to [`Action::Lookup`] come back as [`Input::Answer`], in any order, or never.
//! - After [`Input::Shutdown`] it leaves when [`is_empty`](Gateway::is_empty).
//!
//! # The way of a byte
//!
//! `ARCHITECTURE.md`, beside this crate's manifest, follows a message from socket to socket and says what each
//! module holds.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "_testing")]
#[doc(hidden)]
pub mod _testing;
mod admin;
mod chat;
mod chunk;
mod config;
mod conn;
mod event;
mod gateway;
mod host;
mod id;
#[cfg(test)]
mod imports;
mod json;
mod member;
pub mod name;
mod note;
pub mod observer;
mod queue;
pub mod record;
pub mod replay;
mod text;
mod time;
mod web;
mod wiped;
mod wire;
mod xml;

pub use admin::{AdminAnswer, AdminOrder, AdminPage, AdminRequest, AdminTexts};
pub use chunk::{Audience, Chunk, Form, Level, Recipients};
pub use config::{
    Claims, ClientHeader, Config, Guests, Help, HttpsRedirect, KeepAlive, Limits, ListAccess,
    LoginThrottle, Loopback, Missing, NickChanges, OnDuplicate, Origins, PasswordChanges,
    PermanentRooms, Presence, Proxies, Role, RoomCreation, SETTINGS, Setting, SettingError,
    Throttle, TrustedProxies, is_host_name,
};
pub use conn::filter::{Filter, FilterEvent, Flow, MakeFilter, TlsVersion};
pub use event::{Action, Cause, HostFacts, Input, MAX_READ, ProcessFacts, Refused, StoreState};
pub use gateway::{Gateway, Online};
pub use host::{Clock, Log, MemberStore, Reply};
pub use id::{Accepted, ConnId, ListenerId, Peer, RoomId, Source, Ticket};
pub use member::{
    Answer, Denial, Identity, Login, Member, MemberEvent, MemberId, Query, Secret, Unavailable,
};
pub use note::{CloseReason, Note, NotePart, NoteWriter, Refusal, What};
pub use queue::Chunks;
pub use time::{Millis, Now, TimeOfDay, UnixSeconds};
pub use web::counters::{Counters, Histogram, Limit, ProxyFault};
pub use web::file::SiteFile;
pub use web::policy::Policy;
pub use web::site::{MAX_SITE_PATH, Site, SiteError};
pub use wire::codepage::{CodePage, NoCodePage};
pub use wire::coding::ContentCoding;
pub use wire::websocket;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
