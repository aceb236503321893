//! Calls into another crate, with a function that has no Rust name.
#![no_std]

#[no_mangle]
pub extern "C" fn _start(x: u32) -> u32 {
    far::deep::weigh(x) ^ far::deep::weigh(!x)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
