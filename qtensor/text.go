package qtensor

import (
	"fmt"
	"strconv"
	"strings"
)

// String returns the scheme as ParseScheme reads it: the method and its bits, the levels of a Codebook unless
// they are learned with 0 among them, the group size, the channel axis, and f16 for float16 scales. The zero
// Scheme is "invalid scheme". For example
//
//	symmetric8   affine8@1   int4/g32@1/f16   bfloat16   float8e4m3fn@1   mxfp4/g32@1   codebook4-nf/g64@1
func (s Scheme) String() string {
	info := s.method.info()
	if info.name == "" {
		return "invalid scheme"
	}
	var b strings.Builder
	b.WriteString(info.name)
	if info.minBits != info.maxBits {
		b.WriteString(strconv.Itoa(s.bits))
	}
	if int(s.levels) < len(levelTables) {
		b.WriteString(levelTables[s.levels].suffix)
	}
	if s.sharing == perGroup {
		fmt.Fprintf(&b, "/g%d", s.size)
	}
	if s.sharing != perTensor {
		fmt.Fprintf(&b, "@%d", s.axis)
	}
	if s.scales == ScaleFloat16 {
		b.WriteString("/f16")
	}
	return b.String()
}

// ParseScheme returns the scheme whose String is text. Errors: ErrScheme for a text that String never returns
// for a valid scheme.
func ParseScheme(text string) (Scheme, error) {
	var s Scheme
	rest, short := strings.CutSuffix(text, "/f16")
	if short {
		s.scales = ScaleFloat16
	}
	rest, axis, hasAxis := strings.Cut(rest, "@")
	rest, size, hasSize := strings.Cut(rest, "/g")
	rest, s.levels = cutLevels(rest)
	s.method = methodOf(rest)
	if s.method == mxfp4 && !short {
		s.scales = ScaleE8M0
	}
	info := s.method.info()
	s.bits = info.minBits
	var err error
	number := func(text string) (n int) {
		if err == nil {
			n, err = strconv.Atoi(text)
		}
		return n
	}
	if info.minBits != info.maxBits {
		s.bits = number(rest[len(info.name):])
	}
	if hasAxis {
		s = s.PerAxis(number(axis))
	}
	if hasSize {
		s = s.PerGroup(s.axis, number(size))
	}
	switch invalid := s.validate(); {
	case err == nil && s.method != noMethod && invalid != nil:
		return Scheme{}, fmt.Errorf("qtensor: ParseScheme: %.80q: %w", text, invalid)
	case err != nil || invalid != nil || s.String() != text:
		return Scheme{}, fmt.Errorf("qtensor: ParseScheme: %w: got %.80q, want a text such as symmetric8, affine8@1 or int4/g32@1/f16", ErrScheme, text)
	}
	return s, nil
}

// cutLevels returns text without the levels at its end, and them.
func cutLevels(text string) (rest string, levels LevelTable) {
	for t, info := range levelTables {
		if rest, ok := strings.CutSuffix(text, info.suffix); ok && info.suffix != "" {
			return rest, LevelTable(t)
		}
	}
	return text, LearnedLevels
}

// methodOf returns the method whose name text is, or begins with where bits follow.
func methodOf(text string) method {
	for m, info := range methods {
		if m == int(noMethod) {
			continue
		}
		free := info.minBits != info.maxBits
		if text == info.name || free && strings.HasPrefix(text, info.name) {
			return method(m)
		}
	}
	return noMethod
}

// MarshalText returns String, so a Scheme is a string in JSON. Errors: ErrScheme for one that is not valid.
func (s Scheme) MarshalText() ([]byte, error) {
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("qtensor: Scheme.MarshalText: %w", err)
	}
	return []byte(s.String()), nil
}

// UnmarshalText sets s to what ParseScheme returns. Errors, which leave s as it was: ErrScheme, for a nil s
// too.
func (s *Scheme) UnmarshalText(text []byte) error {
	if s == nil {
		return fmt.Errorf("qtensor: Scheme.UnmarshalText: %w: got nil, want a Scheme to set", ErrScheme)
	}
	parsed, err := ParseScheme(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
