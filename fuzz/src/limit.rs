use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Readers allow 64 MiB in a file whatever its size, and conversions to wider numbers multiply that.
const LIMIT: usize = 1 << 30;

/// Ends the process, which libFuzzer records as a crash, where a reader takes too much memory.
///
/// `-rss_limit_mb` is not enough: memory that is reserved but not touched does not count there, and
/// `-malloc_limit_mb` needs a sanitizer.
struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

static LIVE: AtomicUsize = AtomicUsize::new(0);

fn count(size: usize) {
    let live = LIVE.fetch_add(size, Ordering::Relaxed).saturating_add(size);
    if live > LIMIT {
        // The report below allocates too.
        LIVE.store(0, Ordering::Relaxed);
        eprintln!(
            "{live} bytes in use after a request of {size}\n{}",
            Backtrace::force_capture()
        );
        std::process::abort();
    }
}

fn discount(size: usize) {
    LIVE.fetch_sub(size, Ordering::Relaxed);
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        discount(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        discount(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}
