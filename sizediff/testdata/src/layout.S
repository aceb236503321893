# Hand-made symbol ranges: what compilers never write and assembly does.

	.text
	# Two names, one range, and a third that is longer.
	.globl	same_a, same_b, longer
	.type	same_a, @function
	.type	same_b, @function
	.type	longer, @function
	.p2align 4
same_a:
same_b:
longer:
	.fill	24, 1, 0x90
	.size	same_a, . - same_a
	.size	same_b, . - same_b
	.fill	8, 1, 0x90
	.size	longer, . - longer

	# outer holds inner; crossing begins inside outer and ends behind it.
	.p2align 4
	.globl	outer, inner, crossing
	.type	outer, @function
	.type	inner, @function
	.type	crossing, @function
outer:
	.fill	8, 1, 0x90
inner:
	.fill	8, 1, 0x90
	.size	inner, . - inner
	.fill	8, 1, 0x90
crossing:
	.fill	8, 1, 0x90
	.size	outer, . - outer
	.fill	8, 1, 0x90
	.size	crossing, . - crossing

	# Functions without a size, as much of the kernel's entry code has.
	.p2align 6
	.globl	entry_nosize
entry_nosize:
	.fill	20, 1, 0x90
	.globl	entry_next
	.type	entry_next, @function
entry_next:
	.fill	10, 1, 0x90

	# A gap of 100 bytes without any name, then alignment padding.
	.globl	gap_before, gap_after
	.type	gap_before, @function
	.type	gap_after, @function
gap_before:
	ret
	.size	gap_before, . - gap_before
	.fill	100, 1, 0xcc
	.p2align 5
gap_after:
	ret
	.size	gap_after, . - gap_after

	# Call padding: 16 bytes that belong to the function behind them.
	.p2align 4
	.type	__pfx_padded, @function
__pfx_padded:
	.fill	16, 1, 0x90
	.size	__pfx_padded, . - __pfx_padded
	.globl	padded
	.type	padded, @function
padded:
	.fill	12, 1, 0x90
	ret
	.size	padded, . - padded

	# A size that runs past the end of its section.
	.section .text.tail, "ax", @progbits
	.globl	overrun
	.type	overrun, @function
overrun:
	.fill	8, 1, 0x90
	.size	overrun, 64

	# Local labels that stay in the symbol table (as -L).
	.section .text.local, "ax", @progbits
	.globl	labelled
	.type	labelled, @function
labelled:
.Ltmp0:
	.fill	4, 1, 0x90
.Ltmp1:
	ret
	.size	labelled, . - labelled

	# Two sections of one name, as rustc's objects have, and one in a COMDAT
	# group.
	.section .rodata.twin, "a", @progbits, unique, 1
	.globl	twin_one
	.type	twin_one, @object
twin_one:
	.quad	1
	.size	twin_one, . - twin_one
	.section .rodata.twin, "a", @progbits, unique, 2
	.globl	twin_two
	.type	twin_two, @object
twin_two:
	.quad	2, 3
	.size	twin_two, . - twin_two
	.section .text.grouped, "axG", @progbits, grouped, comdat
	.weak	grouped
	.type	grouped, @function
grouped:
	ret
	.size	grouped, . - grouped

	# An object of 0 bytes and one in .bss.
	.bss
	.globl	empty, block
	.type	empty, @object
	.type	block, @object
empty:
	.size	empty, 0
	.p2align 5
block:
	.zero	40
	.size	block, . - block

	.section .note.GNU-stack, "", @progbits
