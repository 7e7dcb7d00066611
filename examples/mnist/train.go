package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"euryale/qtensor"

	"github.com/schollz/progressbar/v3"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const (
	batchSize = 64
	floatRate = 1e-3
)

// trained returns the float network: the one of an earlier run with the same digits, epochs and seed, which
// are in the name of its file, or one trained here and saved.
func trained(ctx context.Context, c config, data *dataset, progress io.Writer) (network, error) {
	digits := data.train.fingerprint()
	path := filepath.Join(c.out, fmt.Sprintf("%s-float-%s-epochs%d-seed%d.safetensors", c.model, digits, c.epochs, c.seed))
	net, err := loadNetwork(architectures[c.model], path)
	if err == nil {
		fmt.Fprintf(progress, "float weights of an earlier run, %s\n", path)
		return net, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(progress, "training again: %v\n", err)
	}
	net = newNetwork(architectures[c.model], c.seed)
	if err := train(ctx, net, data.train, c, floatRate, progress); err != nil {
		return net, fmt.Errorf("train: %w", err)
	}
	return net, qtensor.Save(path, qtensor.Bundle{Float: net.values})
}

// loadNetwork reads float weights.
func loadNetwork(a architecture, path string) (network, error) {
	f, err := qtensor.Open(path)
	if err != nil {
		return network{}, err
	}
	defer f.Close()
	net := network{architecture: a, values: map[string]*tensor.Dense{}}
	for _, p := range a.params {
		if net.values[p.name], err = loadTensor(f, p.name, p.shape...); err != nil {
			return network{}, err
		}
	}
	return net, nil
}

// loadTensor reads a float32 tensor of the given shape.
func loadTensor(f *qtensor.File, name string, shape ...int) (*tensor.Dense, error) {
	t, err := f.Float(name)
	if err == nil && (t.Dtype() != tensor.Float32 || !slices.Equal(t.Shape(), shape)) { // Shape.Eq takes (1, n) for (n)
		err = fmt.Errorf("%s is %v %v, want float32 %v", name, t.Dtype(), t.Shape(), tensor.Shape(shape))
	}
	return t, err
}

// trainer fits the network of a graph to digits.
type trainer struct {
	*graph
	labels           *gorgonia.Node
	solver, ofScales gorgonia.Solver
}

// newTrainer returns a trainer by Adam on the cross entropy of the softmax. Adam's steps are about as long as
// the rate, whatever they change, so scales, which are small, get a tenth.
func newTrainer(net network, rate float64) (*trainer, error) {
	g, err := net.graph(batchSize)
	if err != nil {
		return nil, err
	}
	want := gorgonia.NewMatrix(g.g, tensor.Float32, gorgonia.WithShape(batchSize, labels), gorgonia.WithName("labels"))
	cost, err := crossEntropy(g.y, want)
	if err != nil {
		return nil, err
	}
	all := g.all()
	if _, err := gorgonia.Grad(cost, all...); err != nil {
		return nil, err
	}
	g.machine = gorgonia.NewTapeMachine(g.g, gorgonia.BindDualValues(all...))
	// The cost is a mean, so the gradient needs no dividing by the batch.
	adam := func(rate float64) gorgonia.Solver { return gorgonia.NewAdamSolver(gorgonia.WithLearnRate(rate)) }
	return &trainer{graph: g, labels: want, solver: adam(rate), ofScales: adam(rate / 10)}, nil
}

// all returns what is trained.
func (g *graph) all() gorgonia.Nodes { return append(slices.Clip(g.trained), g.scales...) }

// train fits net in place.
func train(ctx context.Context, net network, data subset, c config, rate float64, progress io.Writer) error {
	t, err := newTrainer(net, rate)
	if err != nil {
		return err
	}
	defer t.machine.Close()
	order := count(0, data.count())
	r := rand.New(rand.NewPCG(c.seed, 1))
	batches := len(order) / batchSize
	bar := newBar(progress, c.epochs*batches, "training")
	defer clearBar(bar)
	for range c.epochs {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for b := range batches {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.step(data, order[b*batchSize:][:batchSize]); err != nil {
				return err
			}
			_ = bar.Add(1) // a bar that cannot be drawn stops nothing
		}
	}
	t.keep()
	return nil
}

// step trains on one batch.
func (t *trainer) step(data subset, which []int) error {
	if err := gorgonia.Let(t.x, data.batch(which)); err != nil {
		return err
	}
	if err := gorgonia.Let(t.labels, data.oneHot(which)); err != nil {
		return err
	}
	if err := t.machine.RunAll(); err != nil {
		return err
	}
	if err := t.solver.Step(gorgonia.NodesToValueGrads(t.trained)); err != nil {
		return err
	}
	if err := t.ofScales.Step(gorgonia.NodesToValueGrads(t.scales)); err != nil {
		return err
	}
	t.machine.Reset()
	return nil
}

// keep gives the network what was trained, and what normalizations saw.
func (t *trainer) keep() {
	for _, n := range t.all() { // the machine may have put other tensors in place of those that it was given
		t.values[n.Name()] = n.Value().(*tensor.Dense)
	}
	for name, op := range t.norms {
		mean, variance := op.Stats()
		t.values[name+".mean"], t.values[name+".variance"] = mean.(*tensor.Dense), variance.(*tensor.Dense)
	}
}

// oneHot returns the labels of the given digits, (len(which), 10), as a 1 among zeros.
func (s subset) oneHot(which []int) *tensor.Dense {
	y := make([]float32, len(which)*labels)
	for row, i := range which {
		y[row*labels+s.label(i)] = 1
	}
	return tensor.New(tensor.WithShape(len(which), labels), tensor.WithBacking(y))
}

// crossEntropy returns −mean over the rows of Σ want·log softmax(logits).
func crossEntropy(logits, want *gorgonia.Node) (*gorgonia.Node, error) {
	p, err := gorgonia.LogSoftMax(logits)
	if err != nil {
		return nil, err
	}
	p, err = gorgonia.HadamardProd(p, want)
	if err != nil {
		return nil, err
	}
	if p, err = gorgonia.Sum(p, 1); err != nil {
		return nil, err
	}
	if p, err = gorgonia.Mean(p); err != nil {
		return nil, err
	}
	return gorgonia.Neg(p)
}

// newBar returns a progress bar, which shows on a terminal only.
func newBar(w io.Writer, steps int, text string) *progressbar.ProgressBar {
	file, ok := w.(*os.File)
	visible := false
	if ok {
		info, err := file.Stat()
		visible = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(visible),
		progressbar.OptionSetDescription(text),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)
}

// clearBar takes the bar off the terminal, so that what is printed next has a line of its own.
func clearBar(bar *progressbar.ProgressBar) { _ = bar.Clear() }
