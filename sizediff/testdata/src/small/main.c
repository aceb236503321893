// Start-up and the driver core.
#include "kernel.h"

extern int (*const __initcall_start[])(void);
extern int (*const __initcall_end[])(void);

static int (*drivers[16])(unsigned id);
static unsigned n_drivers;

int driver_register(int (*probe)(unsigned id))
{
	if (n_drivers >= 16)
		return -28;
	drivers[n_drivers++] = probe;
	return probe(n_drivers);
}
EXPORT_SYMBOL_GPL(driver_register);

static unsigned registers[4][2] __attribute__((section(".init.data"))) = {
	{ 0x150, 0x301 }, { 0x160, 0x200 },
};

unsigned read_register(unsigned id, unsigned reg)
{
	return registers[id & 3][reg & 1];
}

__attribute__((section(".init.text"))) static void do_initcalls(void)
{
	int (*const *call)(void);

	for (call = __initcall_start; call < __initcall_end; call++)
		if ((*call)())
			printk_write("initcall stopped\n", 17);
}

__attribute__((section(".init.text"))) void start_kernel(void)
{
	printk_write("starting\n", 9);
	do_initcalls();
	for (;;)
		;
}
