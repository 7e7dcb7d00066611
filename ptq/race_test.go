//go:build race

package ptq_test

const raceEnabled = true
