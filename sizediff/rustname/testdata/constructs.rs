// Source of the names in constructs.txt. Built with rustc 1.97.0-nightly (2026-05-19), once with
// VERSION v0 and once with legacy:
//   rustc --crate-type=lib --crate-name=constructs --edition=2021 --emit=obj -Copt-level=0 \
//         -Zunstable-options -Csymbol-mangling-version=VERSION constructs.rs
// The defined names of both objects, each once, with what rustc-demangle
// 0.1.27 prints for {:#} and {}, are in constructs.txt.
#![feature(adt_const_params, unsized_const_params, never_type)]
#![allow(incomplete_features, uncommon_codepoints, dead_code)]

use std::any::Any;
use std::fmt::{Debug, Display};
use std::marker::{ConstParamTy, PhantomData, PhantomPinned};

#[derive(PartialEq, Eq, ConstParamTy)]
pub struct Point {
    pub x: u8,
    pub label: &'static str,
    pub list: [i32; 2],
    pub pair: (bool, char),
}

#[derive(PartialEq, Eq, ConstParamTy)]
pub enum Choice {
    Unit,
    Tuple(u16, &'static [u8]),
}

pub struct Holder<T, const N: usize>(pub [T; N]);
pub struct Marker<T: ?Sized>(pub PhantomData<T>);

pub trait Shape {
    const SIDES: u32;
    fn area(&self) -> u64;
    fn twice(&self) -> u64 {
        2 * self.area()
    }
}

impl<T, const N: usize> Holder<T, N> {
    #[inline(never)]
    pub fn len(&self) -> usize {
        N
    }
}

impl Holder<u8, 3> {
    pub fn sum(&self) -> u32 {
        self.0.iter().map(|&b| u32::from(b)).sum()
    }
}

impl<T: ?Sized> Marker<T> {
    #[inline(never)]
    pub fn touch(&self) -> usize {
        std::mem::size_of::<usize>()
    }
}

impl Shape for u32 {
    const SIDES: u32 = 4;
    fn area(&self) -> u64 {
        u64::from(*self)
    }
}

impl<T: Shape> Shape for &T {
    const SIDES: u32 = T::SIDES;
    fn area(&self) -> u64 {
        (**self).area()
    }
}

impl<T: Shape> Shape for [T] {
    const SIDES: u32 = 0;
    fn area(&self) -> u64 {
        self.iter().map(|s| s.area()).sum()
    }
}

impl<A: Shape, B: Shape> Shape for (A, B) {
    const SIDES: u32 = 2;
    fn area(&self) -> u64 {
        self.0.area() + self.1.area()
    }
}

impl<T: Shape, const N: usize> Shape for [T; N] {
    const SIDES: u32 = 1;
    fn area(&self) -> u64 {
        self[..].area()
    }
}

impl Shape for dyn Display + Send {
    const SIDES: u32 = 0;
    fn area(&self) -> u64 {
        self.to_string().len() as u64
    }
}

pub mod inner {
    pub mod deeper {
        pub fn plain() -> u32 {
            fn nested(x: u32) -> u32 {
                struct Local(u32);
                impl Local {
                    #[inline(never)]
                    fn get(&self) -> u32 {
                        self.0
                    }
                }
                Local(x).get()
            }
            let add = |a: u32| {
                let again = |b: u32| nested(a) + b;
                again(1) + again(2)
            };
            add(3)
        }
    }
    pub static COUNTER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
}

#[inline(never)]
pub fn kind<T: ?Sized>() -> usize {
    std::any::type_name::<T>().len()
}

#[inline(never)]
pub fn num<const B: bool, const C: char, const I: i8, const U: u128, const J: i128>() -> u128 {
    U + (C as u128) + (B as u128) + (I as u128) + (J as u128)
}

#[inline(never)]
pub fn text<const S: &'static str>() -> usize {
    S.len()
}

#[inline(never)]
pub fn point<const P: Point>() -> u8 {
    P.x
}

#[inline(never)]
pub fn choice<const C: Choice>() -> u16 {
    match C {
        Choice::Unit => 0,
        Choice::Tuple(n, _) => n,
    }
}

#[inline(never)]
pub fn tuple<const T: (u8, bool), const A: [char; 3], const E: ()>() -> u8 {
    T.0 + A[0] as u8
}

#[inline(never)]
pub fn call<F: FnOnce() -> usize>(f: F) -> usize {
    f()
}

pub fn größe_大きさ(ö: usize) -> usize {
    call(move || ö)
}

