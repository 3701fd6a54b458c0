//! Allocators: one for programs, which takes large pages for large pieces, and one that counts, for tests and fuzzing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator with a count of the bytes that the current thread holds; a program declares it as its
/// `#[global_allocator]`. Memory that C libraries take for themselves is not seen.
#[derive(Debug, Default)]
pub struct CountingAllocator;

thread_local! {
    // Plain numbers without a destructor: reading them allocates nothing, at any time of a thread's life.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Runs `work` and tells how many bytes it held at most on this thread beyond those that were held before. It is 0
/// unless [`CountingAllocator`] is the program's allocator.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = work();
    (result, PEAK.get().saturating_sub(before).unsigned_abs())
}

/// Takes note of `change` more bytes.
fn count(change: isize) {
    // Fails only while the thread ends; then nobody measures.
    let _ = LIVE.try_with(|live| {
        live.set(live.get().wrapping_add(change));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system's allocator with the arguments as they came, so its guarantees hold; counting
// touches no memory of the caller, does not allocate and cannot unwind.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above; the memory came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// The system's allocator, which asks for huge pages for pieces of memory from 32 MiB on; a program declares it as its
/// `#[global_allocator]`.
///
/// The derivation of a key takes 64 MiB and jumps about in them. In pages of 4 KiB a fifth of its time goes into getting
/// these one by one. Smaller pieces stay as they are, so that no buffer counts for more than it holds.
#[derive(Debug, Default)]
pub struct HugePageAllocator;

/// The smallest piece, in bytes, for which huge pages are asked for.
const HUGE: usize = 32 << 20;

/// Asks for huge pages for a piece of memory nothing has been written to. Where the system has none, nothing changes.
#[cfg(target_os = "linux")]
fn prefer_huge_pages(memory: *mut u8, size: usize) {
    // Advice is given for whole pages; the first one begins with what the allocator keeps for itself.
    let page = rustix::param::page_size();
    let skipped = memory.align_offset(page);
    if memory.is_null() || skipped >= size {
        return;
    }
    let length = (size - skipped) / page * page;
    // SAFETY: the range lies within what was just allocated; the advice changes how it is backed and not what it holds.
    #[allow(unsafe_code)]
    let _ = unsafe {
        rustix::mm::madvise(
            memory.add(skipped).cast(),
            length,
            rustix::mm::Advice::LinuxHugepage,
        )
    };
}

#[cfg(not(target_os = "linux"))]
fn prefer_huge_pages(_memory: *mut u8, _size: usize) {}

// SAFETY: every call goes to the system's allocator with the arguments as they came, so its guarantees hold; advice about
// pages does not change what they hold, does not allocate and cannot unwind.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for HugePageAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        let memory = unsafe { System.alloc(layout) };
        if layout.size() >= HUGE {
            prefer_huge_pages(memory, layout.size());
        }
        memory
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if layout.size() >= HUGE {
            prefer_huge_pages(memory, layout.size());
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; the memory came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}
