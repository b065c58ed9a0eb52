//! Watches for the challenges of `--acme-webroot`: the program that writes a challenge notifies the authority at once.

use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use super::reload::Ask;
use crate::failure::Failure;
use crate::log::diagnostics::start_thread;
use crate::web::CHALLENGE_FOLDERS;

/// Starts a thread that asks for the challenges to be read whenever they may have changed. If the system does not
/// tell of changes, that is a warning.
pub(super) fn watch(webroot: &Path, ask: Sender<Ask>) -> Result<(), Failure> {
    let queue = match inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
        Ok(queue) => queue,
        // Other programs may have taken all that there are, and there is more to serve than challenges.
        Err(error) => {
            let why = io::Error::from(error);
            log::warn!(
                "--acme-webroot {} cannot be watched: {why}; challenges are read at a reload (SIGHUP) only; raise \
                 fs.inotify.max_user_instances and restart the server",
                webroot.display()
            );
            return Ok(());
        }
    };
    let mut watch = Watch {
        folders: folders(webroot),
        queue,
        watched: Vec::new(),
    };
    start_thread("challenges", move || {
        loop {
            if watch.has_changed() && ask.send(Ask::Challenges).is_err() {
                return;
            }
        }
    })
}

/// The folder of the option, and the folders in it: each may come and go.
fn folders(webroot: &Path) -> Vec<PathBuf> {
    let inside = CHALLENGE_FOLDERS.map(|folder| webroot.join(folder));
    [webroot.to_owned()].into_iter().chain(inside).collect()
}

struct Watch {
    folders: Vec<PathBuf>,
    queue: OwnedFd,
    /// The system's numbers for the watches on folders that exist.
    watched: Vec<Option<i32>>,
}

impl Watch {
    /// Waits until something changes, or for a while: a folder that was replaced as a whole causes no event.
    fn has_changed(&mut self) -> bool {
        // Outermost first: a folder that is made later shows in the folder around it.
        let add = |folder: &PathBuf| inotify::add_watch(&self.queue, folder, EVENTS).ok();
        let now: Vec<Option<i32>> = self.folders.iter().map(add).collect();
        if now != self.watched {
            self.watched = now;
            return true;
        }
        let mut queue = [PollFd::new(&self.queue, PollFlags::IN)];
        let _ = poll(&mut queue, Some(&LOOK));
        self.drain()
    }

    /// Takes the events that wait. In the outer folders, only events about folders count: the outermost may be the
    /// folder of a busy site.
    fn drain(&self) -> bool {
        let mut space = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&self.queue, &mut space);
        let mut any = false;
        while let Ok(event) = events.next() {
            let is_inside = self.watched.last() == Some(&Some(event.wd()));
            any |= is_inside || event.events().contains(ReadFlags::ISDIR);
        }
        any
    }
}

/// A file is written, made or removed, or a folder is made or removed.
const EVENTS: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ONLYDIR);

const LOOK: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};
