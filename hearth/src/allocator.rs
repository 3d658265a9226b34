//! The allocator: jemalloc, which gives back what a burst of queries took.
#![expect(unsafe_code, reason = "an exported symbol is how jemalloc reads its settings")]

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A C string, as jemalloc wants it.
#[repr(transparent)]
struct Settings(*const std::ffi::c_char);

// SAFETY: the pointer is to a constant that nobody writes to.
unsafe impl Sync for Settings {}

/// Two arenas are enough for two cores and keep memory together; freed pages go back to the kernel
/// after a tenth of a second, by a thread of jemalloc's own: what one query gave back is not to lie
/// beside what the next one takes.
// SAFETY: no other symbol has this name, and its type is what jemalloc declares.
#[unsafe(export_name = "malloc_conf")]
static SETTINGS: Settings =
    Settings(c"background_thread:true,narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0".as_ptr());
