//! The binary contract berth-hook/1: a buffer for records, and replies as pointer and length.
use std::alloc::{alloc, dealloc, Layout};
use std::cell::RefCell;

thread_local! {
    /// The reply: the host reads it after the hook has returned.
    static REPLY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A constant as an array, which is what a section is made of.
pub const fn bytes<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    let mut at = 0;
    while at < N {
        array[at] = text[at];
        at += 1;
    }
    array
}

/// Runs a hook; `None` drops the record.
pub fn answer(ptr: *const u8, len: usize, hook: fn(&[u8]) -> Option<Vec<u8>>) -> u64 {
    let input: &[u8] = if len == 0 {
        &[]
    } else {
        // SAFETY: the host wrote `len` bytes at `ptr`, into a buffer of berth_alloc.
        unsafe { std::slice::from_raw_parts(ptr, len) }
    };
    match hook(input) {
        None => 0,
        Some(reply) => REPLY.with(|kept| {
            let mut kept = kept.borrow_mut();
            *kept = reply;
            // An empty vector's pointer is not 0, so that this is no drop.
            (kept.as_ptr() as u64) << 32 | kept.len() as u64
        }),
    }
}

#[no_mangle]
extern "C" fn berth_alloc(size: usize, align: usize) -> *mut u8 {
    match Layout::from_size_align(size.max(1), align) {
        // SAFETY: the size is not 0.
        Ok(layout) => unsafe { alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// # Safety
/// `ptr` came from berth_alloc with the same size and alignment.
#[no_mangle]
unsafe extern "C" fn berth_free(ptr: *mut u8, size: usize, align: usize) {
    if let Ok(layout) = Layout::from_size_align(size.max(1), align) {
        dealloc(ptr, layout);
    }
}
