package model

// Coded returns the names of the values that are kept as codes.
func (m *Model) Coded() (names []string) {
	for _, v := range m.values {
		if v.coded != nil {
			names = append(names, v.name)
		}
	}
	return names
}
