//! @NAME@ - a plugin of the contract berth-hook/1.
mod hook;

const METADATA: &[u8] = br#"{
    "name": "@NAME@",
    "version": "0.1.0",
    "description": "puts a greeting in front of its record",
    "hooks": {"greet": {"description": "a name in, a greeting out; an empty record is dropped"}}
}"#;

/// What the host reads of the plugin before it runs any of it.
#[used]
#[link_section = "berth.plugin.v1"]
static SECTION: [u8; METADATA.len()] = hook::bytes(METADATA);

fn greet(name: &[u8]) -> Option<Vec<u8>> {
    if name.is_empty() {
        return None; // drops the record
    }
    Some([b"Hello, ", name].concat())
}

#[no_mangle]
extern "C" fn berth_hook_greet(ptr: *const u8, len: usize) -> u64 {
    hook::answer(ptr, len, greet)
}
