# Every form in which z/Architecture code holds an address.
	.text
	.globl	_start
	.type	_start, @function
_start:
	brasl	%r14, callee
	bras	%r14, callee
	brc	15, callee
	brc	8, _start
	brc	0, callee
	brcl	15, callee
	brcl	7, _start
	brcl	0, callee
	brct	%r2, callee
	brctg	%r2, _start
	brcth	%r2, callee
	brxh	%r2, %r4, callee
	brxle	%r2, %r4, _start
	brxhg	%r2, %r4, callee
	brxlg	%r2, %r4, _start
	crj	%r2, %r3, 8, callee
	crje	%r2, %r3, _start
	cgrj	%r2, %r3, 8, callee
	cgrje	%r2, %r3, _start
	clrj	%r2, %r3, 8, callee
	clrje	%r2, %r3, _start
	clgrj	%r2, %r3, 8, callee
	clgrje	%r2, %r3, _start
	cij	%r2, 5, 8, callee
	cijl	%r2, 5, _start
	cgij	%r2, 5, 8, callee
	cgijl	%r2, 5, _start
	clij	%r2, 5, 8, callee
	clijl	%r2, 5, _start
	clgij	%r2, 5, 8, callee
	clgijl	%r2, 5, _start
	.size	_start, . - _start
	.type	operands, @function
operands:
	larl	%r2, callee
	larl	%r2, _start
	larl	%r3, data + 0
	exrl	%r3, data + 16
	pfdrl	2, data + 32
	lrl	%r3, data + 48
	lgrl	%r3, data + 64
	lgfrl	%r3, data + 80
	lhrl	%r3, data + 96
	lghrl	%r3, data + 112
	llhrl	%r3, data + 128
	llghrl	%r3, data + 144
	llgfrl	%r3, data + 160
	strl	%r3, data + 176
	stgrl	%r3, data + 192
	sthrl	%r3, data + 208
	crl	%r3, data + 224
	cgrl	%r3, data + 240
	cgfrl	%r3, data + 256
	clrl	%r3, data + 272
	clgrl	%r3, data + 288
	clgfrl	%r3, data + 304
	chrl	%r3, data + 320
	cghrl	%r3, data + 336
	clhrl	%r3, data + 352
	clghrl	%r3, data + 368
	# immediates of the same formats
	lgfi	%r2, 0x12345678
	iihf	%r2, 0x12345678
	algfi	%r2, 0x12345678
	msgfi	%r2, 0x12345678
	aih	%r2, 0x12345678
	lghi	%r2, 0x1234
	aghik	%r2, %r3, 0x1234
	cgrt	%r2, %r3, 8
	bpp	8, callee, 0(%r2)
	lay	%r2, 0x7654(%r3)
	mvc	0(8, %r2), 0(%r3)
	br	%r14
	.size	operands, . - operands

	.type	callee, @function
callee:
	br	%r14
	.size	callee, . - callee

	.bss
	.balign	4096
data:	.skip	0x400
