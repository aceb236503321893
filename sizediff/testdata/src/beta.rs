//! The crate that instantiates `alpha`'s generics and is called from C.
//! `--cfg head` makes the head of a pair: `checksum` grows, `trace` goes away
//! and `replay` is new.
#![no_std]

use alpha::{each, fold, map_in_place, mix, table, Ring, Visit};

static mut RING: Ring<u32, 8> = Ring::new(0);

/// State with a destructor and an impl of a foreign trait.
pub struct Meter {
    total: u64,
    peak: u64,
}

impl Visit for Meter {
    #[inline(never)]
    fn visit(&mut self, word: u64) {
        self.total = self.total.wrapping_add(word);
        if word > self.peak {
            self.peak = word;
        }
    }
}

impl Drop for Meter {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: `beta_note` takes any value and keeps nothing.
        unsafe { beta_note(self.total ^ self.peak) }
    }
}

extern "C" {
    fn beta_note(value: u64);
}

#[inline(never)]
fn checksum(words: &[u32]) -> u64 {
    #[cfg(head)]
    let words = {
        // SAFETY: `beta_note` takes any value and keeps nothing.
        unsafe { beta_note(mix(words.len() as u64)) };
        match words.split_first() {
            Some((first, rest)) if *first == 0 => rest,
            _ => words,
        }
    };
    mix(fold(words, 7))
}

/// Called by C.
///
/// # Safety
///
/// `words` points to `len` readable words and `bytes` to as many bytes that
/// may be written.
#[no_mangle]
pub unsafe extern "C" fn beta_sum(words: *const u32, bytes: *mut u8, len: usize) -> u64 {
    let words = core::slice::from_raw_parts(words, len);
    let bytes = core::slice::from_raw_parts_mut(bytes, len);
    let mut meter = Meter { total: 0, peak: 0 };
    each(words, &mut meter);
    map_in_place(bytes, |b| b ^ 0x5a);
    checksum(words) ^ fold(bytes, meter.peak)
}

/// Called by C, one caller at a time.
#[no_mangle]
pub extern "C" fn beta_push(word: u32) -> u64 {
    let ring = &raw mut RING;
    // SAFETY: The caller holds the lock, so this is the only reference.
    let ring = unsafe { &mut *ring };
    ring.push(word);
    ring.sum() ^ u64::from(table::square(word as u8))
}

#[cfg(not(head))]
#[no_mangle]
pub extern "C" fn beta_trace(word: u16) -> u64 {
    trace(word)
}

#[cfg(not(head))]
#[inline(never)]
fn trace(word: u16) -> u64 {
    fold(&[word, !word], 3)
}

#[cfg(head)]
#[no_mangle]
pub extern "C" fn beta_trace(word: u16) -> u64 {
    replay(u64::from(word))
}

#[cfg(head)]
#[inline(never)]
fn replay(word: u64) -> u64 {
    let mut ring = Ring::<u64, 4>::new(word);
    ring.push(mix(word));
    ring.sum()
}
