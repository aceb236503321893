// What is a macro or inline in C, made callable from Rust.
#include "kernel.h"

void rust_helper_spin_lock(unsigned *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
}
EXPORT_SYMBOL_GPL(rust_helper_spin_lock);

void rust_helper_spin_unlock(unsigned *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
EXPORT_SYMBOL_GPL(rust_helper_spin_unlock);

_Noreturn void rust_helper_BUG(void)
{
	__builtin_trap();
}
EXPORT_SYMBOL_GPL(rust_helper_BUG);
