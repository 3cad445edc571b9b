package codec

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Errors of Decode.
var (
	// ErrMalformed means that the codestream is damaged or not what the frame says.
	ErrMalformed = errors.New("malformed codestream")
	// ErrTimeout means that the codestream was not decoded within its time.
	ErrTimeout = errors.New("decoding took too long")
	// ErrWorker means that the codestream ended two workers, one after the other.
	ErrWorker = errors.New("the codec worker ended")
	// ErrMissing means that no library for the transfer syntax is there.
	ErrMissing = errors.New("decoder missing")
)

// MaxCode is the length of the longest codestream that is decoded, bytes.
const MaxCode = 320 << 20

// MaxSamples is the largest Rows×Columns×Samples of a frame that is decoded.
const MaxSamples = 128 << 20

// Frame is one frame's codestream and what the data set says of it.
type Frame struct {
	TransferSyntaxUID string
	Rows, Columns     int
	Samples           int      // Samples per Pixel (0028,0002)
	Code              [][]byte // the codestream, in one part or several
}

func (f *Frame) check(s syntax, code stream) error {
	switch {
	case f.Rows < 1 || f.Columns < 1 || f.Samples < 1 || f.Samples > 4 || f.Rows > 65535 || f.Columns > 65535,
		f.Rows*f.Columns*f.Samples > MaxSamples:
		return fmt.Errorf("%w: %d×%d pixels of %d samples", ErrMalformed, f.Rows, f.Columns, f.Samples)
	case code.length() == 0 || code.length() > MaxCode-int64(len(endOfImage)):
		return fmt.Errorf("%w: %d bytes", ErrMalformed, code.length())
	case (s.families[0] == JPEG || s.families[0] == JPEGLS) && code.lastEnd() < 0:
		// CharLS takes seconds to find out.
		return fmt.Errorf("%w: no EOI marker, it was cut short", ErrMalformed)
	}
	return nil
}

// time is what a frame may take for its samples: 1 s for each million.
func (f *Frame) time() time.Duration {
	return time.Second * time.Duration(f.Rows*f.Columns*f.Samples/1_000_000)
}

// Pixels are a frame's samples as the codestream holds them. Sign and meaning come
// from the data set: encoders write 16 bits for 10-bit data, and JPEG and JPEG-LS
// carry no sign.
type Pixels struct {
	Values    io.ReaderAt // Rows×Columns×Samples of them, little endian, pixel after pixel
	Planar    bool        // plane after plane instead
	Bytes     int         // of a value: 1 or 2
	Precision int         // of the codestream, bits
	Signed    bool        // the codestream calls its values signed (JPEG 2000 only)
	Warning   string      // what the library found odd in an intact image
}
