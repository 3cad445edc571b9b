package ct

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"dicomnode/trainer/simulate/space"
)

// ErrNIfTI is wrapped by all errors about the content of a NIfTI file.
var ErrNIfTI = errors.New("invalid NIfTI volume")

// Limits for files; a whole-body CT has about 512×512×2000 voxels.
const (
	maxSide   = 2048
	maxVoxels = 1 << 30
)

// nifti is the header of one NIfTI-1 file and a reader at its first voxel.
type nifti struct {
	r      io.Reader
	order  binary.ByteOrder
	dim    [3]int
	number number
	scale  float64 // value = scale·stored + shift
	shift  float64
	toMM   space.Affine // to the body's frame: left, back, up
	buf    []byte
}

// number is a data type of voxels.
type number struct {
	bytes int
	read  func(binary.ByteOrder, []byte) float64
}

// numbers are the supported data types (NIfTI-1 field datatype).
var numbers = map[uint16]number{
	2:   {1, func(_ binary.ByteOrder, b []byte) float64 { return float64(b[0]) }},
	4:   {2, func(o binary.ByteOrder, b []byte) float64 { return float64(int16(o.Uint16(b))) }},
	8:   {4, func(o binary.ByteOrder, b []byte) float64 { return float64(int32(o.Uint32(b))) }},
	16:  {4, func(o binary.ByteOrder, b []byte) float64 { return float64(math.Float32frombits(o.Uint32(b))) }},
	256: {1, func(_ binary.ByteOrder, b []byte) float64 { return float64(int8(b[0])) }},
	512: {2, func(o binary.ByteOrder, b []byte) float64 { return float64(o.Uint16(b)) }},
}

// openNIfTI opens a .nii or .nii.gz file; the caller must close it.
func openNIfTI(path string) (*nifti, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	n, err := newNIfTI(f, strings.HasSuffix(path, ".gz"))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read %s: %w", path, err), f.Close())
	}
	return n, f, nil
}

// newNIfTI reads the header of a single-file NIfTI-1 volume with three dimensions, in either
// byte order.
func newNIfTI(r io.Reader, compressed bool) (*nifti, error) {
	if compressed {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNIfTI, err)
		}
		r = z
	}
	n := &nifti{r: bufio.NewReaderSize(r, 1<<16)}
	var h [348]byte
	if _, err := io.ReadFull(n.r, h[:]); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrNIfTI, err)
	}
	switch {
	case binary.LittleEndian.Uint32(h[:]) == 348:
		n.order = binary.LittleEndian
	case binary.BigEndian.Uint32(h[:]) == 348:
		n.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("%w: the header is not 348 bytes long (NIfTI-1)", ErrNIfTI)
	}
	if string(h[344:348]) != "n+1\x00" {
		return nil, fmt.Errorf("%w: want voxels in the same file (magic n+1)", ErrNIfTI)
	}
	if err := errors.Join(n.parseGrid(h[:]), n.parseValues(h[:]), n.parseSpace(h[:])); err != nil {
		return nil, err
	}
	return n, n.skip(n.float(h[:], 108))
}

func (n *nifti) float(h []byte, at int) float64 {
	return float64(math.Float32frombits(n.order.Uint32(h[at:])))
}

// parseGrid reads dim: three dimensions, or more of length one.
func (n *nifti) parseGrid(h []byte) error {
	dim := func(k int) int { return int(int16(n.order.Uint16(h[40+2*k:]))) }
	if d := dim(0); d < 3 || d > 7 {
		return fmt.Errorf("%w: %d dimensions, want 3", ErrNIfTI, d)
	}
	voxels := 1
	for k := 1; k <= dim(0); k++ {
		switch d := dim(k); {
		case k > 3 && d > 1:
			return fmt.Errorf("%w: dimension %d has length %d, want one volume", ErrNIfTI, k, d)
		case k <= 3 && (d < 2 || d > maxSide):
			return fmt.Errorf("%w: dimension %d has length %d, want 2 to %d", ErrNIfTI, k, d, maxSide)
		case k <= 3:
			n.dim[k-1] = d
			voxels *= d
		}
	}
	if voxels > maxVoxels {
		return fmt.Errorf("%w: %d voxels, want at most %d", ErrNIfTI, voxels, maxVoxels)
	}
	return nil
}

