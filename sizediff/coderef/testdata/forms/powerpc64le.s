# Every form in which 64-bit Power code holds an address.
	.abiversion 2
	.machine "power10"
	.text
	.globl	_start
	.type	_start, @function
_start:
	addis	2, 12, .TOC. - _start@ha
	addi	2, 2, .TOC. - _start@l
	.localentry _start, . - _start
	bl	callee
	nop
	b	callee
	b	_start
	ba	0x1000
	bla	0x2000
	beq	callee
	bne	7, _start
	bdnz	callee
	bdnzl	callee
	bclr	20, 0
	bcl	20, 31, 1f
1:	bca	12, 2, 0x1000
	addis	3, 2, data + 8@toc@ha
	addi	3, 3, data + 8@toc@l
	addis	9, 2, data + 2040@toc@ha
	ld	9, data + 2040@toc@l(9)
	addis	31, 2, data + 2048@toc@ha
	lwz	31, data + 2048@toc@l(31)
	addis	12, 2, data + 4088@toc@ha
	lwa	12, data + 4088@toc@l(12)
	addis	3, 2, data + 4656@toc@ha
	lha	3, data + 4656@toc@l(3)
	addis	9, 2, data + 0@toc@ha
	lhz	9, data + 0@toc@l(9)
	addis	31, 2, data + 8@toc@ha
	lbz	31, data + 8@toc@l(31)
	addis	12, 2, data + 2040@toc@ha
	std	30, data + 2040@toc@l(12)
	addis	3, 2, data + 2048@toc@ha
	stw	30, data + 2048@toc@l(3)
	addis	9, 2, data + 4088@toc@ha
	sth	30, data + 4088@toc@l(9)
	addis	31, 2, data + 4656@toc@ha
	stb	30, data + 4656@toc@l(31)
	addis	12, 2, data + 0@toc@ha
	lfd	1, data + 0@toc@l(12)
	addis	3, 2, data + 8@toc@ha
	lfs	1, data + 8@toc@l(3)
	addis	9, 2, data + 2040@toc@ha
	stfd	1, data + 2040@toc@l(9)
	addis	31, 2, data + 2048@toc@ha
	stfs	1, data + 2048@toc@l(31)
	addis	12, 2, data + 4088@toc@ha
	lxsd	1, data + 4088@toc@l(12)
	addis	3, 2, data + 4656@toc@ha
	lxssp	1, data + 4656@toc@l(3)
	addis	9, 2, data + 0@toc@ha
	stxsd	1, data + 0@toc@l(9)
	addis	31, 2, data + 8@toc@ha
	stxssp	1, data + 8@toc@l(31)
	addis	12, 2, data + 2040@toc@ha
	lxv	33, data + 2040@toc@l(12)
	addis	9, 2, data + 4088@toc@ha
	stxv	33, data + 4088@toc@l(9)
	addi	4, 2, near@toc@l
	ld	5, near@toc@l(2)
	blr
	.size	_start, . - _start

	.type	prefixed, @function
prefixed:
	bl	callee@notoc
	pla	3, callee@pcrel
	pla	3, data + 4656@pcrel
	pld	3, data + 0@pcrel
	plwz	3, data + 8@pcrel
	plwa	3, data + 2040@pcrel
	plhz	3, data + 2048@pcrel
	plha	3, data + 4088@pcrel
	plbz	3, data + 4656@pcrel
	pstd	1, data + 0@pcrel
	pstw	1, data + 8@pcrel
	psth	1, data + 2040@pcrel
	pstb	1, data + 2048@pcrel
	plfd	1, data + 4088@pcrel
	plfs	1, data + 4656@pcrel
	pstfd	1, data + 0@pcrel
	pstfs	1, data + 8@pcrel
	plxsd	1, data + 2040@pcrel
	plxssp	1, data + 2048@pcrel
	pstxsd	1, data + 4088@pcrel
	pstxssp	1, data + 4656@pcrel
	plxv	33, data + 0@pcrel
	pstxv	33, data + 8@pcrel
	# not from the program counter
	paddi	3, 4, 0x12345
	pld	3, 0x12345(4)
	blr
	.size	prefixed, . - prefixed

	.type	callee, @function
callee:
	blr
	.size	callee, . - callee

	.section .sdata, "aw"
	.balign	16
near:	.quad	0
	.bss
	.balign	4096
	.skip	0x207f8
data:	.skip	0x2000
