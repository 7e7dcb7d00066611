package catalogue

import (
	"math"
	"reflect"
)

// A pool is the values of a type that calls are given: the first goes with the first of other types in the
// same setting, and is good; the others are bad, or good in other ways.
type maker func(s *setting) reflect.Value

var pools = map[reflect.Type][]maker{}

// give adds values of type T to its pool.
func give[T any](values ...func(s *setting) T) {
	of := reflect.TypeFor[T]()
	for _, value := range values {
		pools[of] = append(pools[of], func(s *setting) reflect.Value {
			v := reflect.New(of).Elem()
			if x := reflect.ValueOf(value(s)); x.IsValid() {
				v.Set(x)
			}
			return v
		})
	}
}

// fixed adds values that are the same in every setting.
func fixed[T any](values ...T) {
	for _, v := range values {
		give(func(*setting) T { return v })
	}
}

// makers returns the pool of a type: its own, or one made of the pools of its elements and fields.
func makers(of reflect.Type) []maker {
	if list, ok := pools[of]; ok {
		return list
	}
	pools[of] = nil // for types that hold themselves
	pools[of] = derived(of)
	return pools[of]
}

func derived(of reflect.Type) []maker {
	zero := func(*setting) reflect.Value { return reflect.Zero(of) }
	switch of.Kind() {
	case reflect.Slice:
		return slicesOf(of)
	case reflect.Map:
		return mapsOf(of)
	case reflect.Struct:
		return structsOf(of)
	case reflect.Pointer:
		list := []maker{}
		for _, m := range makers(of.Elem()) {
			list = append(list, func(s *setting) reflect.Value {
				p := reflect.New(of.Elem())
				p.Elem().Set(m(s))
				return p
			})
		}
		return append(list, zero)
	case reflect.Func:
		return []maker{func(*setting) reflect.Value { // gives zeros
			return reflect.MakeFunc(of, func([]reflect.Value) (out []reflect.Value) {
				for result := range of.Outs() {
					out = append(out, reflect.Zero(result))
				}
				return out
			})
		}, zero}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return constants[int64](of, 2, 0, 1, -1, 3, 255, 1<<15+1, 1<<24, math.MaxInt32, math.MinInt32, 1<<40,
			math.MaxInt64, math.MinInt64)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return constants(of, 2, 0, 1, 9, 255, -1)
	case reflect.Float32, reflect.Float64:
		return constants(of, 0.5, 0, math.Copysign(0, -1), 1, -1, 1e-45, math.MaxFloat32, math.Inf(1), math.Inf(-1),
			math.NaN())
	case reflect.String:
		return constants(of, "x", "", "\xff", "a/b", "\x00", "__metadata__", "[")
	case reflect.Bool:
		return constants(of, true, false)
	}
	return []maker{zero}
}

// constants returns makers of values, which wrap around where the type is smaller.
func constants[T any](of reflect.Type, values ...T) (list []maker) {
	for _, v := range values {
		x := reflect.ValueOf(v).Convert(of)
		list = append(list, func(*setting) reflect.Value { return x })
	}
	return list
}

// slicesOf returns makers of slices of one of each, of all, of none and nil.
func slicesOf(of reflect.Type) (list []maker) {
	elements := makers(of.Elem())
	of2 := func(pick ...maker) maker {
		return func(s *setting) reflect.Value {
			v := reflect.MakeSlice(of, 0, len(pick))
			for _, m := range pick {
				v = reflect.Append(v, m(s))
			}
			return v
		}
	}
	for _, m := range elements {
		list = append(list, of2(m, m), of2(m))
	}
	return append(list, of2(elements...), of2(), func(*setting) reflect.Value { return reflect.Zero(of) })
}

// mapsOf returns makers of maps of the good key and each element, of each key and the good element, of none,
// and nil.
func mapsOf(of reflect.Type) (list []maker) {
	keys, elements := makers(of.Key()), makers(of.Elem())
	one := func(key, element maker) maker {
		return func(s *setting) reflect.Value {
			v := reflect.MakeMap(of)
			v.SetMapIndex(key(s), element(s))
			return v
		}
	}
	for _, e := range elements {
		list = append(list, one(keys[0], e))
	}
	for _, k := range keys[1:] {
		list = append(list, one(k, elements[0]))
	}
	none := func(*setting) reflect.Value { return reflect.MakeMap(of) }
	return append(list, none, func(*setting) reflect.Value { return reflect.Zero(of) })
}

// structsOf returns makers of structs that are zero, and of those with one exported field set.
func structsOf(of reflect.Type) []maker {
	list := []maker{func(*setting) reflect.Value { return reflect.Zero(of) }}
	for i := range of.NumField() {
		if !of.Field(i).IsExported() {
			continue
		}
		for _, m := range makers(of.Field(i).Type) {
			list = append(list, func(s *setting) reflect.Value {
				v := reflect.New(of).Elem()
				v.Field(i).Set(m(s))
				return v
			})
		}
	}
	return list
}

// alsoParts adds to the pool of a struct what structsOf makes.
func alsoParts[T any]() {
	of := reflect.TypeFor[T]()
	pools[of] = append(pools[of], structsOf(of)...)
}
