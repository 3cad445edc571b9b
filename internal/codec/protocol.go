package codec

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// Node and worker communicate over the worker's standard input and output. The worker begins
// with a hello; then each request is answered before the next is sent. All numbers are little
// endian.
//
// Codestream and samples are in memory that both share: first the codestream, then room for the
// samples. The worker maps this memory, so that its libraries read and write in place. The node
// accesses it only by system calls. A worker under the control of a malicious codestream may
// change the memory at any time; the node reads each value once and cannot crash on a missing
// page. The size of the memory cannot be changed.

// sharedDescriptor is the worker's descriptor of the memory until it is mapped.
const sharedDescriptor = 3

// Sizes of the shared memory in bytes. Only pages that were written use memory.
const (
	samplesAt  = MaxCode // offset of the samples
	sharedSize = samplesAt + 2*MaxSamples
)

// request asks for the decoding of a codestream of Length bytes.
type request struct {
	Family, Rows, Columns, Samples, Length uint32
}

// answer is the result. Text bytes of an error or a warning follow it.
type answer struct {
	Status, Precision, Bytes, Signed, Planar uint32
	Text                                     uint32
}

// The statuses of an answer.
const (
	statusDecoded = iota
	statusRefused
)

const (
	maxText  = 1 << 10
	maxHello = 64 << 10
)

// hello says what a worker can decode. It is sent once the worker is confined.
type hello struct {
	Libraries   []Library
	Confinement string
	Error       string `json:",omitempty"` // why the worker cannot be used
}

// Library is the library of one family that a worker has found.
type Library struct {
	Family  Family `json:"family"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"` // why it cannot be used
}

func put(w io.Writer, v any) error { return binary.Write(w, binary.LittleEndian, v) }
func get(r io.Reader, v any) error { return binary.Read(r, binary.LittleEndian, v) }

func putHello(w io.Writer, h hello) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func getHello(r io.Reader) (h hello, err error) {
	var n uint32
	if err := get(r, &n); err != nil {
		return h, err
	}
	if n > maxHello {
		return h, fmt.Errorf("hello of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return h, err
	}
	return h, json.Unmarshal(b, &h)
}

// getAnswer reads the answer to a request and validates it: a worker may be under the control
// of a malicious codestream.
func getAnswer(r io.Reader) (a answer, text string, err error) {
	if err = get(r, &a); err != nil {
		return a, "", err
	}
	if a.Status > statusRefused || a.Text > maxText || a.Bytes > 2 || a.Status == statusDecoded && a.Bytes == 0 || a.Precision > 64 {
		return a, "", fmt.Errorf("an answer out of range")
	}
	said := make([]byte, a.Text)
	_, err = io.ReadFull(r, said)
	return a, printable(said), err
}

// printable replaces bytes that do not belong in a log.
func printable(b []byte) string {
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
