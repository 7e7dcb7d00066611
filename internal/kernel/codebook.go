package kernel

// Codebook is the right operand of a product whose weights are looked up, Panels panels of Depth depth. The
// weight of code q, in a group with the multiplier m, is
//
//	w = saturate((Levels[q]·m·256 + 2^14) >> 15),   −128 … 127,
//
// that is Levels[q]·m/128, rounded to nearest, ties up. Levels are in −128 … 127 and multipliers in −127 …
// 127; or levels are in −256 … 254 and even, and multipliers 64 or 0, so that w is half a level.
//
// Codes of 4 bits lie in blocks of 32 of depth, those of 2 bits in blocks of 64. A block has 256 bytes,
// [4][4][16]: byte i of (p, c) is of column p + 4·c of the panel, and bits Bits·f up to Bits·(f+1) of it are
// the code at depth 16·f + i. So 16 bytes index a table of one column, and a transpose of 4×4 words of 32 bits
// makes the layout of int8 weights of what they find.
//
// Multipliers are [panel][unit][16][together]: a unit is Size of depth, or a block where that is more, and
// has that many groups together. Column j stands at place 4·(j%4) + j/4. 16 bytes behind the last are
// readable too.
type Codebook struct {
	Bits        int // of a code, 2 or 4
	Size        int // of a group, in depth: 16, 32, 64, 128 or Depth
	Depth       int // a multiple of 64
	Panels      int
	Levels      [16]int16 // those of 2 bits are four times the same
	Codes       []uint8
	Multipliers []int8
	Sums        []int32 // Σ w over the depth of a column, [panel][16]: for kernels that take activations off 128
}

const (
	codeBlockBytes = 256
	codeLane       = 16       // bytes of a column in a block
	codeReadable   = codeLane // behind the last multiplier
)

// CodeBlock returns the depth of a block of codes of the given bits.
func CodeBlock(bits int) int { return codeLane * 8 / bits }

// CodeLane returns which of the lanes of a block is that of column j of a panel.
func CodeLane(j int) int { return j%4*4 + j/4 }

// CodePlace returns in which byte of a block the code at depth p of column j is.
func CodePlace(j, p int) int { return CodeLane(j)*codeLane + p%codeLane }

// CodeShift returns by how many bits it is shifted there.
func CodeShift(bits, p int) int { return p / codeLane * bits }

// CodeUnits returns how many units a panel has, of how many groups together each.
func CodeUnits(bits, size, depth int) (units, together int) {
	block := CodeBlock(bits)
	return (depth + max(size, block) - 1) / max(size, block), max(1, block/size)
}

// From returns count panels from panel first on.
func (c *Codebook) From(first, count int) Codebook {
	part := *c
	codes, multipliers := c.panelBytes()
	part.Panels = count
	part.Codes, part.Sums = c.Codes[first*codes:][:count*codes], c.Sums[first*PanelColumns:][:count*PanelColumns]
	part.Multipliers = c.Multipliers[first*multipliers:][:count*multipliers+codeReadable]
	return part
}

// Part returns so much depth of a panel, from depth p on, both multiples of 64 and p one of units. Its sums are
// those of the panel.
func (c *Codebook) Part(panel, p, depth int) Codebook {
	part := c.From(panel, 1)
	units, together := CodeUnits(c.Bits, c.Size, p)
	part.Depth, part.Size = depth, min(c.Size, max(depth, 128))
	part.Codes = part.Codes[p/CodeBlock(c.Bits)*codeBlockBytes:]
	if c.Size <= 128 {
		part.Multipliers = part.Multipliers[units*together*PanelColumns:]
	}
	return part
}

// panelBytes returns the bytes of a panel's codes and of its multipliers.
func (c *Codebook) panelBytes() (codes, multipliers int) {
	units, together := CodeUnits(c.Bits, c.Size, c.Depth)
	return c.Depth / CodeBlock(c.Bits) * codeBlockBytes, units * together * PanelColumns
}

