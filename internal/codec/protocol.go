package codec

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// The node and a worker talk over the worker's standard input and output. The worker
// begins with a hello; then each request is answered before the next is sent. Codestream
// and samples lie in the memory that both share. All numbers are little endian.
//
// They share memory: in front the codestream, behind it room for the samples. The worker
// maps it, so that its libraries read and write it in place. The node reads and writes it by
// system calls alone: whatever a worker that a decoder has got hold of does to it meanwhile,
// the node takes each value once, and cannot be ended by a page that is gone. Nobody can
// change its size.

// sharedDescriptor is what the memory is in a worker until it is mapped.
const sharedDescriptor = 3

// Sizes of the shared memory, bytes. Only pages that were written to take any.
const (
	samplesAt  = MaxCode // where the samples begin
	sharedSize = samplesAt + 2*MaxSamples
)

// request is for a codestream of Length bytes.
type request struct {
	Family, Rows, Columns, Samples, Length uint32
}

// answer is followed by Text bytes of an error or a warning.
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

// hello is what a worker can do, sent once it is confined.
type hello struct {
	Libraries   []Library
	Confinement string
	Error       string `json:",omitempty"` // why it will not work
}

// Library is one family's library as a worker found it.
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

// getAnswer reads the answer to a request; what a worker says that a decoder has got
// hold of is as little trusted as a codestream.
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

// printable keeps a worker's words fit for a log.
func printable(b []byte) string {
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
