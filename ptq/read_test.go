package ptq_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
)

// report is that of Quantize, and of reading the graph before.
type report struct {
	*ptq.Report
	Read *exprgraph.Report
}

// quantizeBuild reads a graph, compares it with Gorgonia on the first sample, and quantizes it.
func quantizeBuild(
	ctx context.Context, build exprgraph.Build, samples iter.Seq2[ptq.Sample, error], cfg ptq.Config,
) (*model.Model, report, error) {
	prepared(build)
	opts := []exprgraph.ReadOption{exprgraph.AllowGorgonia()}
	for sample, err := range samples {
		if err != nil {
			return nil, report{}, fmt.Errorf("sample 0: %w", err)
		}
		opts = append(opts, exprgraph.WithSample(sample))
		break
	}
	float, read, err := exprgraph.ReadBuild(ctx, build, opts...)
	if err != nil {
		return nil, report{}, err
	}
	m, r, err := ptq.Quantize(ctx, float, samples, cfg)
	if err != nil {
		return nil, report{}, errors.Join(err, float.Close())
	}
	return m, report{r, read}, nil
}

// readFloat reads a graph, which is compared with Gorgonia on seeded numbers.
func readFloat(t *testing.T, build exprgraph.Build) *model.Model {
	t.Helper()
	m, _, err := exprgraph.ReadBuild(t.Context(), build, exprgraph.AllowGorgonia())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// prepared builds once: samples may be of the shapes that a build finds. What is wrong with it, reading
// tells.
func prepared(build exprgraph.Build) {
	defer func() { _ = recover() }()
	_, _ = build(2)
}
