# The tables a kernel image carries beside its code, with the names and entry
# sizes the kernel uses. None of them has a symbol with a size.

	.text
	.globl	tabled
	.type	tabled, @function
	.p2align 4
tabled:
.Lcall:
	call	other
.Lret:
	ret
	.size	tabled, . - tabled
	.globl	other
	.type	other, @function
other:
	ret
	.size	other, . - other
	# A C name that only looks like Rust.
	.globl	_RasMessage
	.type	_RasMessage, @function
_RasMessage:
	ret
	.size	_RasMessage, . - _RasMessage

	.section .init.text, "ax", @progbits
	.globl	tabled_init
	.type	tabled_init, @function
tabled_init:
	xorl	%eax, %eax
	ret
	.size	tabled_init, . - tabled_init

	.section .exit.text, "ax", @progbits
	.globl	tabled_exit
	.type	tabled_exit, @function
tabled_exit:
	ret
	.size	tabled_exit, . - tabled_exit

	# One export: three entries without a size and the name.
	.macro	export name
	.section __ksymtab_strings, "aMS", @progbits, 1
__kstrtab_\name:
	.asciz	"\name"
__kstrtabns_\name:
	.asciz	""
	.section ___ksymtab_gpl+\name, "a", @progbits
	.p2align 2
__ksymtab_\name:
	.long	\name - .
	.long	__kstrtab_\name - .
	.long	__kstrtabns_\name - .
	.section __kflagstab, "a", @progbits
__flags_\name:
	.byte	1
	.endm
	export	tabled
	export	other

	.section .orc_unwind_ip, "a", @progbits
	.long	tabled - .
	.long	.Lret - .
	.long	other - .
	.section .orc_unwind, "a", @progbits
	.rept	3
	.short	8, 0, 0x15
	.endr
	.section .orc_header, "a", @progbits
	.fill	20, 1, 0x11
	.section .call_sites, "a", @progbits
	.long	.Lcall - .
	.section .return_sites, "a", @progbits
	.long	.Lret - .
	.section .retpoline_sites, "a", @progbits
	.long	.Lcall - .
	.section .ibt_endbr_seal, "a", @progbits
	.long	tabled - .
	.section __patchable_function_entries, "awo", @progbits, .text
	.p2align 3
	.quad	tabled
	.section .altinstructions, "a", @progbits
	.long	.Lcall - ., .Lalt - .
	.long	0x00030011
	.byte	5, 5
	.section .altinstr_replacement, "ax", @progbits
.Lalt:
	call	other
	.section __ex_table, "a", @progbits
	.long	.Lcall - ., .Lret - ., 1
	.section __bug_table, "aw", @progbits
	.long	.Lcall - ., 0
	.short	12, 1
	.section .smp_locks, "a", @progbits
	.long	.Lcall - .
	.section .static_call.text, "ax", @progbits
	.globl	__SCT__tabled
	.type	__SCT__tabled, @function
__SCT__tabled:
	jmp	tabled
	.byte	0x0f, 0xb9, 0xcc
	.size	__SCT__tabled, . - __SCT__tabled
	.section .BTF, "a", @progbits
	.fill	48, 1, 0x9f
	.section .modinfo, "a", @progbits
	.asciz	"license=GPL"
	.asciz	"name=tables"
	.asciz	"vermagic=6.18.0 SMP preempt mod_unload "
	.section .gnu.linkonce.this_module, "aw", @progbits
	.globl	__this_module
	.type	__this_module, @object
__this_module:
	.zero	256
	.size	__this_module, . - __this_module
	.section .data..read_mostly, "aw", @progbits
	.globl	mostly
	.type	mostly, @object
mostly:
	.quad	1
	.size	mostly, . - mostly
	.section .init.data, "aw", @progbits
	.globl	once
	.type	once, @object
once:
	.quad	2
	.size	once, . - once

	.section .note.GNU-stack, "", @progbits
