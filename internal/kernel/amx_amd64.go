//go:build !purego

package kernel

// tileConfig is the memory operand of LDTILECFG: bytes a row and rows of each tile (Intel's Software
// Developer's Manual, volume 1, "Tile Architecture").
type tileConfig struct {
	palette  uint8
	_        [15]uint8
	rowBytes [16]uint16
	rows     [16]uint8
}

// tileConfigs holds the configuration for 1 to 32 rows: up to 16 in tiles 0, 1 and 4, the rest in 2, 3 and 5.
var tileConfigs = func() (configs [33]tileConfig) {
	for rows := 1; rows < len(configs); rows++ {
		upper := min(rows, 16)
		c := &configs[rows]
		c.palette = 1
		for tile, n := range [8]int{upper, upper, rows - upper, rows - upper, upper, rows - upper, 16, 16} {
			if n > 0 {
				c.rows[tile], c.rowBytes[tile] = uint8(n), 64
			}
		}
	}
	return configs
}()

// multiplyU8R32P2AMX works like multiplyU8Generic for 2 panels, 64·blocks of depth and 32·count rows, or for
// what config has of them and a count of 1; blocks, count > 0. It loads rows as what will not be used again
// soon.
//
//go:noescape
func multiplyU8R32P2AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)

// multiplyU8R32P2StreamAMX works like multiplyU8R32P2AMX, and loads panels as what will not be used again
// soon.
//
//go:noescape
func multiplyU8R32P2StreamAMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)

// multiplyU8R16P2AMX works like multiplyU8R32P2AMX for up to 16 rows and a count of 1.
//
//go:noescape
func multiplyU8R16P2AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)

// multiplyU8R32P1AMX works like multiplyU8R32P2AMX for 1 panel.
//
//go:noescape
func multiplyU8R32P1AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)

// multiplyU8R16P1AMX works like multiplyU8R16P2AMX for 1 panel.
//
//go:noescape
func multiplyU8R16P1AMX(c *int32, a *uint8, lda int, b *int8, ldb, blocks, count int, config *tileConfig)
