//! Distributes the core's questions: about members to the pool, and requests for administration to a thread.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Weak};

use flashgate_core::{
    AdminAnswer, AdminRequest, AdminTexts, Answer, MemberStore, Query, Reply, Unavailable,
};
use parking_lot::Mutex;

use super::access::Tokens;
use super::orders;
use crate::failure::Failure;
use crate::log::diagnostics::start_thread;
use crate::login::{Pool, TicketSecret};

/// Answers all questions of the core.
pub(crate) struct Desk {
    pool: Arc<Pool>,
    /// `None` without a listener for administration.
    requests: Option<SyncSender<Job>>,
}

struct Job {
    request: AdminRequest,
    reply: Reply,
}

/// What the options open to administration.
#[derive(Debug)]
pub(crate) struct Setup {
    /// Where members are.
    pub(crate) members: MembersAt,
    /// Whether `/metrics` is there.
    pub(crate) metrics: bool,
}

/// Where the members are, and whether requests can change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MembersAt {
    /// In this store.
    Store(PathBuf),
    /// In the table of a site, or in memory. The text says why requests cannot change them.
    Elsewhere(&'static str),
}

/// What a reload can change, and the function that asks for one.
pub(crate) struct Shared {
    pub(super) tokens: Mutex<Tokens>,
    pub(super) tickets: Mutex<Option<TicketSecret>>,
    pub(super) shows_texts: AtomicBool,
    pub(super) setup: Setup,
    reload: Mutex<Option<AskReload>>,
}

/// Asks for a reload; false if no thread reloads.
type AskReload = Box<dyn Fn(Answered) -> bool + Send>;

/// Takes the result of a reload.
pub(crate) type Answered = Box<dyn FnOnce(Result<Reloaded, String>) + Send>;

/// What a reload has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloaded {
    /// Options with new values.
    pub(crate) settings: Vec<String>,
    /// Options whose new values take a restart.
    pub(crate) restart: Vec<String>,
    /// What could not be read, and why.
    pub(crate) failed: Vec<String>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(setup: Setup) -> Arc<Self> {
        Arc::new(Self {
            tokens: Mutex::default(),
            tickets: Mutex::default(),
            shows_texts: AtomicBool::new(false),
            setup,
            reload: Mutex::new(None),
        })
    }

    /// Whether messages are shown with their texts from now on. Returns whether that has changed.
    pub(crate) fn set_texts(&self, shown: bool) -> bool {
        self.shows_texts.swap(shown, Ordering::Relaxed) != shown
    }

    /// Takes the tokens that are good from now on. Returns whether one is no longer there.
    pub(crate) fn set_tokens(&self, tokens: Tokens) -> bool {
        let before = std::mem::replace(&mut *self.tokens.lock(), tokens.clone());
        !tokens.has_all_of(&before)
    }

    pub(crate) fn set_tickets(&self, secret: Option<TicketSecret>) {
        *self.tickets.lock() = secret;
    }

    /// From now on, a reload can be asked for.
    pub(crate) fn set_reload(&self, ask: impl Fn(Answered) -> bool + Send + 'static) {
        *self.reload.lock() = Some(Box::new(ask));
    }

    pub(super) fn texts(&self) -> AdminTexts {
        if self.shows_texts.load(Ordering::Relaxed) {
            AdminTexts::Shown
        } else {
            AdminTexts::Hidden
        }
    }

    /// Asks for a reload; false if the server is not that far, or stops.
    pub(super) fn reload(&self, answered: Answered) -> bool {
        let reload = self.reload.lock();
        reload.as_ref().is_some_and(|ask| ask(answered))
    }
}

impl Desk {
    /// A desk for the pool, and for administration if there is any.
    pub(crate) fn new(pool: Arc<Pool>, shared: Option<&Arc<Shared>>) -> Result<Self, Failure> {
        let Some(shared) = shared else {
            return Ok(Self {
                pool,
                requests: None,
            });
        };
        let (requests, jobs) = mpsc::sync_channel::<Job>(MOST_WAITING);
        let shared: Weak<Shared> = Arc::downgrade(shared);
        start_thread("administration", move || {
            for job in jobs {
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                work(&shared, job);
            }
        })?;
        let requests = Some(requests);
        Ok(Self { pool, requests })
    }
}

impl MemberStore for Desk {
    fn submit(&self, query: Query, reply: Reply) {
        let Query::Admin(request) = query else {
            return self.pool.submit(query, reply);
        };
        let request = *request;
        let Some(requests) = &self.requests else {
            return;
        };
        if let Err(mpsc::TrySendError::Full(job) | mpsc::TrySendError::Disconnected(job)) =
            requests.try_send(Job { request, reply })
        {
            job.reply.send(Answer::Unavailable(Unavailable::Busy));
        }
    }
}

/// Answers one request. A reload is answered when it is done, by its own thread.
fn work(shared: &Shared, job: Job) {
    let Job { request, reply } = job;
    let by = match shared.tokens.lock().who(&request) {
        Ok(by) => by,
        Err(problem) => return answer(reply, None, None, problem.into()),
    };
    match orders::order(shared, &request) {
        Ok(orders::Decided::Order { order, about }) => answer(reply, by, about, order),
        Ok(orders::Decided::Reload) => {
            let done = move |result| answer(reply, by, None, orders::reloaded(result));
            // If the thread has ended, the dropped reply says that there is no answer.
            let _ = shared.reload(Box::new(done));
        }
        Err(problem) => answer(reply, by, None, problem.into()),
    }
}

fn answer(
    reply: Reply,
    by: Option<Arc<str>>,
    about: Option<Arc<str>>,
    order: flashgate_core::AdminOrder,
) {
    reply.send(Answer::Admin(Box::new(AdminAnswer { by, about, order })));
}

/// Requests that wait for the thread: one for each connection for administration, and some whose clients have left.
const MOST_WAITING: usize = 64;
