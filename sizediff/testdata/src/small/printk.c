// The log buffer and what libc would have.
#include "kernel.h"

char log_buffer[4096];
unsigned long log_end;
int console_loglevel = 7;

void printk_write(const char *text, unsigned long len)
{
	if (!console_loglevel)
		return;
	while (len--)
		log_buffer[log_end++ % sizeof(log_buffer)] = *text++;
}
EXPORT_SYMBOL_GPL(printk_write);

void *memcpy(void *to, const void *from, unsigned long n)
{
	void *ret = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return ret;
}
EXPORT_SYMBOL_GPL(memcpy);

void *memset(void *to, int c, unsigned long n)
{
	void *ret = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
	return ret;
}
EXPORT_SYMBOL_GPL(memset);

int memcmp(const void *a, const void *b, unsigned long n)
{
	const unsigned char *x = a, *y = b;

	for (; n--; x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
EXPORT_SYMBOL_GPL(memcmp);
