//go:build !purego

#include "textflag.h"

// Sums are independent of each other and so many that none waits for its last value. All values are 0: no processor is
// faster for it, and none is throttled.

// func readAVX2(x *uint64, words, passes int)
TEXT ·readAVX2(SB), NOSPLIT, $0-24
	MOVQ words+8(FP), BX
	MOVQ passes+16(FP), DX

pass:
	MOVQ x+0(FP), SI
	MOVQ BX, CX

block:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	VMOVDQU 128(SI), Y4
	VMOVDQU 160(SI), Y5
	VMOVDQU 192(SI), Y6
	VMOVDQU 224(SI), Y7
	VMOVDQU 256(SI), Y8
	VMOVDQU 288(SI), Y9
	VMOVDQU 320(SI), Y10
	VMOVDQU 352(SI), Y11
	VMOVDQU 384(SI), Y12
	VMOVDQU 416(SI), Y13
	VMOVDQU 448(SI), Y14
	VMOVDQU 480(SI), Y15
	ADDQ    $512, SI
	SUBQ    $64, CX
	JNZ     block
	DECQ    DX
	JNZ     pass
	VZEROUPPER
	RET

#define MULTIPLYADD(sum) \
	VPMADDWD Y12, Y13, Y14 \
	VPADDD   Y14, sum, sum

// func peakVPMADDWD(iterations int)
TEXT ·peakVPMADDWD(SB), NOSPLIT, $0-8
	MOVQ iterations+0(FP), CX
	VZEROALL

iteration:
	MULTIPLYADD(Y0)
	MULTIPLYADD(Y1)
	MULTIPLYADD(Y2)
	MULTIPLYADD(Y3)
	MULTIPLYADD(Y4)
	MULTIPLYADD(Y5)
	MULTIPLYADD(Y6)
	MULTIPLYADD(Y7)
	MULTIPLYADD(Y8)
	MULTIPLYADD(Y9)
	MULTIPLYADD(Y10)
	MULTIPLYADD(Y11)
	DECQ CX
	JNZ  iteration
	VZEROUPPER
	RET

// func peakFMA(iterations int)
TEXT ·peakFMA(SB), NOSPLIT, $0-8
	MOVQ iterations+0(FP), CX
	VZEROALL

iteration:
	VFMADD231PS Y12, Y13, Y0
	VFMADD231PS Y12, Y13, Y1
	VFMADD231PS Y12, Y13, Y2
	VFMADD231PS Y12, Y13, Y3
	VFMADD231PS Y12, Y13, Y4
	VFMADD231PS Y12, Y13, Y5
	VFMADD231PS Y12, Y13, Y6
	VFMADD231PS Y12, Y13, Y7
	VFMADD231PS Y12, Y13, Y8
	VFMADD231PS Y12, Y13, Y9
	VFMADD231PS Y12, Y13, Y10
	VFMADD231PS Y12, Y13, Y11
	DECQ        CX
	JNZ         iteration
	VZEROUPPER
	RET

// func peakVPDPBUSD(iterations int)
TEXT ·peakVPDPBUSD(SB), NOSPLIT, $0-8
	MOVQ iterations+0(FP), CX
	VZEROALL

iteration:
	VPDPBUSD Z12, Z13, Z0
	VPDPBUSD Z12, Z13, Z1
	VPDPBUSD Z12, Z13, Z2
	VPDPBUSD Z12, Z13, Z3
	VPDPBUSD Z12, Z13, Z4
	VPDPBUSD Z12, Z13, Z5
	VPDPBUSD Z12, Z13, Z6
	VPDPBUSD Z12, Z13, Z7
	VPDPBUSD Z12, Z13, Z8
	VPDPBUSD Z12, Z13, Z9
	VPDPBUSD Z12, Z13, Z10
	VPDPBUSD Z12, Z13, Z11
	DECQ     CX
	JNZ      iteration
	VZEROUPPER
	RET

// Tile instructions, which the assembler does not know, in the VEX encoding of Intel's manual, volume 2. The tile is
// in the middle of the last byte, or for TDPBUSD the sum, with the unsigned bytes below it and the signed ones,
// inverted, in the third.
#define LDTILECFG_AX BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0x00
#define TILERELEASE BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0xC0
#define TILEZERO(tile) BYTE $0xC4; BYTE $0xE2; BYTE $0x7B; BYTE $0x49; BYTE $(0xC0 + 8*tile)
#define TDPBUSD(signed, unsigned, sum) BYTE $0xC4; BYTE $0xE2; BYTE $(0x79 - 8*signed); BYTE $0x5E; BYTE $(0xC0 + 8*sum + unsigned)

// Palette 1: 8 tiles of 16 rows, of 64 bytes each.
DATA tiles<>+0(SB)/8, $1
DATA tiles<>+8(SB)/8, $0
DATA tiles<>+16(SB)/8, $0x0040004000400040
DATA tiles<>+24(SB)/8, $0x0040004000400040
DATA tiles<>+32(SB)/8, $0
DATA tiles<>+40(SB)/8, $0
DATA tiles<>+48(SB)/8, $0x1010101010101010
DATA tiles<>+56(SB)/8, $0
GLOBL tiles<>(SB), RODATA|NOPTR, $64

// func peakTDPBUSD(iterations int)
TEXT ·peakTDPBUSD(SB), NOSPLIT, $0-8
	MOVQ iterations+0(FP), CX
	LEAQ tiles<>(SB), AX
	LDTILECFG_AX
	TILEZERO(0)
	TILEZERO(1)
	TILEZERO(2)
	TILEZERO(3)
	TILEZERO(4)
	TILEZERO(5)
	TILEZERO(6)
	TILEZERO(7)

iteration:
	TDPBUSD(6, 4, 0)
	TDPBUSD(7, 4, 1)
	TDPBUSD(6, 5, 2)
	TDPBUSD(7, 5, 3)
	DECQ CX
	JNZ  iteration
	TILERELEASE
	RET