pub fn uses(data: &[u8], boxed: Box<dyn Any + Send + Sync>) -> usize {
    let mut n = 0;
    n += kind::<(i8, i16, i32, i64, i128, isize)>() + kind::<(u8, u16, u32, u64, u128, usize)>();
    n += kind::<(f32, f64, bool, char, (), (u8,))>() + kind::<fn() -> !>() + kind::<str>();
    n += kind::<&'static mut [u8]>() + kind::<*const *mut [u16; 7]>();
    n += kind::<unsafe extern "C" fn(u8) -> u8>() + kind::<extern "system" fn()>();
    n += kind::<unsafe extern "C-unwind" fn(*const u8, ...) -> i32>();
    n += kind::<for<'a, 'b> fn(&'a u8, &'b u8) -> &'a u8>();
    n += kind::<dyn for<'a> Fn(&'a u8) -> &'a u8 + Send>() + kind::<dyn Iterator<Item = u8> + Sync + Send>();
    n += kind::<dyn Debug>() + kind::<Box<dyn for<'a> Fn(&'a dyn for<'b> Fn(&'a u8, &'b u8))>>();
    n += Marker::<dyn Any + Send + Sync>(PhantomData).touch();
    n += Marker::<Marker<Marker<PhantomPinned>>>(PhantomData).touch();
    n += Holder([1u16, 2]).len() + Holder::<Option<&str>, 0>([]).len() + Holder([1u8, 2, 3]).sum() as usize;
    n += num::<true, '∂', -128, { u128::MAX }, { i128::MIN }>() as usize;
    n += num::<false, '\'', 127, 0, -1>() as usize;
    n += num::<false, '\u{301}', 0, { u64::MAX as u128 }, 1>() as usize;
    n += text::<"">() + text::<"it's \"∂\" \\ \n\u{0}">() + text::<{ "plain" }>();
    n += point::<{ Point { x: 7, label: "p", list: [-1, 2], pair: (true, 'c') } }>() as usize;
    n += choice::<{ Choice::Unit }>() as usize + choice::<{ Choice::Tuple(9, b"ab") }>() as usize;
    n += tuple::<{ (1, true) }, { ['a', 'b', '\t'] }, { () }>() as usize;
    n += call(|| data.len());
    n += (&&7u32).twice() as usize + [1u32, 2][..].area() as usize + [[1u32; 2]; 3].area() as usize;
    n += (1u32, (2u32, 3u32)).twice() as usize;
    n += data.iter().map(|b| *b as usize).filter(|b| b % 2 == 0).sum::<usize>();
    n += usize::from(boxed.downcast_ref::<u8>().is_some());
    drop(boxed);
    n
}

pub struct Droppable(String);

impl Drop for Droppable {
    fn drop(&mut self) {
        self.0.clear();
    }
}

pub fn objects(values: Vec<Droppable>) -> Vec<Box<dyn FnOnce() -> usize + Send>> {
    values
        .into_iter()
        .map(|v| Box::new(move || v.0.len()) as Box<dyn FnOnce() -> usize + Send>)
        .collect()
}

pub fn pointers() -> [fn(usize) -> Option<usize>; 1] {
    [Some::<usize>]
}

pub trait Callback {
    #[track_caller]
    fn fire(&self) -> u32;
}

impl Callback for u8 {
    #[track_caller]
    fn fire(&self) -> u32 {
        std::panic::Location::caller().line()
    }
}

pub fn callback() -> (&'static dyn Callback, fn(&u8) -> u32) {
    (&1u8, <u8 as Callback>::fire)
}

pub async fn waits(x: u32) -> u32 {
    async move { x + 1 }.await
}

pub fn start() -> impl std::future::Future<Output = u32> {
    let f = waits(1);
    let _ = std::mem::size_of_val(&f);
    f
}

pub fn poll(cx: &mut std::task::Context<'_>) -> bool {
    std::pin::pin!(waits(2)).poll(cx).is_ready()
}

use std::future::Future;

macro_rules! adder {
    ($name:ident) => {
        pub fn $name(x: u32) -> u32 {
            x + 1
        }
    };
}
adder!(r#match);

thread_local!(static LOCAL: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) });

pub fn local() -> usize {
    LOCAL.with(|l| l.borrow().len())
}

const _: () = {
    pub struct Hidden;
    impl Clone for Hidden {
        fn clone(&self) -> Self {
            Hidden
        }
    }
};
