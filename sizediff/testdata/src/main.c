// The C side: calls Rust and holds one symbol of every kind that C makes.

typedef unsigned long long u64;

u64 beta_sum(const unsigned *words, unsigned char *bytes, unsigned long len);
u64 beta_push(unsigned word);
u64 beta_trace(unsigned short word);

u64 notes_total;                 /* .bss */
int limit = 42;                  /* .data */
const char banner[] = "fixture"; /* .rodata, named */

static unsigned samples[8] = { 1, 2, 3, 5, 8, 13, 21, 34 };

__attribute__((weak)) int board_id(void)
{
	return 0;
}

__attribute__((visibility("hidden"))) int hidden_limit(int n)
{
	return n < limit ? n : limit;
}

__attribute__((noinline)) static unsigned char *scratch(void)
{
	static unsigned char buffer[64]; /* buffer.N, a local of a function */

	return buffer;
}

void beta_note(u64 value)
{
	static int counter;

	counter++;
	notes_total += value * (u64)counter;
}

__attribute__((section(".init.text"), noinline)) int main_init(void)
{
	return (int)beta_push((unsigned)board_id());
}

__attribute__((section(".exit.text"), noinline)) void main_exit(void)
{
	notes_total = 0;
}

void _start(void)
{
	main_init();
	beta_sum(samples, scratch(), sizeof(samples) / sizeof(samples[0]));
	beta_trace((unsigned short)hidden_limit(banner[0]));
	main_exit();
	for (;;)
		;
}
