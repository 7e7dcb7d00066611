package digits

import "math/rand/v2"

// between returns a random number in [low, high], every one as likely.
func between(rng *rand.Rand, low, high int64) int64 { return low + rng.Int64N(high-low+1) }

// percent returns a random fixed-point number between −n% and n%.
func percent(rng *rand.Rand, n int64) int64 { return between(rng, -n*one/100, n*one/100) }

// mul returns the product of two fixed-point numbers, rounded towards zero.
func mul(a, b int64) int64 { return a * b / one }

// warp is a map of the plane, (x, y) to row 0 and row 1 of warp · (1, x, y, x·y, x², y²).
type warp [2][6]int64

// newWarp returns a random warp of a shape to pixels:
//
//	p = centre + R·S·(x, y) + bend(x, y)
//
// S makes the height 14 to 20 pixels, the width 75% to 125% of what the height asks for, and slants by up
// to 40% of the height; R rotates by up to 20°; the bend, a quadratic form in x and y, moves the outline by
// up to 1.2 pixels for each of its terms.
func newWarp(rng *rand.Rand) warp {
	// tan(θ/2) gives the sine and cosine of θ without a function whose last bit depends on the machine.
	tan := percent(rng, 18) // tan(10°) ≈ 0.18
	norm := one + mul(tan, tan)
	sin, cos := 2*tan*one/norm, (one-mul(tan, tan))*one/norm

	high := between(rng, 7*one, 10*one)
	wide := high + mul(high, percent(rng, 25))
	slant := mul(high, percent(rng, 40))

	w := warp{
		{centre + percent(rng, 200), mul(cos, wide), mul(cos, slant) - mul(sin, high)},
		{centre + percent(rng, 200), mul(sin, wide), mul(sin, slant) + mul(cos, high)},
	}
	for axis := range w {
		for term := 3; term < 6; term++ {
			w[axis][term] = percent(rng, 120)
		}
	}
	return w
}

// centre is the middle of an image, in pixels.
const centre = side / 2 * one

// at returns w(p).
func (w *warp) at(p point) point {
	var q [2]int64
	for axis, c := range w {
		q[axis] = c[0] + mul(c[1], p.x) + mul(c[2], p.y) + mul(c[3], mul(p.x, p.y)) + mul(c[4], mul(p.x, p.x)) + mul(c[5], mul(p.y, p.y))
	}
	return point{q[0], q[1]}
}
