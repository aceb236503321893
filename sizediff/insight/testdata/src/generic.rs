//! Generic instances that are the same code, and methods that are in vtables.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

pub trait Shape {
    fn area(&self, k: u32) -> u32;
    fn name(&self) -> &'static str;
}

pub struct Square(u32);
pub struct Tile(u32);

impl Shape for Square {
    #[inline(never)]
    fn area(&self, k: u32) -> u32 {
        self.0.wrapping_mul(self.0) ^ k
    }
    fn name(&self) -> &'static str {
        "square"
    }
}

impl Shape for Tile {
    #[inline(never)]
    fn area(&self, k: u32) -> u32 {
        self.0.wrapping_mul(self.0) ^ k
    }
    fn name(&self) -> &'static str {
        "tile"
    }
}

#[inline(never)]
fn crunch<T: Copy + Into<u64>>(data: &[T], at: usize) -> u64 {
    let mut sum = 0u64;
    for x in data {
        sum = sum.rotate_left(5) ^ (*x).into();
    }
    sum + data[at].into()
}

#[derive(Clone, Copy)]
pub struct Id(u32);
impl From<Id> for u64 {
    fn from(x: Id) -> u64 {
        x.0.into()
    }
}

#[inline(never)]
fn both<T: Copy + Into<u64>>(data: &[T], at: usize, s: &dyn Shape) -> u64 {
    crunch(data, at) + s.area(3) as u64 + s.name().len() as u64
}

#[no_mangle]
pub fn run(a: &[u32], b: &[Id], n: usize) -> u64 {
    both(a, n, &Square(n as u32)) + both(b, n, &Tile(n as u32))
}
