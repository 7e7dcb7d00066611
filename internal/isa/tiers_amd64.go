package isa

// architecture is the tiers of amd64 above Generic, lowest first.
var architecture = []Tier{AVX2, AVX512VNNI, AMX}
