// Command peers measures this module beside other programs that do the same work: ONNX Runtime, oneDNN, gonum,
// GoMLX and Gorgonia, in one process and by turns. README.md tells what to install and how to read the result.
//
//	go run . [-json] [-threads 1,2] [-shapes 32x1024x1024,…] [-work int8,…]
//		[-repeats 7] [-burst 50ms] [-ort library]
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onednn"

	ort "github.com/yalue/onnxruntime_go"
)

func main() {
	parse := func(args []string, stderr io.Writer) (duel.Options, error) {
		return duel.Parse(args, menu(), defaultORT(), stderr)
	}
	workload.Command("peers", parse, run)
}

// defaultORT returns where setup puts ONNX Runtime's library.
func defaultORT() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return filepath.Join(cache, "euryale-peers", "node_modules", "onnxruntime-node", "bin", "napi-v6", "linux", arch, "libonnxruntime.so.1")
}

// run measures and writes the report, of what there is where ctx ends it early.
func run(ctx context.Context, out, progress io.Writer, options duel.Options) error {
	if options.ORT != "" {
		end, err := openORT(options.ORT)
		if err != nil {
			return err
		}
		defer end()
	}
	rows, measured := measure(ctx, options, progress)
	report := duel.Report{Versions: versions(), Rows: rows, Means: duel.Means(rows)}
	write := report.WriteTable
	if options.JSON {
		write = report.WriteJSON
	}
	return errors.Join(measured, write(out))
}

func versions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "onednn": onednn.Version()}
	if ort.IsInitialized() {
		v["onnxruntime"] = ort.GetVersion()
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Replace != nil {
				d = d.Replace
			}
			switch d.Path {
			case "github.com/gomlx/gomlx", "gonum.org/v1/gonum", "gorgonia.org/tensor":
				v[d.Path] = d.Version
			}
		}
	}
	return v
}