func (n *nifti) parseValues(h []byte) error {
	kind, bits := n.order.Uint16(h[70:]), n.order.Uint16(h[72:])
	var known bool
	if n.number, known = numbers[kind]; !known || int(bits) != 8*n.number.bytes {
		return fmt.Errorf("%w: data type %d of %d bits is not read", ErrNIfTI, kind, bits)
	}
	// A scl_slope of 0 means that the values are not scaled.
	if n.scale, n.shift = n.float(h, 112), n.float(h, 116); n.scale == 0 {
		n.scale, n.shift = 1, 0
	}
	if !within1e6(n.scale, n.shift) {
		return fmt.Errorf("%w: slope %g, intercept %g", ErrNIfTI, n.scale, n.shift)
	}
	return nil
}

func within1e6(x ...float64) bool {
	for _, v := range x {
		if !(math.Abs(v) <= 1e6) {
			return false
		}
	}
	return true
}

// parseSpace uses the sform, else the qform, else the voxel sizes. The axes of NIfTI are right,
// front, up.
func (n *nifti) parseSpace(h []byte) error {
	if u := h[123] & 7; u != 0 && u != 2 {
		return fmt.Errorf("%w: lengths in unit %d, want millimetres", ErrNIfTI, u)
	}
	var a space.Affine
	switch {
	case int16(n.order.Uint16(h[254:])) > 0:
		for k := range 3 {
			a.Axes[k] = space.Vec{n.float(h, 280+4*k), n.float(h, 296+4*k), n.float(h, 312+4*k)}
		}
		a.Origin = space.Vec{n.float(h, 292), n.float(h, 308), n.float(h, 324)}
	case int16(n.order.Uint16(h[252:])) > 0:
		a = n.quaternion(h)
	default:
		for k := range 3 {
			a.Axes[k][k] = n.float(h, 80+4*k)
		}
	}
	for k := range a.Axes {
		a.Axes[k] = space.Vec{-a.Axes[k][0], -a.Axes[k][1], a.Axes[k][2]}
	}
	a.Origin = space.Vec{-a.Origin[0], -a.Origin[1], a.Origin[2]}
	n.toMM = a
	return checkSpace(a)
}

// checkSpace returns an error for a geometry that no scanner produces.
func checkSpace(a space.Affine) error {
	volume := 1.
	for k, v := range a.Axes {
		if l := v.Norm(); !(l >= .05 && l <= 20) {
			return fmt.Errorf("%w: voxels are %g mm long in dimension %d, want 0.05 to 20", ErrNIfTI, l, k+1)
		}
		volume *= v.Norm()
	}
	if !within1e6(a.Origin[:]...) || math.Abs(a.Det()) < .5*volume {
		return fmt.Errorf("%w: the orientation is no rotation", ErrNIfTI)
	}
	return nil
}

// quaternion implements method 2 of the NIfTI-1 header: a rotation, voxel sizes, and pixdim[0]
// as the sign of the third axis.
func (n *nifti) quaternion(h []byte) space.Affine {
	b, c, d := n.float(h, 256), n.float(h, 260), n.float(h, 264)
	a := math.Sqrt(max(1-b*b-c*c-d*d, 0))
	sign := 1.
	if n.float(h, 76) < 0 {
		sign = -1
	}
	dx, dy, dz := n.float(h, 80), n.float(h, 84), n.float(h, 88)*sign
	return space.Affine{Axes: [3]space.Vec{
		space.Vec{a*a + b*b - c*c - d*d, 2 * (b*c + a*d), 2 * (b*d - a*c)}.Mul(dx),
		space.Vec{2 * (b*c - a*d), a*a + c*c - b*b - d*d, 2 * (c*d + a*b)}.Mul(dy),
		space.Vec{2 * (b*d + a*c), 2 * (c*d - a*b), a*a + d*d - b*b - c*c}.Mul(dz),
	}, Origin: space.Vec{n.float(h, 268), n.float(h, 272), n.float(h, 276)}}
}

// skip moves to the first voxel, after header extensions.
func (n *nifti) skip(offset float64) error {
	if !(offset >= 352 && offset <= 1<<24) {
		return fmt.Errorf("%w: voxels at byte %g", ErrNIfTI, offset)
	}
	if _, err := io.CopyN(io.Discard, n.r, int64(offset)-348); err != nil {
		return fmt.Errorf("%w: voxels at byte %g: %w", ErrNIfTI, offset, err)
	}
	return nil
}

// row reads the next len(out) voxels.
func (n *nifti) row(out []float32) error {
	size := n.number.bytes
	if len(n.buf) < size*len(out) {
		n.buf = make([]byte, size*len(out))
	}
	if _, err := io.ReadFull(n.r, n.buf[:size*len(out)]); err != nil {
		return fmt.Errorf("%w: voxels: %w", ErrNIfTI, err)
	}
	for i := range out {
		out[i] = float32(n.number.read(n.order, n.buf[size*i:])*n.scale + n.shift)
	}
	return nil
}
