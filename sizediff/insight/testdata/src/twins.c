// Functions that identical code folding tells apart or does not. It is compiled twice, as objects with different names.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define N(name) JOIN(PREFIX, name)
#define FAR __attribute__((noinline))

extern int sink(const char *, int);
extern int other(const char *, int);
extern int table_a[64], table_b[64];

// The same code.
FAR int N(add1)(int a, int b) { return a * 31 + b * 17 + 5; }
FAR int N(add2)(int a, int b) { return a * 31 + b * 17 + 5; }
FAR int N(add3)(int a, int b) { return a * 31 + b * 17 + 6; } // another constant

// The same but for which twin they call.
FAR int N(user1)(int a) { return N(add1)(a, 3) + sink("twins", a); }
FAR int N(user2)(int a) { return N(add2)(a, 3) + sink("twins", a); }
FAR int N(user3)(int a) { return N(add3)(a, 3) + sink("twins", a); }
FAR int N(user4)(int a) { return N(add1)(a, 3) + other("twins", a); }
FAR int N(user5)(int a) { return N(add1)(a, 3) + sink("other", a); }

// Twins that call each other, in two rings; and one that is not closed in the same way.
int N(odd1)(int), N(odd2)(int), N(odd3)(int);
FAR int N(even1)(int n) { return n ? N(odd1)(n - 1) + sink("even", n) : 1; }
FAR int N(odd1)(int n) { return n ? N(even1)(n - 1) + sink("odd", n) : 0; }
FAR int N(even2)(int n) { return n ? N(odd2)(n - 1) + sink("even", n) : 1; }
FAR int N(odd2)(int n) { return n ? N(even2)(n - 1) + sink("odd", n) : 0; }
FAR int N(even3)(int n) { return n ? N(odd3)(n - 1) + sink("even", n) : 1; }
FAR int N(odd3)(int n) { return n ? N(even3)(n - 1) + sink("odd", n + 1) : 0; }

// Recursive twins.
FAR int N(down1)(int n) { return n > 2 ? N(down1)(n / 3) * N(down1)(n - 1) + 1 : sink("down", n); }
FAR int N(down2)(int n) { return n > 2 ? N(down2)(n / 3) * N(down2)(n - 1) + 1 : sink("down", n); }

// The same and another data object.
FAR int N(load1)(int i) { return table_a[i & 63] + table_a[5]; }
FAR int N(load2)(int i) { return table_a[i & 63] + table_a[5]; }
FAR int N(load3)(int i) { return table_b[i & 63] + table_b[5]; }

// Twins whose address is taken: in data, in code, and both of a pair or one.
FAR int N(taken1)(int a) { return a * 77 + sink("taken", a); }
FAR int N(taken2)(int a) { return a * 77 + sink("taken", a); }
FAR int N(half1)(int a) { return a * 99 + sink("half", a); }
FAR int N(half2)(int a) { return a * 99 + sink("half", a); }
FAR int N(half3)(int a) { return a * 99 + sink("half", a); }
int (*N(handlers)[])(int) = {N(taken1), N(taken2)};
typedef int (*handler)(int);
FAR handler N(pick1)(int a) { return a ? N(half1) : 0; }

// What calls a taken twin, and what takes its address: the same only when everything folds.
FAR int N(asks1)(int a) { return N(taken1)(a + 1) + 1; }
FAR int N(asks2)(int a) { return N(taken2)(a + 1) + 1; }
FAR handler N(gives1)(void) { return N(taken1); }
FAR handler N(gives2)(void) { return N(taken2); }

// More than one block.
#define CASES(f) case 0: return f("0", n); case 1: return f("1", 7); case 2: return f("2", n - 1); \
	case 3: return f("3", n * n); case 4: return f("4", n + 9); case 5: return f("5", 2 * n);
FAR int N(switch1)(int n, int k) { switch (k) { CASES(sink) } return 0; }
FAR int N(switch2)(int n, int k) { switch (k) { CASES(sink) } return 0; }

// Another section.
__attribute__((section(".init.text"))) FAR int N(boot1)(int a, int b) { return a * 31 + b * 17 + 5; }

// A tail that two functions share.
FAR int N(tail1)(int a) { int r = sink("tail1", a) ^ 0x1234; table_a[7] = r; table_a[9] = 4; return sink("end", 12); }
FAR int N(tail2)(int a) { int r = other("tail2", a * 3) - 77; table_a[7] = r; table_a[9] = 4; return sink("end", 12); }
