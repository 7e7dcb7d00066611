package idx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"euryale/internal/safeio"
)

// Set is images with their labels: Labels[i] is the digit that Images.Image(i) shows.
type Set struct {
	Images *Images
	Labels []byte
}

// ReadSet returns what ReadImages and ReadLabels return for the two readers. It wraps
// ErrFormat if the counts differ.
func ReadSet(images, labels io.Reader) (*Set, error) {
	m, err := ReadImages(images)
	if err != nil {
		return nil, err
	}
	l, err := ReadLabels(labels)
	if err != nil {
		return nil, err
	}
	if m.Count != len(l) {
		return nil, fmt.Errorf("idx: ReadSet: %w: count at byte 4: got %d labels, want %d for as many images", ErrFormat, len(l), m.Count)
	}
	return &Set{Images: m, Labels: l}, nil
}

// OpenSet returns ReadSet of PREFIX-images-idx3-ubyte and PREFIX-labels-idx1-ubyte in dir; MNIST's prefixes
// are "train" and "t10k". Each file may have a dot for its second dash, as in train-images.idx3-ubyte, and
// end in .gz. Where there is neither, the error satisfies errors.Is(err, fs.ErrNotExist); where one of them
// is missing, it wraps ErrFormat and says which. Anything but regular files, such as a pipe, is refused with
// fs.ErrInvalid and not waited for.
func OpenSet(dir, prefix string) (*Set, error) {
	images, imagesErr := open(dir, prefix+"-images", "idx3-ubyte")
	if imagesErr == nil {
		defer images.Close()
	}
	labels, labelsErr := open(dir, prefix+"-labels", "idx1-ubyte")
	if labelsErr == nil {
		defer labels.Close()
	}
	noImages, noLabels := errors.Is(imagesErr, fs.ErrNotExist), errors.Is(labelsErr, fs.ErrNotExist)
	switch {
	case imagesErr != nil && !noImages || labelsErr != nil && !noLabels:
		return nil, fmt.Errorf("idx: OpenSet: %w", errors.Join(imagesErr, labelsErr))
	case noImages && noLabels:
		return nil, fmt.Errorf("idx: OpenSet: %w: want %s-images-idx3-ubyte and %s-labels-idx1-ubyte, or both .gz, in %s",
			fs.ErrNotExist, prefix, prefix, dir)
	case noImages || noLabels:
		return nil, fmt.Errorf("idx: OpenSet: %w: got half a set: %s", ErrFormat, errors.Join(imagesErr, labelsErr).Error())
	}
	set, err := ReadSet(images, labels)
	if err != nil {
		return nil, fmt.Errorf("idx: OpenSet: %s, %s: %w", images.Name(), labels.Name(), err)
	}
	return set, nil
}

// open returns the first file in dir that bears one of the four names made of stem and kind.
func open(dir, stem, kind string) (*os.File, error) {
	names := []string{stem + "-" + kind, stem + "-" + kind + ".gz", stem + "." + kind, stem + "." + kind + ".gz"}
	for _, name := range names {
		f, err := safeio.Open(filepath.Join(dir, name))
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: want %s in %s", fs.ErrNotExist, strings.Join(names, " or "), dir)
}
