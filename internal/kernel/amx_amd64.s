//go:build !purego

#include "textflag.h"
#include "amx_amd64.h"

// A kernel multiplies count tiles of rows, one below the other, by one or two panels, over blocks of 64 of
// depth. Tiles 0 to 3 hold sums, 4 and 5 up to 16 rows of a each, 6 and 7 a panel of b each. The
// configuration is loaded and released here: between two calls a goroutine may move to another thread.
//
//	AX  16·lda, c's stride    BX  a of the upper rows    CX  b, first panel
//	DX  c                     SI  a of the lower rows    DI  b, second panel
//	R8  lda                   R9  64, b's stride         R10 blocks left       R11 c's second row of tiles
//	R12 a                     R13 tiles left

#define BEGIN \
	MOVQ config+56(FP), AX \
	LDTILECFG_AX \
	MOVQ c+0(FP), DX \
	MOVQ lda+16(FP), R8 \
	MOVQ $64, R9 \
	MOVQ a+8(FP), R12 \
	MOVQ count+48(FP), R13

#define END \
	TILERELEASE \
	RET

// ROWS points BX and SI at the rows of a tile, and NEXTROWS moves on to the next 32.
#define ROWS \
	MOVQ R12, BX \
	MOVQ R8, AX \
	SHLQ $4, AX \
	LEAQ (BX)(AX*1), SI \
	MOVQ b+24(FP), CX \
	MOVQ ldb+32(FP), DI \
	ADDQ CX, DI \
	MOVQ blocks+40(FP), R10

#define NEXTROWS \
	MOVQ R8, AX \
	SHLQ $5, AX \
	ADDQ AX, R12

#define NEXTBLOCK \
	ADDQ $64, BX \
	ADDQ $64, SI \
	ADDQ $1024, CX \
	ADDQ $1024, DI \
	DECQ R10

// TWOBYTWO is 32 rows by 2 panels, with the loads of rows and of panels given.
#define TWOBYTWO(LOADA, LOADB) \
	LOADA(4, rBX, rR8) \
	LOADB(6, rCX, rR9) \
	TDPBUSD(0, 4, 6) \
	LOADB(7, rDI, rR9) \
	TDPBUSD(1, 4, 7) \
	LOADA(5, rSI, rR8) \
	TDPBUSD(2, 5, 6) \
	TDPBUSD(3, 5, 7) \
	NEXTBLOCK

#define STORETWOBYTWO \
	MOVQ $128, AX \
	LEAQ 2048(DX), R11 \
	TILESTORED(rDX, rAX, 0) \
	TILESTORED(rR11, rAX, 2) \
	ADDQ $64, DX \
	ADDQ $64, R11 \
	TILESTORED(rDX, rAX, 1) \
	TILESTORED(rR11, rAX, 3) \
	ADDQ $4032, DX

// func multiplyU8R32P2AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)
TEXT ·multiplyU8R32P2AMX(SB), NOSPLIT, $0-64
	BEGIN

tiles:
	ROWS
	TILEZERO(0)
	TILEZERO(1)
	TILEZERO(2)
	TILEZERO(3)

blocks:
	TWOBYTWO(TILELOADDT1, TILELOADD)
	JNZ blocks
	STORETWOBYTWO
	NEXTROWS
	DECQ R13
	JNZ  tiles
	END

// func multiplyU8R32P2StreamAMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int,
//	config *tileConfig)
TEXT ·multiplyU8R32P2StreamAMX(SB), NOSPLIT, $0-64
	BEGIN

tiles:
	ROWS
	TILEZERO(0)
	TILEZERO(1)
	TILEZERO(2)
	TILEZERO(3)

blocks:
	TWOBYTWO(TILELOADD, TILELOADDT1)
	JNZ blocks
	STORETWOBYTWO
	NEXTROWS
	DECQ R13
	JNZ  tiles
	END

// func multiplyU8R16P2AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)
TEXT ·multiplyU8R16P2AMX(SB), NOSPLIT, $0-64
	BEGIN
	ROWS
	TILEZERO(0)
	TILEZERO(1)

blocks:
	TILELOADD(4, rBX, rR8)
	TILELOADDT1(6, rCX, rR9)
	TDPBUSD(0, 4, 6)
	TILELOADDT1(7, rDI, rR9)
	TDPBUSD(1, 4, 7)
	NEXTBLOCK
	JNZ  blocks
	MOVQ $128, AX
	TILESTORED(rDX, rAX, 0)
	ADDQ $64, DX
	TILESTORED(rDX, rAX, 1)
	END

// func multiplyU8R32P1AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)
TEXT ·multiplyU8R32P1AMX(SB), NOSPLIT, $0-64
	BEGIN

tiles:
	ROWS
	TILEZERO(0)
	TILEZERO(2)

blocks:
	TILELOADD(6, rCX, rR9)
	TILELOADDT1(4, rBX, rR8)
	TDPBUSD(0, 4, 6)
	TILELOADDT1(5, rSI, rR8)
	TDPBUSD(2, 5, 6)
	NEXTBLOCK
	JNZ  blocks
	TILESTORED(rDX, rR9, 0)
	ADDQ $1024, DX
	TILESTORED(rDX, rR9, 2)
	ADDQ $1024, DX
	NEXTROWS
	DECQ R13
	JNZ  tiles
	END

// func multiplyU8R16P1AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)
TEXT ·multiplyU8R16P1AMX(SB), NOSPLIT, $0-64
	BEGIN
	ROWS
	TILEZERO(0)

blocks:
	TILELOADD(4, rBX, rR8)
	TILELOADDT1(6, rCX, rR9)
	TDPBUSD(0, 4, 6)
	NEXTBLOCK
	JNZ  blocks
	TILESTORED(rDX, rR9, 0)
	END
