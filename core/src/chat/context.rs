//! What the gateway gives to a command while it runs.

use alloc::sync::Arc;

use crate::chat::attempt::Attempt;
use crate::chat::event::Event;
use crate::chat::hub::{Hub, OnlineMember, Slot};
use crate::chunk::{Audience, Chunk, Form, Message};
use crate::config::Config;
use crate::id::{ConnId, Source};
use crate::member::{Answer, Member};
use crate::name::{GuestNick, Nick};
use crate::note::CloseReason;
use crate::time::{Millis, Now};
use crate::web::counters::Counters;

/// The gateway, on behalf of the client that sent a command. "The client" below is always that one.
pub(crate) trait Context {
    /// The settings.
    fn config(&self) -> &Config;

    /// The time of the input at hand.
    fn now(&self) -> Now;

    /// The members and guests that are online.
    fn hub(&self) -> &Hub;

    /// Who is online, to change it.
    fn hub_mut(&mut self) -> &mut Hub;

    /// The numbers of `/metrics`.
    fn counters(&mut self) -> &mut Counters;

    /// The client's connection.
    fn conn(&self) -> ConnId;

    /// The form in which the client gets messages.
    fn form(&self) -> Form;

    /// The client knows the elements of level 2 from now on.
    fn raise_level(&mut self);

    /// The member or guest that the client is; `None` before it has logged in.
    fn member(&self) -> Option<&OnlineMember>;

    /// The client's place in the hub; `None` before it has logged in.
    fn slot(&self) -> Option<Slot>;

    /// What a connection counts against where an address has a limit.
    fn source_of(&self, conn: ConnId) -> Source;

    /// Sends the client a reply.
    fn say(&mut self, message: &Message);

    /// Sends the client a reply that is encoded already.
    fn say_encoded(&mut self, chunk: Chunk);

    /// Sends another connection a message that the client caused.
    fn tell(&mut self, conn: ConnId, message: &Message);

    /// Sends a message to an audience. If the client is in it, its copy counts as a reply.
    fn announce(&mut self, audience: Audience, message: &Message);

    /// Shows in the streams of events what the client has done.
    fn happened(&mut self, event: Event<'_>);

    /// Asks the member store about a password, once the throttle lets the question pass. The client's next command
    /// waits for the answer.
    fn attempt(&mut self, attempt: Attempt);

    /// Asks whether the client may become this member, if the host decides that; otherwise it may, and
    /// takes the member's place at once. `id` is what the client sent.
    fn claim(&mut self, id: Arc<str>, member: Member);

    /// Makes the client this member, or lets it wait for an older connection of the member, or refuses it,
    /// as the settings say.
    fn take_place(&mut self, id: Arc<str>, member: Member);

    /// Refuses a client whose member is online elsewhere.
    fn refuse_claim(&mut self, id: Arc<str>);

    /// Counts a login that has failed after the member store's answer, and logs why.
    fn log_failure(&mut self, id: &Arc<str>, answer: &Answer);

    /// Refuses a password for which the question was `asked` at that time, once
    /// [`Limits::failure_delay`](crate::Limits::failure_delay) has passed since.
    fn hold_refusal(&mut self, asked: Millis);

    /// Whether the client, a member or a guest, may change its nick now: its last change is long enough ago.
    fn may_rename(&self) -> bool;

    /// Asks the member store to give the client's member another nick. The client's next command waits for the
    /// answer.
    fn ask_rename(&mut self, nick: &Nick);

    /// Gives the client, a guest, another nick. No other guest may have it.
    fn rename_guest(&mut self, nick: &GuestNick);

    /// Whether one more guest may come online from the client's address.
    fn may_add_guest(&self) -> bool;

    /// Makes the client, which is nobody yet, a guest. No other guest may have the nick.
    fn be_guest(&mut self, nick: &GuestNick);

    /// Ends the chat of the client, which may still read what was sent to it.
    fn end(&mut self, reason: CloseReason);
}
