# arm64: data inside code. The assembler marks the changes with $x and $d.

	.text
	.globl	switch
	.type	switch, %function
switch:
	adr	x1, .Ltable
	ldrb	w0, [x1, x0]
	ret
.Ltable:
	.byte	1, 2, 3, 4
	.size	switch, . - switch
	.globl	behind
	.type	behind, %function
behind:
	mov	x0, #0
	ret
	.size	behind, . - behind
	.section .rodata, "a", %progbits
	.globl	constant
	.type	constant, %object
constant:
	.quad	1
	.size	constant, . - constant
	.section .note.GNU-stack, "", %progbits
