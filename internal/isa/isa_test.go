package isa

import (
	"os"
	"runtime"
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	for _, tier := range All() {
		if got, err := Parse(tier.String()); err != nil || got != tier {
			t.Errorf("Parse(%q) = %v, %v, want %v", tier.String(), got, err, tier)
		}
	}
	for _, name := range []string{"", "AVX2", "sse", "avx2 "} {
		if got, err := Parse(name); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", name, got)
		}
	}
	if got := Tier(-1).String(); got != "Tier(-1)" {
		t.Errorf("String of a tier that is none: %q", got)
	}
}

// TestAll wants the tiers of this architecture alone, lowest first, and none of another supported.
func TestAll(t *testing.T) {
	all := All()
	if all[0] != Generic || !slices.IsSorted(all) || len(all) != 1+len(architecture) {
		t.Errorf("got %v, want %v and then %v", all, Generic, architecture)
	}
	for tier := range Tier(len(names)) {
		if Supported(tier) && !slices.Contains(all, tier) {
			t.Errorf("%v is supported, and no tier of %s", tier, runtime.GOARCH)
		}
	}
	all[0] = -1
	if All()[0] != Generic {
		t.Error("All lends its memory")
	}
}

func TestChoose(t *testing.T) {
	highest := supported[len(supported)-1]
	t.Logf("supported: %v", supported)
	for name, want := range map[string]Tier{"": highest, "generic": Generic, "amx": highest, "nonsense": highest} {
		if got := choose(name); got != want {
			t.Errorf("choose(%q) = %v, want %v", name, got, want)
		}
	}
	for _, tier := range supported {
		if got := choose(tier.String()); got != tier {
			t.Errorf("choose(%q) = %v", tier.String(), got)
		}
	}
	if name := os.Getenv(Variable); name != "" {
		if _, err := Parse(name); err != nil {
			t.Errorf("%s: %v", Variable, err)
		}
	}
	if got, want := Current(), choose(os.Getenv(Variable)); got != want {
		t.Errorf("in use: %v, want %v", got, want)
	}
}

func TestUse(t *testing.T) {
	before := Current()
	for _, tier := range All() {
		if !Supported(tier) {
			t.Logf("this machine has no %v", tier)
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("Use(%v) did not panic", tier)
					}
				}()
				Use(tier)
			}()
			continue
		}
		restore := Use(tier)
		if got := Current(); got != tier {
			t.Errorf("Use(%v): in use is %v", tier, got)
		}
		restore()
	}
	if got := Current(); got != before {
		t.Errorf("restored to %v, want %v", got, before)
	}
}

// TestExpected fails where EURYALE_EXPECT_ISA names a tier that is not supported: an emulator or
// a machine that is there for its sake.
func TestExpected(t *testing.T) {
	name := os.Getenv("EURYALE_EXPECT_ISA")
	if name == "" {
		t.Skip("EURYALE_EXPECT_ISA is not set")
	}
	tier, err := Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	if !Supported(tier) {
		t.Errorf("got %v, want %v among them", supported, tier)
	}
}
