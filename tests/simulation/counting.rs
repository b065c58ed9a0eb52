//! The system's allocator, which counts what one thread allocates while it is told to: the gateway's
//! memory, and nobody else's. Counted bytes that are freed while it does not count stay counted, so
//! whoever measures hands back everything inside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use flashgate_testing::sim::Meter;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting;

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

struct Allocator;

impl Meter for Counting {
    fn enter(&self) {
        IS_ON.set(true);
    }

    fn leave(&self) -> Option<usize> {
        IS_ON.set(false);
        Some(HELD.get().max(0) as usize)
    }

    fn reset(&self) {
        IS_ON.set(false);
        HELD.set(0);
    }
}

fn count(bytes: isize) {
    // A thread that is ending has no cells any more, and no gateway.
    let is_on = IS_ON.try_with(Cell::get).unwrap_or(false);
    if is_on {
        HELD.set(HELD.get() + bytes);
    }
}

// An allocator cannot be written without; it hands on what it is given, as it is.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(place, layout, size) }
    }
}
