package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onnx"

	ort "github.com/yalue/onnxruntime_go"
)

// openORT loads ONNX Runtime and returns a function that ends it.
func openORT(library string) (end func(), err error) {
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(); err != nil {
		return nil, fmt.Errorf("%w (bash setup installs it; -ort \"\" leaves it out)", err)
	}
	return func() { ort.DestroyEnvironment() }, nil
}

// errLeftOut reports a contender that the command line does without.
var errLeftOut = errors.New("left out")

// operator is a model of one node: an input and constants go in.
type operator struct {
	name       string
	domain, op string
	ints       []onnx.Int
	constants  []onnx.Tensor
	config     [][2]string // entries of the session
	aside      bool
}

// session returns the contender that applies op to x. real returns an element of the output as a real value.
func session[X, Y float32 | uint8 | int32](o *workload.Operands, threads int, op operator, x []X,
	real func(at int, y Y) float32,
) (duel.Contender, error) {
	in, out := []int{o.M, o.K}, []int{o.M, o.N}
	if o.N == 0 {
		out = in
	}
	node := onnx.Node{Domain: op.domain, Op: op.op, Inputs: []string{"x"}, Outputs: []string{"y"}, Ints: op.ints}
	for _, c := range op.constants {
		node.Inputs = append(node.Inputs, c.Name)
	}
	model := onnx.Model{
		Nodes:     []onnx.Node{node},
		Inputs:    []onnx.Tensor{{Name: "x", Type: typeOf(x), Dims: in}},
		Outputs:   []onnx.Tensor{{Name: "y", Type: typeOf([]Y(nil)), Dims: out}},
		Constants: op.constants,
	}
	return contender("ort "+op.name, threads, model, op.config, x, real, op.aside)
}

// contender returns one that runs a model on x; real returns an element of its output as a real value.
func contender[X, Y float32 | uint8 | int32](name string, threads int, model onnx.Model, config [][2]string, x []X,
	real func(at int, y Y) float32, aside bool,
) (duel.Contender, error) {
	none := duel.Contender{}
	if !ort.IsInitialized() {
		return none, errLeftOut
	}
	in, out := shapeOf(model.Inputs[0]), shapeOf(model.Outputs[0])
	y := make([]Y, out.FlattenedSize())
	clear(y)
	source, err := ort.NewTensor(in, x)
	if err != nil {
		return none, err
	}
	result, err := ort.NewTensor(out, y)
	if err != nil {
		return none, err
	}
	options, err := sessionOptions(threads, config)
	if err != nil {
		return none, err
	}
	defer options.Destroy()
	s, err := ort.NewAdvancedSessionWithONNXData(model.Marshal(), []string{model.Inputs[0].Name},
		[]string{model.Outputs[0].Name}, []ort.Value{source}, []ort.Value{result}, options)
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return duel.Contender{
		Name: name, Aside: aside, Run: s.Run,
		Output: func() []float32 {
			f := make([]float32, len(y))
			for i, v := range y {
				f[i] = real(i, v)
			}
			return f
		},
		Close: func() {
			s.Destroy()
			source.Destroy()
			result.Destroy()
		},
	}, nil
}

func shapeOf(t onnx.Tensor) ort.Shape {
	s := make(ort.Shape, len(t.Dims))
	for i, d := range t.Dims {
		s[i] = int64(d)
	}
	return s
}

// brief has idle threads spin for 2 ms: far more than lies between two calls of a burst, and soon over for
// the next contender. Without it they spin 44 ms on one processor and above a second on others.
var brief = [2]string{"session.intra_op.spin_duration_us", "2000"}

func sessionOptions(threads int, config [][2]string) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(o.SetIntraOpNumThreads(threads), o.SetInterOpNumThreads(1))
	for _, entry := range append(config, brief) {
		err = errors.Join(err, o.AddSessionConfigEntry(entry[0], entry[1]))
	}
	if err != nil {
		o.Destroy()
		return nil, err
	}
	return o, nil
}

func typeOf[T float32 | uint8 | int8 | int32](x []T) onnx.DataType {
	switch any(x).(type) {
	case []float32:
		return onnx.Float
	case []uint8:
		return onnx.Uint8
	case []int8:
		return onnx.Int8
	}
	return onnx.Int32
}

func constant[T float32 | uint8 | int8 | int32](name string, data []T, dims ...int) onnx.Tensor {
	raw, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic(fmt.Sprintf("peers: constant: %v", err)) // elements of fixed size have an encoding
	}
	return onnx.Tensor{Name: name, Type: typeOf(data), Dims: dims, Raw: raw}
}

func scalar[T float32 | uint8](name string, x T) onnx.Tensor { return constant(name, []T{x}) }

func weight(o *workload.Operands) onnx.Tensor  { return constant("w", o.W, o.K, o.N) }
func columns(o *workload.Operands) onnx.Tensor { return constant("scales", o.Scales, o.N) }

func itself(_ int, y float32) float32 { return y }

// ortInteger gives sums of 32 bits, to which no scale is applied.
func ortInteger(name string, config ...[2]string) entrant[*workload.Operands] {
	return func(o *workload.Operands, threads int) (duel.Contender, error) {
		op := operator{name: name, op: "MatMulInteger", config: config, constants: []onnx.Tensor{weight(o), scalar("zero", uint8(o.QZero))}}
		return session(o, threads, op, o.Q, func(at int, y int32) float32 {
			return float32(float64(y) * float64(o.QScale) * float64(o.Scales[at%o.N]))
		})
	}
}

// exactSums has ONNX Runtime convert s8 weights to u8 where its kernel of u8·s8 saturates: before VNNI.
var exactSums = [2]string{"session.x64quantprecision", "1"}

func ortIntegerToFloat(o *workload.Operands, threads int) (duel.Contender, error) {
	return session(o, threads, operator{
		name: "u8s8→f32", domain: onnx.Microsoft, op: "MatMulIntegerToFloat",
		constants: []onnx.Tensor{weight(o), scalar("scale", o.QScale), columns(o), scalar("zero", uint8(o.QZero))},
	}, o.Q, itself)
}

func ortDynamic(o *workload.Operands, threads int) (duel.Contender, error) {
	return session(o, threads, operator{
		name: "dynamic", domain: onnx.Microsoft, op: "DynamicQuantizeMatMul", constants: []onnx.Tensor{weight(o), columns(o)},
	}, o.X, itself)
}

func ortFloat(o *workload.Operands, threads int) (duel.Contender, error) {
	op := operator{name: "f32", op: "MatMul", constants: []onnx.Tensor{constant("w", o.FloatWeights(), o.K, o.N)}}
	return session(o, threads, op, o.X, itself)
}

func params(o *workload.Operands) []onnx.Tensor {
	return []onnx.Tensor{scalar("scale", o.QScale), scalar("zero", uint8(o.QZero))}
}

func ortQuantize(o *workload.Operands, threads int) (duel.Contender, error) {
	op := operator{name: "QuantizeLinear", op: "QuantizeLinear", constants: params(o)}
	return session(o, threads, op, o.X, func(_ int, q uint8) float32 { return o.Element(q) })
}

func ortDequantize(o *workload.Operands, threads int) (duel.Contender, error) {
	op := operator{name: "DequantizeLinear", op: "DequantizeLinear", constants: params(o)}
	return session(o, threads, op, o.Q, itself)
}
