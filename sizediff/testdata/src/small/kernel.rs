//! A kernel crate in miniature: printing, errors, locks, a ring and a driver
//! adapter, in the forms drivers use them.
#![no_std]

pub mod print {
    use core::fmt::{self, Write};

    extern "C" {
        fn printk_write(text: *const u8, len: usize);
    }

    struct Console;

    impl Write for Console {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            // SAFETY: The C side copies `len` bytes and keeps nothing.
            unsafe { printk_write(text.as_ptr(), text.len()) };
            Ok(())
        }
    }

    /// Prints what `pr_info!` was given.
    #[inline(never)]
    pub fn call_printk(args: fmt::Arguments<'_>) {
        let _ = Console.write_fmt(args);
    }

    #[macro_export]
    macro_rules! pr_info {
        ($($arg:tt)*) => { $crate::print::call_printk(format_args!($($arg)*)) };
    }
}

pub mod error {
    use core::fmt;

    /// A negative errno.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct Error(i32);

    pub const EINVAL: Error = Error(-22);
    pub const ENOSPC: Error = Error(-28);

    impl Error {
        pub fn to_errno(self) -> i32 {
            self.0
        }

        #[inline(never)]
        pub fn name(self) -> Option<&'static str> {
            match self {
                EINVAL => Some("EINVAL"),
                ENOSPC => Some("ENOSPC"),
                _ => None,
            }
        }
    }

    impl fmt::Debug for Error {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self.name() {
                Some(name) => f.debug_tuple(name).finish(),
                None => f.debug_tuple("Error").field(&self.0).finish(),
            }
        }
    }

    pub type Result<T = ()> = core::result::Result<T, Error>;
}

pub mod sync {
    use core::cell::UnsafeCell;
    use core::ops::{Deref, DerefMut};

    extern "C" {
        fn rust_helper_spin_lock(lock: *mut u32);
        fn rust_helper_spin_unlock(lock: *mut u32);
    }

    /// Data behind a C spin lock.
    pub struct SpinLock<T> {
        raw: UnsafeCell<u32>,
        data: UnsafeCell<T>,
    }

    // SAFETY: The data is reached with the lock held only.
    unsafe impl<T: Send> Sync for SpinLock<T> {}

    impl<T> SpinLock<T> {
        pub const fn new(data: T) -> Self {
            SpinLock { raw: UnsafeCell::new(0), data: UnsafeCell::new(data) }
        }

        #[inline(never)]
        pub fn lock(&self) -> Guard<'_, T> {
            // SAFETY: `raw` is a valid lock for as long as `self`.
            unsafe { rust_helper_spin_lock(self.raw.get()) };
            Guard { lock: self }
        }
    }

    pub struct Guard<'a, T> {
        lock: &'a SpinLock<T>,
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            // SAFETY: The lock is held.
            unsafe { &*self.lock.data.get() }
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: The lock is held.
            unsafe { &mut *self.lock.data.get() }
        }
    }

    impl<T> Drop for Guard<'_, T> {
        fn drop(&mut self) {
            // SAFETY: The lock is held.
            unsafe { rust_helper_spin_unlock(self.lock.raw.get()) }
        }
    }
}

pub mod ring {
    use crate::error::{Result, ENOSPC};

    /// A queue of fixed length. Each element type makes an instance.
    pub struct Ring<T, const N: usize> {
        slots: [Option<T>; N],
        head: usize,
        used: usize,
    }

    impl<T: Copy, const N: usize> Ring<T, N> {
        pub const fn new() -> Self {
            Ring { slots: [None; N], head: 0, used: 0 }
        }

        #[inline(never)]
        pub fn push(&mut self, value: T) -> Result {
            if self.used == N {
                return Err(ENOSPC);
            }
            self.slots[(self.head + self.used) % N] = Some(value);
            self.used += 1;
            Ok(())
        }

        #[inline(never)]
        pub fn pop(&mut self) -> Option<T> {
            let value = self.slots[self.head].take()?;
            self.head = (self.head + 1) % N;
            self.used -= 1;
            Some(value)
        }
    }

    impl<T: Copy, const N: usize> Default for Ring<T, N> {
        fn default() -> Self {
            Self::new()
        }
    }
}

pub mod driver {
    use crate::error::Result;

    pub trait Driver {
        const NAME: &'static str;
        fn probe(id: u32) -> Result;
    }

    extern "C" {
        fn driver_register(probe: extern "C" fn(u32) -> i32) -> i32;
    }

    /// Carries a `Driver` to C. Its code is paid for by the driver.
    pub struct Adapter<T: Driver>(core::marker::PhantomData<T>);

    impl<T: Driver> Adapter<T> {
        extern "C" fn probe_callback(id: u32) -> i32 {
            match T::probe(id) {
                Ok(()) => 0,
                Err(error) => {
                    crate::pr_info!("{}: probe stopped: {:?}\n", T::NAME, error);
                    error.to_errno()
                }
            }
        }

        #[inline(never)]
        pub fn register() -> i32 {
            // SAFETY: The callback is valid as long as the image is.
            unsafe { driver_register(Self::probe_callback) }
        }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    extern "C" {
        fn rust_helper_BUG() -> !;
    }
    pr_info!("{}\n", info);
    // SAFETY: Stops the machine and touches no memory.
    unsafe { rust_helper_BUG() }
}
