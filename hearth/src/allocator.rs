//! The allocator: jemalloc, which gives back what a burst of queries took, and says how much it is.
#![expect(
    unsafe_code,
    reason = "an exported symbol is how jemalloc reads its settings, and its \
          numbers are read through pointers"
)]

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use server_promql::engine::Heap;
use tikv_jemalloc_sys::mallctl;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A C string, as jemalloc wants it.
#[repr(transparent)]
struct Settings(*const c_char);

// SAFETY: the pointer is to a constant that nobody writes to.
unsafe impl Sync for Settings {}

/// Two arenas are enough for two cores and keep memory together; freed pages go back to the kernel
/// after a tenth of a second, by a thread of jemalloc's own: what one query gave back serves the
/// next one of a dashboard, and is not to lie beside it for long.
// SAFETY: no other symbol has this name, and its type is what jemalloc declares.
#[unsafe(export_name = "malloc_conf")]
static SETTINGS: Settings =
    Settings(c"background_thread:true,narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0".as_ptr());

/// What the allocator knows, for the budget of queries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jemalloc;

thread_local! {
    /// Where jemalloc counts the bytes that this thread allocated and freed.
    static COUNTERS: Cell<Option<(*const u64, *const u64)>> = const { Cell::new(None) };
}

impl Heap for Jemalloc {
    fn thread_bytes(&self) -> i64 {
        let known = COUNTERS.get().or_else(|| {
            let allocated = read::<*const u64>(c"thread.allocatedp")?;
            let counters = (allocated, read::<*const u64>(c"thread.deallocatedp")?);
            COUNTERS.set(Some(counters));
            Some(counters)
        });
        let Some((allocated, freed)) = known.filter(|(a, b)| !a.is_null() && !b.is_null()) else {
            return 0;
        };
        // SAFETY: jemalloc keeps both counters for as long as the thread lives, and only this
        // thread writes to them.
        let (allocated, freed) = unsafe { (allocated.read(), freed.read()) };
        // As the difference of two counters that may turn over.
        allocated.wrapping_sub(freed).cast_signed()
    }

    fn idle_bytes(&self) -> usize {
        refresh();
        let size = |name| read::<usize>(name).unwrap_or(0);
        let allocated = size(c"stats.allocated").saturating_sub(size(TCACHE_BYTES));
        size(c"stats.resident").saturating_sub(allocated)
    }

    fn give_back(&self) {
        call(c"arena.4096.purge");
    }

    fn give_back_of_thread(&self) {
        call(c"thread.tcache.flush");
    }
}

/// What threads keep for their next allocations; 4096 stands for all arenas.
const TCACHE_BYTES: &CStr = c"stats.arenas.4096.tcache_bytes";

/// Reads what jemalloc has under this name, which must be of this type.
fn read<T: Plain>(name: &CStr) -> Option<T> {
    let mut value = T::NOTHING;
    let mut bytes = size_of::<T>();
    // SAFETY: the name ends with a zero, any bytes are a value of the type, and jemalloc writes only
    // where the size is the one it expects.
    let failed = unsafe {
        let value = (&raw mut value).cast::<c_void>();
        mallctl(name.as_ptr(), value, &raw mut bytes, ptr::null_mut(), 0)
    };
    (failed == 0).then_some(value)
}

/// Begins a new epoch: jemalloc's other numbers are as of when it last began.
fn refresh() {
    let mut epoch = 1_u64;
    // SAFETY: the name ends with a zero, and the pointer is to a number of the size given.
    unsafe {
        let value = (&raw mut epoch).cast::<c_void>();
        mallctl(c"epoch".as_ptr(), ptr::null_mut(), ptr::null_mut(), value, size_of::<u64>());
    }
}

/// Asks for something to be done.
fn call(name: &CStr) {
    // SAFETY: the name ends with a zero, and there is nothing to read or write.
    unsafe {
        mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0);
    }
}

/// Types of which any bytes are a value.
trait Plain: Copy {
    const NOTHING: Self;
}

impl Plain for usize {
    const NOTHING: usize = 0;
}

impl Plain for *const u64 {
    const NOTHING: *const u64 = ptr::null();
}
