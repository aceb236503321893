// What the others refer to.
int table_a[64], table_b[64];
__attribute__((noinline)) int sink(const char *s, int n) { table_a[n & 63] += *s; return n ^ *s; }
__attribute__((noinline)) int other(const char *s, int n) { table_b[n & 63] -= *s; return n + *s; }
int a_user1(int), b_user1(int);
void _start(void) { a_user1(1); b_user1(2); }
