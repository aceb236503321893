# Every form in which RISC-V code holds an address, with the shortest and the longest distances that fit here.
	.option	norelax
	.text
	.globl	_start
	.type	_start, @function
_start:
	jal	ra, callee
	jal	t0, callee
	j	_start
	jal	zero, callee
	call	callee
	tail	callee
	call	t0, callee
	beq	a0, a1, callee
	beq	a0, s11, _start
	bne	a0, a1, callee
	bne	a0, s11, _start
	blt	a0, a1, callee
	blt	a0, s11, _start
	bge	a0, a1, callee
	bge	a0, s11, _start
	bltu	a0, a1, callee
	bltu	a0, s11, _start
	bgeu	a0, a1, callee
	bgeu	a0, s11, _start
	.option	rvc
	beqz	a0, near
	c.beqz	a0, near
	c.bnez	s1, near
	c.j	near
	.size	_start, . - _start
	.type	near, @function
near:
	c.bnez	a5, near
	c.j	_start
	.size	near, . - near
	.type	pairs, @function
pairs:
101:	auipc	a0, %pcrel_hi(data + 8)
	addi	a0, a0, %pcrel_lo(101b)
102:	auipc	a5, %pcrel_hi(data + 2040)
	ld	a5, %pcrel_lo(102b)(a5)
103:	auipc	s1, %pcrel_hi(data + 2048)
	lw	s1, %pcrel_lo(103b)(s1)
104:	auipc	t6, %pcrel_hi(data + 4088)
	lh	t6, %pcrel_lo(104b)(t6)
105:	auipc	ra, %pcrel_hi(data + 4656)
	lb	ra, %pcrel_lo(105b)(ra)
106:	auipc	a0, %pcrel_hi(data + 0)
	lwu	a0, %pcrel_lo(106b)(a0)
107:	auipc	a5, %pcrel_hi(data + 8)
	lhu	a5, %pcrel_lo(107b)(a5)
108:	auipc	s1, %pcrel_hi(data + 2040)
	lbu	s1, %pcrel_lo(108b)(s1)
109:	auipc	t6, %pcrel_hi(data + 2048)
	flw	ft0, %pcrel_lo(109b)(t6)
110:	auipc	ra, %pcrel_hi(data + 4088)
	fld	fa5, %pcrel_lo(110b)(ra)
111:	auipc	a0, %pcrel_hi(data + 4656)
	sd	s2, %pcrel_lo(111b)(a0)
112:	auipc	a5, %pcrel_hi(data + 0)
	sw	s2, %pcrel_lo(112b)(a5)
113:	auipc	s1, %pcrel_hi(data + 8)
	sh	s2, %pcrel_lo(113b)(s1)
114:	auipc	t6, %pcrel_hi(data + 2040)
	sb	s2, %pcrel_lo(114b)(t6)
115:	auipc	ra, %pcrel_hi(data + 2048)
	fsw	ft0, %pcrel_lo(115b)(ra)
116:	auipc	a0, %pcrel_hi(data + 4088)
	fsd	fa5, %pcrel_lo(116b)(a0)
	lui	a5, %hi(data + 4656)
	addi	a5, a5, %lo(data + 4656)
	lui	s1, %hi(data + 0)
	ld	s1, %lo(data + 0)(s1)
	lui	t6, %hi(data + 8)
	sd	s2, %lo(data + 8)(t6)
	lui	ra, %hi(data + 2040)
	lbu	ra, %lo(data + 2040)(ra)
	.insn	2, 0x6555			# c.lui a0, 21
	.option	norvc
	addi	a0, a0, 8
	.option	rvc
	ret
	.size	pairs, . - pairs

	.type	callee, @function
callee:
	la	a0, callee
	ret
	.size	callee, . - callee

	.bss
	.balign	4096
	.skip	0x7f8
data:	.skip	0x2000
