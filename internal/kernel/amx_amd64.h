// AMX, which Go's assembler does not know, as bytes. Tiles and registers are numbers; operands are in the order of
// Intel's manual (Software Developer's Manual, volume 2, "Instruction Set Reference").

#define rAX 0
#define rCX 1
#define rDX 2
#define rBX 3
#define rSI 6
#define rDI 7
#define rR8 8
#define rR9 9
#define rR10 10
#define rR11 11

// TILEMEM is a three-byte VEX prefix of map 0F38, opcode 4B, and the operand base + 1·index. The base is not BP or R13,
// which mean something else without a displacement. Prefix pp: 1 is 66, 2 is F3, 3 is F2.
#define TILEMEM(pp, tile, base, index) \
	BYTE $0xC4; \
	BYTE $(0xE2 - ((index)>>3)*0x40 - ((base)>>3)*0x20); \
	BYTE $(0x78 + (pp)); \
	BYTE $0x4B; \
	BYTE $(0x04 + (tile)*8); \
	BYTE $(((index)&7)*8 + ((base)&7))

// Rows of a tile are index bytes apart. LOADT1 says that they will not be used again soon.
#define TILELOADD(tile, base, index) TILEMEM(3, tile, base, index)
#define TILELOADDT1(tile, base, index) TILEMEM(1, tile, base, index)
#define TILESTORED(base, index, tile) TILEMEM(2, tile, base, index)

// TDPBUSD adds to each int32 of c the products of 64 unsigned bytes of a with 64 signed ones of b.
#define TDPBUSD(c, a, b) BYTE $0xC4; BYTE $0xE2; BYTE $((15-(b))*8 + 1); BYTE $0x5E; BYTE $(0xC0 + (c)*8 + (a))

#define TILEZERO(tile) BYTE $0xC4; BYTE $0xE2; BYTE $0x7B; BYTE $0x49; BYTE $(0xC0 + (tile)*8)
#define LDTILECFG_AX BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0x00
#define TILERELEASE BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0xC0
