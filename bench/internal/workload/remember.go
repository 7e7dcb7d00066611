package workload

// Remember returns f, called once for each argument. It is not safe for concurrent use.
func Remember[K comparable, V any](f func(K) (V, error)) func(K) (V, error) {
	known := map[K]V{}
	return func(k K) (V, error) {
		if v, ok := known[k]; ok {
			return v, nil
		}
		v, err := f(k)
		if err == nil {
			known[k] = v
		}
		return v, err
	}
}
