# Every form in which LoongArch code holds an address.
	.text
	.globl	_start
	.type	_start, @function
_start:
	bl	callee
	b	callee
	b	_start
	beqz	$a0, callee
	bnez	$s8, _start
	bceqz	$fcc0, callee
	bcnez	$fcc7, _start
	beq	$a0, $s8, callee
	beq	$a0, $a1, _start
	bne	$a0, $s8, callee
	bne	$a0, $a1, _start
	blt	$a0, $s8, callee
	blt	$a0, $a1, _start
	bge	$a0, $s8, callee
	bge	$a0, $a1, _start
	bltu	$a0, $s8, callee
	bltu	$a0, $a1, _start
	bgeu	$a0, $s8, callee
	bgeu	$a0, $a1, _start
	.size	_start, . - _start
	.type	pairs, @function
pairs:
	call36	callee
	tail36	$t0, callee
	pcaddi	$a0, %pcrel_20(callee)
	pcaddi	$s8, %pcrel_20(_start)
	pcalau12i	$a0, %pc_hi20(data + 8)
	addi.d	$a0, $a0, %pc_lo12(data + 8)
	pcalau12i	$s8, %pc_hi20(data + 2040)
	ld.d	$s8, $s8, %pc_lo12(data + 2040)
	pcalau12i	$t0, %pc_hi20(data + 2048)
	ld.w	$t0, $t0, %pc_lo12(data + 2048)
	pcalau12i	$ra, %pc_hi20(data + 4088)
	ld.h	$ra, $ra, %pc_lo12(data + 4088)
	pcalau12i	$a7, %pc_hi20(data + 4656)
	ld.b	$a7, $a7, %pc_lo12(data + 4656)
	pcalau12i	$a0, %pc_hi20(data + 0)
	ld.wu	$a0, $a0, %pc_lo12(data + 0)
	pcalau12i	$s8, %pc_hi20(data + 8)
	ld.hu	$s8, $s8, %pc_lo12(data + 8)
	pcalau12i	$t0, %pc_hi20(data + 2040)
	ld.bu	$t0, $t0, %pc_lo12(data + 2040)
	pcalau12i	$ra, %pc_hi20(data + 2048)
	st.d	$s0, $ra, %pc_lo12(data + 2048)
	pcalau12i	$a7, %pc_hi20(data + 4088)
	st.w	$s0, $a7, %pc_lo12(data + 4088)
	pcalau12i	$a0, %pc_hi20(data + 4656)
	st.h	$s0, $a0, %pc_lo12(data + 4656)
	pcalau12i	$s8, %pc_hi20(data + 0)
	st.b	$s0, $s8, %pc_lo12(data + 0)
	pcalau12i	$t0, %pc_hi20(data + 8)
	.reloc	., R_LARCH_PCALA_LO12, data + 8
	fld.s	$fa1, $t0, 0
	pcalau12i	$ra, %pc_hi20(data + 2040)
	.reloc	., R_LARCH_PCALA_LO12, data + 2040
	fld.d	$fa1, $ra, 0
	pcalau12i	$a7, %pc_hi20(data + 2048)
	.reloc	., R_LARCH_PCALA_LO12, data + 2048
	fst.s	$fa1, $a7, 0
	pcalau12i	$a0, %pc_hi20(data + 4088)
	.reloc	., R_LARCH_PCALA_LO12, data + 4088
	fst.d	$fa1, $a0, 0
	pcalau12i	$s8, %pc_hi20(data + 4656)
	.reloc	., R_LARCH_PCALA_LO12, data + 4656
	vld	$vr3, $s8, 0
	pcalau12i	$t0, %pc_hi20(data + 0)
	.reloc	., R_LARCH_PCALA_LO12, data + 0
	vst	$vr3, $t0, 0
	pcalau12i	$ra, %pc_hi20(data + 8)
	.reloc	., R_LARCH_PCALA_LO12, data + 8
	xvld	$xr3, $ra, 0
	pcalau12i	$a7, %pc_hi20(data + 2040)
	.reloc	., R_LARCH_PCALA_LO12, data + 2040
	xvst	$xr3, $a7, 0
	move	$ra, $t1
	ret
	.size	pairs, . - pairs

	.type	callee, @function
callee:
	ret
	.size	callee, . - callee

	.bss
	.balign	4096
	.skip	0x7f8
data:	.skip	0x2000
