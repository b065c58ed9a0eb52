//! What a runtime asks of the program around it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::id::Ticket;
use crate::member::{Answer, Query, Unavailable};
use crate::note::Note;
use crate::time::{Millis, Now};

/// Answers questions about members, off the loop.
pub trait MemberStore: Send + Sync {
    /// Takes a question and returns at once. The answer goes to `reply`: later and from any thread, or right
    /// away if it needs no work. A question without an answer is given up after
    /// [`Limits::lookup`](crate::Limits::lookup).
    fn submit(&self, query: Query, reply: Reply);
}

impl<S: MemberStore + ?Sized> MemberStore for Arc<S> {
    fn submit(&self, query: Query, reply: Reply) {
        (**self).submit(query, reply);
    }
}

/// Takes the answer to one question to the gateway, and wakes its loop. A reply that is dropped instead, by a
/// panic for example, answers [`Unavailable::Failed`], so that no client waits for it.
pub struct Reply {
    ticket: Ticket,
    /// `None` once it has answered.
    send: Option<Box<dyn FnOnce(Ticket, Answer) + Send>>,
}

impl Reply {
    /// A reply that answers by calling `send`, once.
    pub fn new(ticket: Ticket, send: impl FnOnce(Ticket, Answer) + Send + 'static) -> Self {
        let send: Box<dyn FnOnce(Ticket, Answer) + Send> = Box::new(send);
        Self {
            ticket,
            send: Some(send),
        }
    }

    /// The ticket of the question, unique for each.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Answers the question.
    pub fn send(mut self, answer: Answer) {
        self.answer(answer);
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(send) = self.send.take() {
            send(self.ticket, answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.answer(Answer::Unavailable(Unavailable::Failed));
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reply").field(&self.ticket).finish()
    }
}

/// The host's clocks.
pub trait Clock: Send + Sync {
    /// What the clocks say now.
    fn now(&self) -> Now;

    /// How long a runtime may sleep until `deadline`. `None` for a clock that is moved by hand, each move of
    /// which also wakes the runtime.
    fn until(&self, deadline: Millis) -> Option<Duration>;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Now {
        (**self).now()
    }

    fn until(&self, deadline: Millis) -> Option<Duration> {
        (**self).until(deadline)
    }
}

/// Where notes go. It is called in order, by the thread that owns the gateway, so it must not block.
pub type Log = Box<dyn FnMut(Now, Note) + Send>;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use std::sync::Mutex;

    use crate::member::Denial;

    #[test]
    fn a_reply_answers_once_even_when_it_is_dropped() {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let reply = |number| {
            let answers = Arc::clone(&answers);
            Reply::new(Ticket(number), move |ticket, answer| {
                let mut answers = answers.lock().expect("no thread has panicked");
                answers.push((ticket, answer));
            })
        };
        let denied = Answer::Denied(Denial::Unknown, None);
        reply(1).send(denied.clone());
        drop(reply(2));
        let failed = Answer::Unavailable(Unavailable::Failed);
        let expected = [(Ticket(1), denied), (Ticket(2), failed)];
        assert_eq!(*answers.lock().expect("no thread has panicked"), expected);
    }
}
