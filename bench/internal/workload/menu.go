package workload

import (
	"maps"
	"slices"
)

// Menu is what there is to measure.
type Menu struct {
	Works    []string
	Families map[string][]string // names for several works
}

// Add adds a work, to a family too unless that is empty.
func (m *Menu) Add(work, family string) {
	m.Works = append(m.Works, work)
	if family == "" {
		return
	}
	if m.Families == nil {
		m.Families = map[string][]string{}
	}
	m.Families[family] = append(m.Families[family], work)
}

// names returns what -work takes.
func (m Menu) names() []string {
	return append(slices.Clone(m.Works), slices.Sorted(maps.Keys(m.Families))...)
}

// parse returns the works of a name.
func (m Menu) parse(name string) ([]string, error) {
	if works, ok := m.Families[name]; ok {
		return works, nil
	}
	name, err := OneOf(m.names()...)(name)
	return []string{name}, err
}
