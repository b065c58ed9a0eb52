//! An allocator that counts what it is asked for. A test program has it with
//!
//! ```
//! use flashgate_testing::counting::Counting;
//!
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting::by_thread();
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

use crate::sim::Meter;

/// The system's allocator, which counts the bytes that were asked for and not given back.
#[derive(Debug)]
pub struct Counting(Whose);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Threads,
    Process,
}

impl Counting {
    /// Counts for each thread by itself: see [`held`].
    pub const fn by_thread() -> Self {
        Self(Whose::Threads)
    }

    /// Counts for all threads together: see [`held_by_process`].
    pub const fn by_process() -> Self {
        Self(Whose::Process)
    }

    fn count(&self, bytes: isize) {
        match self.0 {
            Whose::Threads => {
                // A thread that is ending has no cell any more; it is not the one that measures.
                let _ = HELD.try_with(|held| held.set(held.get() + bytes));
                let _ = MOST_HELD.try_with(|most| most.set(most.get().max(held())));
                let _ = ASKED.try_with(|asked| asked.set(asked.get() + bytes.max(0)));
            }
            Whose::Process => {
                let held = ALL.fetch_add(bytes, Relaxed) + bytes;
                MOST.fetch_max(held, Relaxed);
            }
        }
    }
}

/// Bytes that this thread has asked for and not given back.
pub fn held() -> isize {
    HELD.get()
}

/// The most bytes that this thread held while `act` ran.
pub fn most_held<R>(act: impl FnOnce() -> R) -> (isize, R) {
    MOST_HELD.set(held());
    let result = act();
    (MOST_HELD.get(), result)
}

/// Bytes that this thread has asked for so far, given back or not.
pub fn asked() -> isize {
    ASKED.get()
}

/// Bytes that this process has asked for and not given back.
pub fn held_by_process() -> isize {
    ALL.load(Relaxed)
}

/// The most bytes that this process held since [`forget_most`].
pub fn most_by_process() -> isize {
    MOST.load(Relaxed)
}

/// Begins anew with what is held now.
pub fn forget_most() {
    MOST.store(held_by_process(), Relaxed);
}

/// Counts the memory of the simulation's gateway, in a program with [`Counting::by_thread`]. Bytes that are
/// freed while it does not count stay counted, so that the simulation drops everything inside.
#[derive(Clone, Copy, Debug)]
pub struct GatewayMeter;

impl Meter for GatewayMeter {
    fn enter(&self) {
        ENTERED.set(Some(held()));
    }

    fn leave(&self) -> Option<usize> {
        if let Some(before) = ENTERED.take() {
            GATEWAY.set(GATEWAY.get() + held() - before);
        }
        Some(GATEWAY.get().max(0) as usize)
    }

    fn reset(&self) {
        ENTERED.set(None);
        GATEWAY.set(0);
    }
}

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST_HELD: Cell<isize> = const { Cell::new(0) };
    static ASKED: Cell<isize> = const { Cell::new(0) };
    /// What the thread held when the gateway began to work.
    static ENTERED: Cell<Option<isize>> = const { Cell::new(None) };
    /// What the gateway holds.
    static GATEWAY: Cell<isize> = const { Cell::new(0) };
}

static ALL: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

// An allocator cannot be written without; it passes on what it is given, as it is.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        self.count(-(layout.size() as isize));
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.count(size as isize - layout.size() as isize);
        unsafe { System.realloc(place, layout, size) }
    }
}
