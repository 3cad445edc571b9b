package part10

import (
	"fmt"
	"io"

	"dicomnode/internal/uid"
)

// headerEnd is the last attribute of Header (Series Instance UID).
const headerEnd = 0x0020000E

// Scan reads a data set without file meta information to its end and checks that its elements,
// sequences, items and fragments are complete (PS3.5 section 7, A.4). It returns a *SyntaxError
// if the data set is malformed or truncated; it returns an error of r unchanged. Without an
// error r is read to io.EOF, in pieces of up to 512 KiB. Memory does not depend on encoded
// lengths.
func Scan(r io.Reader, transferSyntaxUID string) (Header, error) {
	buf := scanBuffers.Get().(*[]byte)
	defer scanBuffers.Put(buf)
	if transferSyntaxUID == uid.DeflatedExplicitVRLittleEndian {
		return scanDeflated(r, *buf)
	}
	k := newWalker(&window{src: r, buf: *buf}, encodingOf(transferSyntaxUID))
	err := k.run(nil)
	k.header.TransferSyntaxUID = transferSyntaxUID
	return k.header, err
}

// scanDeflated scans a deflated data set (PS3.5 A.5). Bytes after the deflate stream do not
// belong to the data set. They are a fault if they are more than the byte that pads the stream
// to even length.
func scanDeflated(r io.Reader, buf []byte) (Header, error) {
	in := newInflater(r)
	k := newWalker(&window{src: in, buf: buf}, encoding{explicit: true})
	err := k.run(nil)
	k.header.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
	if err != nil {
		return k.header, fmt.Errorf("inflated: %w", err)
	}
	rest, err := io.Copy(io.Discard, in.src)
	if rest > 1 {
		in.forgiven.add(DeflateTrailer, 0)
	}
	k.header.Forgiven.join(in.forgiven)
	return k.header, err
}
