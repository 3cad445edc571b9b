package part10

import (
	"fmt"
	"io"

	"dicomnode/internal/uid"
)

// headerEnd is the last attribute of Header (Series Instance UID).
const headerEnd = 0x0020000E

// Scan reads a data set without file meta information to its end and checks
// that its elements, sequences, items and fragments are whole (PS3.5 section
// 7, A.4). A malformed or truncated one is a *SyntaxError; an error of r is
// returned as it is. r is read to io.EOF unless there is an error, in pieces
// of up to 512 KiB. Lengths are believed only as far as bytes follow, so memory
// does not depend on the data.
func Scan(r io.Reader, transferSyntaxUID string) (Header, error) {
	buf := scanBuffers.Get().(*[]byte)
	defer scanBuffers.Put(buf)
	return ScanIn(*buf, r, transferSyntaxUID)
}

// ScanIn is [Scan] in memory of the caller, ScanBuffer bytes of it. What r has
// delivered stays as it is until r has delivered the next piece, so that r may go
// on with it meanwhile; not so where the data set is deflated.
func ScanIn(buf []byte, r io.Reader, transferSyntaxUID string) (Header, error) {
	if transferSyntaxUID == uid.DeflatedExplicitVRLittleEndian {
		return scanDeflated(r, buf)
	}
	k := newWalker(inHalves(r, buf), encodingOf(transferSyntaxUID))
	err := k.run(nil)
	k.header.TransferSyntaxUID = transferSyntaxUID
	return k.header, err
}

// scanDeflated scans PS3.5 A.5. What follows the deflate stream is no part of
// the data set and is only counted as forgiven when it is more than the byte
// that pads it to even length.
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
