//! Counts what a thread asks the allocator for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, and how much a thread has asked it for and not given back.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Bytes that this thread has asked for and not given back.
pub(crate) fn held() -> isize {
    HELD.get()
}

fn count(bytes: isize) {
    // A thread that is ending has no cell any more; it is not the one that measures.
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// An allocator cannot be written without; it hands on what it is given, as it is.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(place, layout) }
    }
}
