package decode

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"dicomnode/internal/uid"
)

// inflate replaces a deflated data set (PS3.5 A.5) by its plain bytes up to the end of
// Pixel Data: no more of it is unfolded than its header announces. What follows the
// pixels is not read.
func (l *layout) inflate(start int) error {
	if l.transferSyntax != uid.DeflatedExplicitVRLittleEndian {
		return nil
	}
	var out bytes.Buffer
	out.Write(l.data[:start])
	in := flate.NewReader(bytes.NewReader(l.data[start:]))
	for limit := int64(firstInflated); ; limit *= 4 {
		whole, err := inflateTo(&out, in, min(limit, maxHeader+firstInflated))
		if err != nil {
			return err
		}
		l.data = out.Bytes()
		if whole {
			return nil
		}
		head := &layout{}
		err = (&walker{data: l.data, pos: start, order: l.order}).dataset(head)
		if head.end > 0 {
			_, err = inflateTo(&out, in, head.end)
			l.data = out.Bytes()
			return err
		}
		if limit > maxHeader {
			return err
		}
	}
}

// inflateTo appends to out until it holds size bytes or, whole, all that in has.
func inflateTo(out *bytes.Buffer, in io.Reader, size int64) (whole bool, err error) {
	if size > maxInflated {
		return false, fmt.Errorf("%w: data set inflates beyond %d bytes", ErrUnsupported, maxInflated)
	}
	_, err = io.CopyN(out, in, max(0, size-int64(out.Len())))
	if err == io.EOF {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: inflate data set: %w", ErrMalformed, err)
	}
	return false, nil
}
