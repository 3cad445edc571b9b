package part10

import (
	"bufio"
	"compress/flate"
	"errors"
	"io"
)

// maxInflated is the greatest length of an inflated data set in bytes. It ends streams that
// expand without end. Data of this size is never kept in memory.
const maxInflated = 4 << 30

// ErrInflated says that an inflated data set is longer than any radiograph.
var ErrInflated = errors.New("dicom: deflated data set expands beyond 4 GiB")

// inflater reads the data set from a raw deflate stream (PS3.5 A.5, RFC 1951).
type inflater struct {
	src      *bufio.Reader // at the end, src is after the stream
	from     io.Reader
	left     int64
	forgiven Forgiven
}

func newInflater(r io.Reader) *inflater {
	in := &inflater{src: bufio.NewReaderSize(r, 128<<10), left: maxInflated}
	if b, _ := in.src.Peek(7); zlibHeader(b) {
		in.forgiven.add(ZlibHeader, 0)
		_, _ = in.src.Discard(2) // cannot fail: they were peeked
	}
	in.from = flate.NewReader(in.src)
	return in
}

// zlibHeader reports whether b begins with the two header bytes of RFC 1950. As raw deflate
// these could only begin a stored block, which is recognized by its repeated length.
func zlibHeader(b []byte) bool {
	if len(b) < 7 || b[0]&0x8F != 8 || (int(b[0])<<8|int(b[1]))%31 != 0 || b[1]&0x20 != 0 {
		return false
	}
	stored := b[0]&7 == 0 && b[1] == ^b[3] && b[2] == ^b[4]
	return !stored
}

func (in *inflater) Read(p []byte) (int, error) {
	n, err := in.from.Read(p)
	if in.left -= int64(n); in.left < 0 {
		return 0, ErrInflated
	}
	return n, err
}
