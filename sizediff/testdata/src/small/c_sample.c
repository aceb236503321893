// A module without any Rust.
#include "kernel.h"

static unsigned seen;

static int probe(unsigned id)
{
	seen |= 1u << (id & 31);
	printk_write("c_sample: device\n", 17);
	return 0;
}

__attribute__((section(".init.text"))) int init_module(void)
{
	return driver_register(probe);
}

__attribute__((section(".exit.text"))) void cleanup_module(void)
{
	seen = 0;
}

__attribute__((section(".modinfo"), used)) static const char license[] = "license=GPL";
__attribute__((section(".modinfo"), used)) static const char name[] = "name=c_sample";
__attribute__((section(".modinfo"), used)) static const char vermagic[] =
	"vermagic=6.18.0 SMP preempt mod_unload ";
