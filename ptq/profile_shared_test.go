package ptq_test

import (
	"sync"
	"testing"

	"euryale/calib"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/tensor"
)

// TestProfileShared quantizes in several goroutines by one profile, of a report and of a file.
func TestProfileShared(t *testing.T) {
	build, samples := floatNet(blocks, tensor.Float32)
	float, cfg := readFloat(t, build), ptq.Config{Activations: model.StaticInt8}
	want, wantReport, err := ptq.Quantize(t.Context(), float, samples, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []*calib.Profile{wantReport.Profile, stored(t, wantReport.Profile)} {
		cfg.Profile = profile
		var wait sync.WaitGroup
		models, reports := make([]*model.Model, 4), make([]*ptq.Report, 4)
		for i := range models {
			wait.Go(func() {
				var err error
				if models[i], reports[i], err = ptq.Quantize(t.Context(), float, samples, cfg); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for i := range models {
			if !t.Failed() {
				sameResult(t, "of a shared profile", models[i], want, reports[i], wantReport)
			}
		}
	}
}
