// Symbols whose value is not an address in a section, or whose name is shared.

int common_buffer[32];             /* COMMON with -fcommon */
__thread int tls_data = 7;         /* .tdata, STT_TLS */
__thread char tls_zero[24];        /* .tbss, STT_TLS */

static int impl(int n)
{
	return n * 3 + common_buffer[n & 31] + tls_data + tls_zero[n & 7];
}

int first_name(int n) { return impl(n); }
int second_name(int n) __attribute__((alias("first_name")));
int weak_name(int n) __attribute__((weak, alias("first_name")));

/* A constructor table entry and an indirect function. */
static int pick_one(int n) { return n + 1; }
static int (*resolve(void))(int) { return pick_one; }
int chosen(int n) __attribute__((ifunc("resolve")));

__asm__(".globl abs_marker\n.set abs_marker, 0x1000\n.size abs_marker, 64\n");
