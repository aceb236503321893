//! A driver that is built in. In the head of the pair it reports what it
//! read, and with that starts to use the integer and debug formatting of
//! `core::fmt`.
#![no_std]

use kernel::driver::{Adapter, Driver};
use kernel::error::{Result, EINVAL};
use kernel::pr_info;
use kernel::sync::SpinLock;

extern "C" {
    fn read_register(id: u32, register: u32) -> u32;
}

#[cfg_attr(head, derive(Debug))]
#[derive(Clone, Copy)]
pub struct Reading {
    pub celsius: i16,
    pub status: u64,
    pub channel: Option<u8>,
    pub label: &'static str,
}

static LAST: SpinLock<Reading> =
    SpinLock::new(Reading { celsius: 0, status: 0, channel: None, label: "" });

struct MyDriver;

#[inline(never)]
fn measure(id: u32) -> Result<Reading> {
    // SAFETY: Any id and register may be read.
    let (raw, status) = unsafe { (read_register(id, 0), read_register(id, 1)) };
    if status == u32::MAX {
        return Err(EINVAL);
    }
    let channel = if status & 1 == 0 { None } else { Some((status >> 8) as u8) };
    let label = if status & 2 == 0 { "board" } else { "core" };
    Ok(Reading { celsius: (raw >> 4) as i16, status: u64::from(status), channel, label })
}

impl Driver for MyDriver {
    const NAME: &'static str = "mydriver";

    fn probe(id: u32) -> Result {
        let reading = measure(id)?;
        let mut last = LAST.lock();
        if last.celsius == reading.celsius {
            return Ok(());
        }
        *last = reading;
        drop(last);
        #[cfg(not(head))]
        pr_info!("mydriver: found\n");
        #[cfg(head)]
        report(id, &reading);
        Ok(())
    }
}

#[cfg(head)]
#[inline(never)]
fn report(id: u32, reading: &Reading) {
    pr_info!("mydriver {}: {} degrees, status {:#010x}\n", id, reading.celsius, reading.status);
    pr_info!("mydriver {}: {:#?}\n", id, reading);
}

#[no_mangle]
#[link_section = ".init.text"]
pub extern "C" fn __mydriver_init() -> i32 {
    Adapter::<MyDriver>::register()
}

#[used]
#[link_section = ".initcall6.init"]
static INITCALL: extern "C" fn() -> i32 = __mydriver_init;
