//! tally.rs - the plugin of examples/one_source again, in Rust: the functions of tally_plugin.h, and the
//! same text for a state.  The glue around it, tally_native.c, is what `berth bindgen native` writes.
//!
//!     rustc -O -C panic=abort -C relocation-model=pic --crate-type staticlib -o libtally.a tally.rs
//!     cc -shared -fPIC -fvisibility=hidden -o tally-rust.so tally_native.c libtally.a
#![no_std]

use core::ffi::c_void;
use core::{ptr, slice};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

// ---- the types of tally_types.h ----

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    text: *const u8,
    size: usize,
}

#[repr(C)]
pub struct Line {
    word: Text,
    times: u64,
}

#[repr(C)]
pub struct List<T> {
    data: *const T,
    count: usize,
}

#[repr(C)]
pub struct RestoreArgs {
    saved: List<u8>,
    version: u64,
}

#[repr(C)]
pub struct RestoreResult {
    is_error: u8,
    error: Text,
}

extern "C" {
    /// What berth_plugin_room() is a short form of.
    fn tally_rust_room(call: *mut c_void, size: usize) -> *mut u8;
}

fn text(of: &'static str) -> Text {
    Text { text: of.as_ptr(), size: of.len() }
}

unsafe fn bytes<'a>(of: &List<u8>) -> &'a [u8] {
    if of.count == 0 { &[] } else { slice::from_raw_parts(of.data, of.count) }
}

// ---- the table of words ----

const WORDS: usize = 64;
const WORD: usize = 24;

#[derive(Clone, Copy)]
pub struct Entry {
    word: [u8; WORD],
    size: usize,
    times: u64,
}

pub struct Tally {
    total: u64,
    count: usize,
    entries: [Entry; WORDS],
}

static mut TALLY: Tally =
    Tally { total: 0, count: 0, entries: [Entry { word: [0; WORD], size: 0, times: 0 }; WORDS] };

impl Tally {
    /// False: there is no room for another word.
    fn count(&mut self, word: &[u8], times: u64) -> bool {
        let entries = &mut self.entries[..self.count];
        let place = entries.iter().position(|e| &e.word[..e.size] == word);
        let at = match place {
            Some(at) => at,
            None if self.count < WORDS && word.len() <= WORD => {
                let e = &mut self.entries[self.count];
                e.word[..word.len()].copy_from_slice(word);
                e.size = word.len();
                e.times = 0;
                self.count += 1;
                self.count - 1
            }
            None => return false,
        };
        self.entries[at].times += times;
        self.total += times;
        true
    }
}

#[no_mangle]
pub unsafe extern "C" fn tally_plugin_open(self_out: *mut *mut c_void) -> i32 {
    *self_out = ptr::addr_of_mut!(TALLY) as *mut c_void;
    0
}

#[no_mangle]
pub unsafe extern "C" fn tally_plugin_counting_add(
    this: *mut Tally, args: *const Text, result: *mut u64, _call: *mut c_void,
) -> i32 {
    let text = List { data: (*args).text, count: (*args).size };
    for word in bytes(&text).split(|b| *b == b' ').filter(|w| !w.is_empty()) {
        if !(*this).count(word, 1) {
            return 1;
        }
    }
    *result = (*this).total;
    0
}

#[no_mangle]
pub unsafe extern "C" fn tally_plugin_counting_top(
    this: *mut Tally, args: *const u32, result: *mut List<Line>, call: *mut c_void,
) -> i32 {
    let entries = &(&(*this).entries)[..(*this).count];
    let most = entries.len().min(*args as usize);
    let room = tally_rust_room(call, (most + 1) * core::mem::size_of::<Line>()) as *mut Line;
    if room.is_null() {
        return 1;
    }
    for (i, e) in entries.iter().enumerate() {
        let rank = entries.iter().enumerate()
            .filter(|(k, o)| o.times > e.times || (o.times == e.times && *k < i)).count();
        if rank < most {
            let word = Text { text: e.word.as_ptr(), size: e.size };
            room.add(rank).write(Line { word, times: e.times });
        }
    }
    *result = List { data: room, count: most };
    0
}

#[no_mangle]
pub unsafe extern "C" fn tally_plugin_build(
    _this: *mut Tally, _args: *const c_void, result: *mut Text, _call: *mut c_void,
) -> i32 {
    *result = text("rust");
    0
}

// ---- state: lines of a word, a blank and a number ----

#[no_mangle]
pub unsafe extern "C" fn tally_plugin_state_save(
    this: *mut Tally, _args: *const c_void, result: *mut List<u8>, call: *mut c_void,
) -> i32 {
    let entries = &(&(*this).entries)[..(*this).count];
    let room = tally_rust_room(call, entries.len() * (WORD + 22) + 1);
    if room.is_null() {
        return 1;
    }
    let mut at = 0;
    for e in entries {
        ptr::copy_nonoverlapping(e.word.as_ptr(), room.add(at), e.size);
        at += e.size;
        let (mut digits, mut left, mut size) = ([0u8; 20], e.times, 0);
        while left != 0 || size == 0 {
            digits[size] = b'0' + (left % 10) as u8;
            left /= 10;
            size += 1;
        }
        *room.add(at) = b' ';
        for (i, digit) in digits[..size].iter().rev().enumerate() {
            *room.add(at + 1 + i) = *digit;
        }
        *room.add(at + 1 + size) = b'\n';
        at += size + 2;
    }
    *result = List { data: room, count: at };
    0
}

fn take(tally: &mut Tally, line: &[u8]) -> bool {
    let mut parts = line.split(|b| *b == b' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(word), Some(digits), None)
            if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) =>
        {
            let times = digits.iter().fold(0u64, |n, d| n.wrapping_mul(10) + (d - b'0') as u64);
            tally.count(word, times)
        }
        _ => false,
    }
}

#[no_mangle]
pub unsafe extern "C" fn tally_plugin_state_restore(
    this: *mut Tally, args: *const RestoreArgs, result: *mut RestoreResult, _call: *mut c_void,
) -> i32 {
    let saved = bytes(&(*args).saved);
    let tally = &mut *this;
    tally.total = 0;
    tally.count = 0;
    (*result).is_error = 0;
    let whole = saved.last().map_or(true, |last| *last == b'\n');
    if !whole || !saved.split(|b| *b == b'\n').filter(|l| !l.is_empty()).all(|l| take(tally, l)) {
        tally.total = 0;
        tally.count = 0;
        (*result).is_error = 1;
        (*result).error = text("these are not words, or more than there is room for");
    }
    0
}
