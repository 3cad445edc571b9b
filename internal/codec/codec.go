package codec

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Errors of Decode.
var (
	// ErrMalformed means that the codestream is damaged or does not match the frame.
	ErrMalformed = errors.New("malformed codestream")
	// ErrTimeout means that the codestream was not decoded within its time.
	ErrTimeout = errors.New("decoding took too long")
	// ErrWorker means that two workers, one after the other, ended while decoding the
	// codestream.
	ErrWorker = errors.New("the codec worker ended")
	// ErrMissing means that no library for the transfer syntax is available.
	ErrMissing = errors.New("decoder missing")
)

// MaxCode is the greatest length in bytes of a codestream that is decoded.
const MaxCode = 320 << 20

// MaxSamples is the greatest Rows×Columns×Samples of a frame that is decoded.
const MaxSamples = 128 << 20

// Frame is the codestream of one frame and its attributes from the data set.
type Frame struct {
	TransferSyntaxUID string
	Rows, Columns     int
	Samples           int      // Samples per Pixel (0028,0002)
	Code              [][]byte // the codestream, in one or several parts
	// Spend, if not nil, releases the memory of Code. Decode may call it when a worker has a
	// copy.
	Spend func()
}

// spends reports whether memory for Code, its copy in the worker and the library's copy
// together are too much: JPEG 2000 of more than 12 bits per sample, which is almost noise.
func (f *Frame) spends(s syntax, code stream) bool {
	const bits = 12
	family := s.families[0]
	return f.Spend != nil && (family == JPEG2000 || family == HTJ2K) && 8*code.length() > bits*int64(f.Rows*f.Columns*f.Samples)
}

func (f *Frame) check(s syntax, code stream) error {
	switch {
	case f.Rows < 1 || f.Columns < 1 || f.Samples < 1 || f.Samples > 4 || f.Rows > 65535 || f.Columns > 65535,
		f.Rows*f.Columns*f.Samples > MaxSamples:
		return fmt.Errorf("%w: %d×%d pixels of %d samples", ErrMalformed, f.Rows, f.Columns, f.Samples)
	case code.length() == 0 || code.length() > MaxCode-int64(len(endOfImage)):
		return fmt.Errorf("%w: %d bytes", ErrMalformed, code.length())
	case (s.families[0] == JPEG || s.families[0] == JPEGLS) && code.lastEnd() < 0:
		// CharLS needs seconds to detect this.
		return fmt.Errorf("%w: no EOI marker, it was cut short", ErrMalformed)
	}
	return nil
}

// time returns the time limit for the samples of a frame: 1 s per million.
func (f *Frame) time() time.Duration {
	return time.Second * time.Duration(f.Rows*f.Columns*f.Samples/1_000_000)
}

// Pixels are the decoded samples of a frame. Their sign and meaning are given by the data set:
// encoders write 16 bits for 10-bit data, and JPEG and JPEG-LS have no sign.
type Pixels struct {
	Values    io.ReaderAt // Rows×Columns×Samples values, little endian, color by pixel
	Planar    bool        // color by plane instead
	Bytes     int         // bytes of a value: 1 or 2
	Precision int         // of the codestream, bits
	Signed    bool        // the codestream declares signed values (JPEG 2000 only)
	Warning   string      // the library's warning about an intact image
}
