/* References inside of one section, which an assembler may resolve without a relocation. */
static __attribute__((noinline)) int called(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static __attribute__((noinline, used)) int taken(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 2;
}

int calls(int x)
{
	return called(x) * 2;
}

int jumps(int x)
{
	return called(x + 3);
}

void *takes(void)
{
	return taken;
}
