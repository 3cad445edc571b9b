package body

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"dicomnode/trainer/simulate/space"
)

// ErrNPZ is wrapped by all errors about the content of an .npz file.
var ErrNPZ = errors.New("invalid npz")

// maxArrayBytes is the greatest size of a decompressed array; the largest in the whole-body
// model has 3.7 MB.
const maxArrayBytes = 256 << 20

// array is one .npy member: its type code, shape and raw little-endian data.
type array struct {
	kind  string // "f4", "f8", "i4", "i8" or "U<n>"
	shape []int
	data  []byte
}

// readNPZ reads all members of an uncompressed or deflated .npz (a zip of .npy, NumPy enhancement
// proposal 1). Object arrays (pickles) are refused.
func readNPZ(r io.ReaderAt, size int64) (map[string]array, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNPZ, err)
	}
	out := map[string]array{}
	total := 0
	for _, f := range z.File {
		a, err := readMember(f)
		if err != nil {
			return nil, fmt.Errorf("%w: member %q: %w", ErrNPZ, f.Name, err)
		}
		if total += len(a.data); total > 2*maxArrayBytes {
			return nil, fmt.Errorf("%w: more than %d bytes of arrays", ErrNPZ, 2*maxArrayBytes)
		}
		out[strings.TrimSuffix(f.Name, ".npy")] = a
	}
	return out, nil
}

func readMember(f *zip.File) (array, error) {
	rc, err := f.Open()
	if err != nil {
		return array{}, err
	}
	defer rc.Close()
	return readNPY(rc)
}

// readNPY reads one .npy array in C order and little-endian.
func readNPY(r io.Reader) (array, error) {
	var magic [8]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return array{}, err
	}
	if string(magic[:6]) != "\x93NUMPY" {
		return array{}, errors.New("magic string missing")
	}
	width := 2
	if magic[6] >= 2 {
		width = 4
	}
	var l [4]byte
	if _, err := io.ReadFull(r, l[:width]); err != nil {
		return array{}, err
	}
	n := binary.LittleEndian.Uint32(l[:])
	if n > 1<<16 {
		return array{}, fmt.Errorf("header of %d bytes", n)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return array{}, err
	}
	a, err := parseHeader(string(head))
	if err != nil {
		return array{}, err
	}
	a.data, err = readExactly(r, a.bytes())
	return a, err
}

// readExactly allocates memory as data arrives, so that a header cannot claim more memory than
// its file has data.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, n))
	if err == nil && int64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

var (
	descrPattern = regexp.MustCompile(`'descr':\s*'([<|=])(f4|f8|i4|i8|U\d{1,4})'`)
	shapePattern = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

func parseHeader(h string) (array, error) {
	d, s := descrPattern.FindStringSubmatch(h), shapePattern.FindStringSubmatch(h)
	switch {
	case d == nil:
		return array{}, errors.New("element type is none of <f4 <f8 <i4 <i8 <U")
	case s == nil:
		return array{}, errors.New("shape missing")
	case !strings.Contains(h, "'fortran_order': False"):
		return array{}, errors.New("array is not in C order")
	}
	a := array{kind: d[2]}
	for _, f := range strings.Split(s[1], ",") {
		if f = strings.TrimSpace(f); f == "" {
			continue
		}
		n, err := strconv.Atoi(f)
		if err != nil || n > maxArrayBytes {
			return array{}, fmt.Errorf("dimension %q", f)
		}
		a.shape = append(a.shape, n)
		if a.bytes() > maxArrayBytes {
			return array{}, fmt.Errorf("shape %v is larger than %d bytes", a.shape, maxArrayBytes)
		}
	}
	return a, nil
}

func (a array) item() int64 {
	if a.kind[0] == 'U' {
		n, _ := strconv.Atoi(a.kind[1:])
		return 4 * int64(n)
	}
	return int64(a.kind[1] - '0')
}

func (a array) bytes() int64 {
	n := a.item()
	for _, d := range a.shape {
		n *= int64(d)
	}
	return n
}

// points returns an N×3 float array as N vectors.
func (a array) points() ([]space.Vec, error) {
	if len(a.shape) != 2 || a.shape[1] != 3 || a.kind[0] != 'f' {
		return nil, fmt.Errorf("%w: want N×3 floats, have %s %v", ErrNPZ, a.kind, a.shape)
	}
	out := make([]space.Vec, a.shape[0])
	for i := range out {
		for k := range 3 {
			x := a.float(3*i + k)
			if math.IsNaN(x) || math.Abs(x) > 1e5 {
				return nil, fmt.Errorf("%w: coordinate %g at point %d", ErrNPZ, x, i)
			}
			out[i][k] = x
		}
	}
	return out, nil
}

func (a array) float(i int) float64 {
	if a.kind == "f4" {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(a.data[4*i:])))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(a.data[8*i:]))
}

// ints returns an integer array of any shape, flattened.
func (a array) ints() ([]int, error) {
	if a.kind != "i4" && a.kind != "i8" {
		return nil, fmt.Errorf("%w: want integers, have %s", ErrNPZ, a.kind)
	}
	out := make([]int, int64(len(a.data))/a.item())
	for i := range out {
		if a.kind == "i4" {
			out[i] = int(int32(binary.LittleEndian.Uint32(a.data[4*i:])))
		} else {
			out[i] = int(int64(binary.LittleEndian.Uint64(a.data[8*i:])))
		}
	}
	return out, nil
}

// strings returns a one-dimensional UTF-32 string array.
func (a array) strings() ([]string, error) {
	if a.kind[0] != 'U' || len(a.shape) != 1 {
		return nil, fmt.Errorf("%w: want strings, have %s %v", ErrNPZ, a.kind, a.shape)
	}
	out := make([]string, a.shape[0])
	w := int(a.item())
	for i := range out {
		var b strings.Builder
		for j := 0; j < w; j += 4 {
			if c := binary.LittleEndian.Uint32(a.data[i*w+j:]); c != 0 {
				b.WriteRune(rune(c))
			}
		}
		out[i] = b.String()
	}
	return out, nil
}