// check panics where lengths do not go together, a bug of the caller.
func (c *Codebook) check() {
	codes, multipliers := c.panelBytes()
	if c.Depth < 64 || c.Depth%64 != 0 || c.Panels < 1 || len(c.Codes) < c.Panels*codes || len(c.Multipliers) < c.Panels*multipliers+codeReadable {
		panic("kernel: the lengths of a codebook do not go together")
	}
}

// weights sets dst to the weights of a block, as steps of 16 columns.
func (c *Codebook) weights(dst *[64 * PanelColumns]int8, panel, block int) {
	depth, fields := CodeBlock(c.Bits), 8/c.Bits
	panelCodes, panelMultipliers := c.panelBytes()
	_, together := CodeUnits(c.Bits, c.Size, c.Depth)
	codes := c.Codes[panel*panelCodes+block*codeBlockBytes:][:codeBlockBytes]
	unit := c.Multipliers[panel*panelMultipliers+block*depth/max(c.Size, depth)*PanelColumns*together:]
	for j := range PanelColumns {
		lane := CodeLane(j)
		for f := range fields {
			multiplier := int32(unit[lane*together+f*together/fields])
			var table [16]int8
			for q := range 1 << c.Bits {
				table[q] = WeightOf(c.Levels[q], multiplier)
			}
			for i, b := range codes[lane*codeLane:][:codeLane] {
				p := f*codeLane + i
				dst[p/StepDepth*StepBytes+j*StepDepth+p%StepDepth] = table[b>>(f*c.Bits)&(1<<c.Bits-1)]
			}
		}
	}
}

// WeightOf returns the weight of a level of a Codebook in a group with the given multiplier.
func WeightOf(level int16, multiplier int32) int8 {
	return int8(max(-128, min(127, (int32(level)*multiplier<<8+1<<14)>>15)))
}

// decodeCodesGeneric sets dst to the weights, panel by panel, as Right has them.
func decodeCodesGeneric(dst []int8, c Codebook) {
	c.check()
	var weights [64 * PanelColumns]int8
	for panel := range c.Panels {
		for block := range c.Depth / CodeBlock(c.Bits) {
			c.weights(&weights, panel, block)
			dst = dst[copy(dst, weights[:CodeBlock(c.Bits)*PanelColumns]):]
		}
	}
}

// multiplyCodesGeneric sets sums[p][i][j] = Σ a[p][i][d]·w[d][j], modulo 2^32, for planes p of unsigned bytes
// that are one line of rows without gaps, and the columns j of all panels; sums is dense. A row has the depth
// of b.
func multiplyCodesGeneric(sums []int32, a *Left, b Codebook) {
	checkMultiplyCodes(sums, a, &b)
	clear(sums[:a.Planes*a.Rows*b.Panels*PanelColumns])
	depth := CodeBlock(b.Bits)
	var weights [64 * PanelColumns]int8
	for panel := range b.Panels {
		for block := range b.Depth / depth {
			b.weights(&weights, panel, block)
			for i := range a.Planes * a.Rows {
				x := a.Data[i/a.Rows*a.Plane+i%a.Rows*a.Stride+block*depth:][:depth]
				U8.addSteps((*[PanelColumns]int32)(sums[(i*b.Panels+panel)*PanelColumns:]), x, weights[:])
			}
		}
	}
}

// checkMultiplyCodes panics where lengths do not go together, a bug of the caller.
func checkMultiplyCodes(sums []int32, a *Left, b *Codebook) {
	b.check()
	if a.Rows < 1 || a.Planes < 1 || a.Lines != 1 || len(a.Gaps) > 0 || a.Steps*StepDepth != b.Depth || len(a.Data) < a.extent(1) ||
		len(sums) < a.Planes*a.Rows*b.Panels*PanelColumns || len(b.Sums) < b.Panels*PanelColumns {
		panic("kernel: MultiplyCodes: lengths do not go together")
	}
}
