//! A loadable module. The head of the pair adds a second ring, which is a new
//! instance of generic code.
#![no_std]

use kernel::driver::{Adapter, Driver};
use kernel::error::{Result, EINVAL};
use kernel::pr_info;
use kernel::ring::Ring;
use kernel::sync::SpinLock;

static EVENTS: SpinLock<Ring<u32, 8>> = SpinLock::new(Ring::new());
#[cfg(head)]
static TIMES: SpinLock<Ring<(u64, u32), 16>> = SpinLock::new(Ring::new());

struct Sample;

impl Driver for Sample {
    const NAME: &'static str = "rust_sample";

    fn probe(id: u32) -> Result {
        if id == 0 {
            return Err(EINVAL);
        }
        EVENTS.lock().push(id)?;
        #[cfg(head)]
        TIMES.lock().push((u64::from(id) << 32, id))?;
        pr_info!("rust_sample: device {}\n", id);
        Ok(())
    }
}

#[no_mangle]
#[link_section = ".init.text"]
pub extern "C" fn init_module() -> i32 {
    Adapter::<Sample>::register()
}

#[no_mangle]
#[link_section = ".exit.text"]
pub extern "C" fn cleanup_module() {
    while let Some(id) = next() {
        pr_info!("rust_sample: dropped {}\n", id);
    }
    #[cfg(head)]
    while TIMES.lock().pop().is_some() {}
}

#[inline(never)]
fn next() -> Option<u32> {
    EVENTS.lock().pop()
}

macro_rules! modinfo {
    ($name:ident, $text:literal) => {
        #[used]
        #[link_section = ".modinfo"]
        static $name: [u8; $text.len()] = *$text;
    };
}
modinfo!(__MODINFO_LICENSE, b"license=GPL\0");
modinfo!(__MODINFO_AUTHOR, b"author=The oxidometer authors\0");
modinfo!(__MODINFO_NAME, b"name=rust_sample\0");
modinfo!(__MODINFO_VERMAGIC, b"vermagic=6.18.0 SMP preempt mod_unload \0");
