package calib

import (
	"math"

	"euryale/qtensor"
)

// Entropy returns the estimator of the range with the least Kullback-Leibler divergence, as TensorRT's entropy
// calibration has it:
//
//	KL(P‖Q) = Σ p[b]·ln(p[b]/q[b]) over the bins of the range
//
// P is the distribution over the bins of the range, with all that lies outside in its outer bins. Q is that of
// what lies inside, after it was quantized: what falls on one quantized value is spread evenly over those of
// its bins that are not empty. Both are smoothed by 1/10,000 of a value for each bin. The candidates reach from
// 0, or under Uniform from the median, equally far to both sides, within the observed range, in steps of 8
// bins down to as many bins as there are quantized values. The bin of 0, which quantizing keeps as it is, has
// the count of its neighbour.
//
// Nothing is clipped where a histogram has less than 4 bins for each quantized value, which would make every
// candidate look right. Others have 2,049 to 4,096 bins. The divergence does not see how far values are
// clipped: below 8 bits, and for data that is never negative, MSE is better by far.
//
// Errors of Range: ErrEmpty; qtensor.ErrScheme. Source: S. Migacz, 8-bit Inference with TensorRT, GTC 2017.
func Entropy() RangeEstimator { return entropy{} }

type entropy struct{}

func (entropy) String() string { return "entropy" }

// Candidates of Entropy.
const (
	binsPerLevel = 4
	entropyStep  = 8
	smoothing    = 1e-4
)

func (entropy) Range(h *Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	return clipped("Entropy", h, s, func(b *bins) (lo, hi float32, err error) {
		lo, hi = b.min, b.max
		low, high := s.CodeRange()
		fewest := int(high-low) + 1
		if len(b.counts) < binsPerLevel*fewest {
			return lo, hi, nil
		}
		least, d := math.Inf(1), divergenceOf(b, s)
		for reach := b.reach(); ; reach -= entropyStep {
			from, to := b.window(reach)
			if to-from < fewest {
				return lo, hi, nil
			}
			l, h := b.span(from, to)
			levels, err := levelsOf(s, l, h)
			if err != nil {
				return 0, 0, err
			}
			if kl := d.of(from-b.first, to-b.first, levels); kl < least {
				lo, hi, least = l, h, kl
			}
		}
	})
}

// divergence finds KL(P‖Q) of ranges of bins, which it counts from 0.
type divergence struct {
	*bins
	counts  []float64 // of the bins, but for that of 0
	centres []float64
	total   float64
	smooth  float64
	logs    []float64 // ln of the smoothed fraction of each bin
}

func divergenceOf(b *bins, s qtensor.Scheme) *divergence {
	d := &divergence{bins: b, smooth: smoothing / float64(len(b.counts))}
	for i, n := range b.counts {
		d.counts = append(d.counts, float64(n))
		d.centres = append(d.centres, (b.edge(b.first+i)+b.edge(b.first+i+1))/2)
	}
	if zero := -b.first; !s.HasOffset() && zero >= 0 && zero < len(d.counts) {
		neighbour := zero + 1
		if neighbour == len(d.counts) {
			neighbour = zero - 1
		}
		d.counts[zero] = d.counts[neighbour]
	}
	d.total = sum(d.counts)
	for _, n := range d.counts {
		d.logs = append(d.logs, ln(n/d.total+d.smooth))
	}
	return d
}

// of returns KL(P‖Q) of the bins from … to − 1, for the levels of their range.
func (d *divergence) of(from, to int, l levels) (kl float64) {
	below, above := sum(d.counts[:from]), sum(d.counts[to:])
	inside := d.total - below - above
	for begin := from; begin < to; {
		end, mass, filled := d.onLevel(begin, to, l)
		q := ln(mass/(filled*inside) + d.smooth) // unused where no bin is filled
		for i := begin; i < end; i++ {
			outside := 0.0
			if i == from {
				outside += below
			}
			if i == to-1 {
				outside += above
			}
			kl += d.term(i, outside, q)
		}
		begin = end
	}
	return kl
}

// onLevel returns the end of the bins behind begin that are quantized to one level, how many values they hold,
// and how many of them are not empty.
func (d *divergence) onLevel(begin, to int, l levels) (end int, mass, filled float64) {
	level := l.nearest(l.position(d.centres[begin]))
	for end = begin; end < to && l.nearest(l.position(d.centres[end])) == level; end++ {
		if mass += d.counts[end]; d.counts[end] > 0 {
			filled++
		}
	}
	return end, mass, filled
}

// term returns p·(ln p − ln q) of a bin to which values from outside of the range are added.
func (d *divergence) term(i int, outside, q float64) float64 {
	switch n := d.counts[i]; {
	case n+outside == 0:
		return 0
	case outside == 0:
		return float64((n/d.total + d.smooth) * (d.logs[i] - q))
	default:
		if n == 0 {
			q = ln(d.smooth)
		}
		p := (n+outside)/d.total + d.smooth
		return float64(p * (ln(p) - q))
	}
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// ln returns the natural logarithm of x > 0, the same on all machines, which math.Log does not promise: with
// x = m·2^e and m in [1/√2, √2), it is 2·artanh((m − 1)/(m + 1)) + e·ln 2.
func ln(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	z := (m - 1) / (m + 1)
	w, artanh := float64(z*z), 0.0
	for k := 21; k >= 1; k -= 2 { // |z| < 0.172: what is left out is below 2^−60
		artanh = float64(artanh*w) + 1/float64(k)
	}
	return float64(2*z*artanh) + float64(float64(e)*math.Ln2)
}
