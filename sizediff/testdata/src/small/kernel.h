
int driver_register(int (*probe)(unsigned id));
void printk_write(const char *text, unsigned long len);

/* One entry of the symbol table that modules are linked against. */
#define EXPORT_SYMBOL_GPL(symbol)                                    \
	__asm__(".pushsection __ksymtab_strings, \"aMS\", @progbits, 1\n" \
		"__kstrtab_" #symbol ": .asciz \"" #symbol "\"\n"        \
		"__kstrtabns_" #symbol ": .asciz \"\"\n"                 \
		".popsection\n"                                          \
		".pushsection ___ksymtab_gpl+" #symbol ", \"a\"\n"       \
		".balign 4\n"                                            \
		"__ksymtab_" #symbol ":\n"                               \
		".long " #symbol " - .\n"                                \
		".long __kstrtab_" #symbol " - .\n"                      \
		".long __kstrtabns_" #symbol " - .\n"                    \
		".popsection\n")
