//! A function that only the linker can inline: nobody else has its body.
#![no_std]

pub mod deep {
    pub fn weigh(x: u32) -> u32 {
        let mut sum = x;
        let mut i = 0;
        while i < 3 {
            sum = sum.rotate_left(7) ^ i;
            i += 1;
        }
        sum.wrapping_mul(0x9e37)
    }
}
