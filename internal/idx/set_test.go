package idx

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadSet(t *testing.T) {
	for _, tt := range []struct {
		name           string
		images, labels []byte
		say            string // empty: accepted
	}{
		{"pairs up", twoFile, file("\x03\x07", labelsMagic, 2), ""},
		{"more labels", twoFile, labelFile, "got 3 labels, want 2"},
		{"fewer labels", twoFile, file("\x03", labelsMagic, 1), "got 1 labels, want 2"},
		{"bad images", labelFile, labelFile, "ReadImages"},
		{"bad labels", twoFile, twoFile, "ReadLabels"},
	} {
		set, err := ReadSet(bytes.NewReader(tt.images), bytes.NewReader(tt.labels))
		switch {
		case tt.say == "":
			if err != nil || string(set.Labels) != "\x03\x07" || !bytes.Equal(set.Images.Pixels, twoImages.Pixels) {
				t.Errorf("%s: ReadSet = %v, %v", tt.name, set, err)
			}
		case !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.say):
			t.Errorf("%s: error is %v, want %v that says %q", tt.name, err, ErrFormat, tt.say)
		}
	}
}

func TestOpenSet(t *testing.T) {
	labels := file("\x03\x07", labelsMagic, 2)
	for _, tt := range []struct {
		name  string
		files map[string][]byte
		want  error
		say   []string
	}{
		{"dashes", map[string][]byte{"train-images-idx3-ubyte": twoFile, "train-labels-idx1-ubyte": labels}, nil, nil},
		{"dots and gzip", map[string][]byte{"train-images.idx3-ubyte.gz": compress(t, twoFile), "train-labels.idx1-ubyte": labels}, nil, nil},
		{"gzip", map[string][]byte{"train-images-idx3-ubyte.gz": compress(t, twoFile), "train-labels-idx1-ubyte.gz": compress(t, labels)}, nil, nil},
		{"nothing", nil, fs.ErrNotExist, []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}},
		{"other prefix", map[string][]byte{"t10k-images-idx3-ubyte": twoFile, "t10k-labels-idx1-ubyte": labels}, fs.ErrNotExist, []string{"train-images-idx3-ubyte"}},
		{"no labels", map[string][]byte{"train-images-idx3-ubyte": twoFile}, ErrFormat, []string{"half a set", "train-labels-idx1-ubyte.gz"}},
		{"no images", map[string][]byte{"train-labels-idx1-ubyte": labels}, ErrFormat, []string{"half a set", "train-images.idx3-ubyte"}},
		{"unpaired", map[string][]byte{"train-images-idx3-ubyte": twoFile, "train-labels-idx1-ubyte": labelFile}, ErrFormat, []string{"train-labels-idx1-ubyte", "got 3 labels"}},
	} {
		dir := t.TempDir()
		for name, data := range tt.files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		set, err := OpenSet(dir, "train")
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: error is %v, want %v", tt.name, err, tt.want)
			continue
		}
		if tt.want == nil && (set.Images.Count != 2 || string(set.Labels) != "\x03\x07") {
			t.Errorf("%s: got %d images and labels %v", tt.name, set.Images.Count, set.Labels)
		}
		for _, part := range tt.say {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error is %q, want it to say %q", tt.name, err, part)
			}
		}
	}
}

// TestMNIST reads MNIST's own test set. Its label counts are published with the data.
func TestMNIST(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "mnist")
	set, err := OpenSet(dir, "t10k")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("MNIST's t10k files are not there:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m := set.Images; m.Count != 10000 || m.Rows != 28 || m.Cols != 28 {
		t.Errorf("images are %d × %d × %d, want 10000 × 28 × 28", m.Count, m.Rows, m.Cols)
	}
	var got [10]int
	for _, label := range set.Labels {
		got[label]++
	}
	if want := [10]int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}; got != want {
		t.Errorf("labels are counted %v, want %v", got, want)
	}
}
