//! The crate that defines: generics whose instances are paid for elsewhere,
//! and a few items that are its own. No path here can panic, so the objects
//! need nothing from `core` at link time.
#![no_std]

/// A word that can be widened.
pub trait Word: Copy {
    fn widen(self) -> u64;
}

macro_rules! word {
    ($($t:ty),*) => {$(
        impl Word for $t {
            #[inline]
            fn widen(self) -> u64 {
                self as u64
            }
        }
    )*};
}
word!(u8, u16, u32, u64);

/// One generic family with one instance per word type.
#[inline(never)]
pub fn fold<T: Word>(words: &[T], seed: u64) -> u64 {
    let mut sum = seed;
    for word in words {
        sum = sum.rotate_left(5) ^ word.widen().wrapping_mul(0x9e37_79b9);
    }
    sum
}

/// A const generic in an inherent impl.
pub struct Ring<T, const N: usize> {
    slots: [T; N],
    head: usize,
}

impl<T: Word, const N: usize> Ring<T, N> {
    pub const fn new(fill: T) -> Self {
        Ring { slots: [fill; N], head: 0 }
    }

    #[inline(never)]
    pub fn push(&mut self, word: T) {
        if let Some(slot) = self.slots.get_mut(self.head) {
            *slot = word;
        }
        self.head = if self.head + 1 < N { self.head + 1 } else { 0 };
    }

    #[inline(never)]
    pub fn sum(&self) -> u64 {
        fold(&self.slots, N as u64)
    }
}

/// Dispatched through a vtable.
pub trait Visit {
    fn visit(&mut self, word: u64);
}

/// Calls the visitor, whoever it is.
#[inline(never)]
pub fn each<T: Word>(words: &[T], visit: &mut dyn Visit) {
    for word in words {
        visit.visit(word.widen());
    }
}

/// Takes a closure, which then has a name of its own.
#[inline(never)]
pub fn map_in_place<T: Word, F: Fn(T) -> T>(words: &mut [T], f: F) {
    for word in words {
        *word = f(*word);
    }
}

/// Not generic: the code stays in this crate.
#[inline(never)]
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// A module of its own, and a table with a symbol.
pub mod table {
    pub static SQUARES: [u16; 16] =
        [0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169, 196, 225];

    #[inline(never)]
    pub fn square(n: u8) -> u16 {
        match SQUARES.get(usize::from(n)) {
            Some(&square) => square,
            None => 0,
        }
    }
}
