package catalogue

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// mostCalls bounds the calls of one function with drawn values, besides those in which one alone is bad.
const mostCalls = 400

// caller calls functions and counts.
type caller struct {
	t            *testing.T
	calls, fails int
	rng          *rand.Rand
	told         map[string]bool // panics, by function and place
}

// TestBadInputs calls every exported function and method with each bad value for each parameter, the others
// good, and with bad values for several. None may panic but where its documentation says so; errors have a
// text.
func TestBadInputs(t *testing.T) {
	bound(t)
	t.Chdir(t.TempDir())
	c := &caller{t: t, rng: rand.New(rand.NewPCG(1, 2)), told: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		c.function(name, reflect.ValueOf(entries[name]))
	}
	methods := 0
	for _, of := range exportedTypes {
		methods += c.methods(of)
	}
	t.Logf("%d functions and %d methods: %d calls, %d panics; documented exceptions: %d",
		len(entries), methods, c.calls, c.fails, len(exceptions))
	if c.calls < 20_000 {
		t.Errorf("got %d calls, want 20000 or more: the pools are too small", c.calls)
	}
}

// function calls f with values for all parameters.
func (c *caller) function(name string, f reflect.Value) {
	of := f.Type()
	var lists [][]maker
	for in := range of.Ins() {
		lists = append(lists, makers(in))
	}
	pick := make([]int, len(lists))
	c.call(name, f, lists, pick)
	for i, list := range lists {
		for v := range list {
			pick[i] = v
			c.call(name, f, lists, pick)
		}
		pick[i] = 0
	}
	if len(lists) < 2 {
		return
	}
	for range mostCalls {
		for i, list := range lists {
			if pick[i] = c.rng.IntN(len(list)); c.rng.IntN(2) == 0 {
				pick[i] = 0
			}
		}
		c.call(name, f, lists, pick)
	}
}

// methods calls the methods of a type on every value of its pool, and returns how many it has.
func (c *caller) methods(of reflect.Type) (count int) {
	if of.Kind() == reflect.Interface {
		return 0
	}
	pointer := reflect.PointerTo(of)
	for m := range pointer.Methods() {
		receivers := makers(pointer)
		if _, byValue := of.MethodByName(m.Name); byValue { // a nil pointer has no value to call it on
			receivers = nil
			for _, r := range makers(of) {
				receivers = append(receivers, func(s *setting) reflect.Value {
					p := reflect.New(of)
					p.Elem().Set(r(s))
					return p
				})
			}
		}
		count++
		c.method(fmt.Sprintf("%v.%s", of, m.Name), m.Func, receivers)
	}
	return count
}

// method works like function for a receiver of other values.
func (c *caller) method(name string, f reflect.Value, receivers []maker) {
	of := f.Type()
	lists := [][]maker{receivers}
	for i := 1; i < of.NumIn(); i++ {
		lists = append(lists, makers(of.In(i)))
	}
	pick := make([]int, len(lists))
	for r := range receivers {
		pick[0] = r
		c.call(name, f, lists, pick)
		for i := 1; i < len(lists); i++ {
			for v := range lists[i] {
				pick[i] = v
				c.call(name, f, lists, pick)
			}
			pick[i] = 0
		}
	}
}

// call calls f once, in a setting of its own.
func (c *caller) call(name string, f reflect.Value, lists [][]maker, pick []int) {
	c.calls++
	s := new(setting)
	defer s.close()
	args := make([]reflect.Value, len(lists))
	for i, list := range lists {
		args[i] = list[pick[i]](s)
	}
	defer func() {
		r := recover()
		if nilReceiver := len(args) > 0 && args[0].Kind() == reflect.Pointer && args[0].IsNil(); r == nil ||
			nilReceiver && exceptions[name] != "" {
			return
		}
		c.fails++
		if place := name + short(debug.Stack()); !c.told[place] {
			c.told[place] = true
			c.t.Errorf("%s(%s) panics: %v\n%s", name, describe(args), r, short(debug.Stack()))
		}
	}()
	results := f.CallSlice
	if !f.Type().IsVariadic() {
		results = f.Call
	}
	for _, r := range results(args) {
		c.result(name, s, r)
	}
}

// result uses what a call gave.
func (c *caller) result(name string, s *setting, r reflect.Value) {
	switch v := r.Interface().(type) {
	case error:
		if text := v.Error(); text == "" || strings.Contains(text, "%!") || len(text) > 1<<12 {
			c.t.Errorf("%s: got an error of %d bytes: %.200q", name, len(text), text)
		}
	case fmt.Stringer:
		if strings.HasPrefix(r.Type().PkgPath(), "euryale/") {
			_ = v.String()
		}
	}
	if node := nodeOf(r); node != nil {
		c.op(s, node)
	}
	if of := r.Type(); of.Kind() == reflect.Func && of.CanSeq() && !r.IsNil() {
		for range r.Seq() {
		}
	}
}

// nameOf returns the name of a function as "pkg.Name".
func nameOf(f reflect.Value) string {
	full := runtime.FuncForPC(f.Pointer()).Name()
	return full[strings.LastIndex(full, "/")+1:]
}

// describe returns arguments as a message has them.
func describe(args []reflect.Value) string {
	var list []string
	for _, a := range args {
		text := a.Type().String()
		func() {
			defer func() { _ = recover() }() // of a value that cannot be printed
			text = fmt.Sprintf("%v %.80s", a.Type(), fmt.Sprint(a))
		}()
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// short returns the lines of a stack that are this module's, behind the panic.
func short(stack []byte) string {
	var lines []string
	_, below, _ := strings.Cut(string(stack), "panic(")
	for line := range strings.SplitSeq(below, "\n") {
		if strings.Contains(line, ".go:") && len(lines) < 4 && !strings.Contains(line, "/reflect/") {
			lines = append(lines, line[strings.LastIndex(line[:strings.LastIndex(line, "/")], "/")+1:])
		}
	}
	return strings.Join(lines, "\n")
}
