package codec

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"

	"dicomnode/internal/codec/scans"
)

// WorkerArgument is the first argument of a program that is to be a codec worker.
const WorkerArgument = "codec-worker"

// canWork says that this program has called Become. A program that has not must never start
// itself as a worker, because the new process would not be one.
var canWork atomic.Bool

// Become must be the first call of a program whose pools start it as their worker. In a worker
// it does not return.
func Become(d Decoder) {
	if len(os.Args) > 1 && os.Args[1] == WorkerArgument {
		os.Exit(Work(d, os.Args[2:], os.Stdin, os.Stdout))
	}
	canWork.Store(true)
}

// Job is one codestream for a Decoder.
type Job struct {
	Family                 Family
	Rows, Columns, Samples int
	Threads                int // for JPEG 2000
	Code                   []byte
}

// Result is what a Decoder reports of a codestream.
type Result struct {
	Precision, Bytes int
	Signed, Planar   bool
	Warning          string
}

// Decoder is the worker's interface to the C libraries.
type Decoder interface {
	// Load opens the library at path and returns its version.
	Load(f Family, path string) (version string, err error)
	// Decode writes the samples to out, which contains zeros and has two bytes for each sample.
	Decode(j Job, out []byte) (Result, error)
}

// Work runs a worker: it opens the libraries, confines the process, sends a hello and answers
// requests until in ends. args are the arguments after [WorkerArgument]. Work returns the exit
// status of the process.
func Work(d Decoder, args []string, in io.Reader, out io.Writer) int {
	w := worker{decoder: d}
	h := w.begin(args)
	if err := putHello(out, h); err != nil || h.Error != "" {
		return 1
	}
	requests := bufio.NewReaderSize(in, 64<<10)
	for {
		if err := w.serve(requests, out); err != nil {
			if err == io.EOF {
				return 0
			}
			fmt.Fprintln(os.Stderr, "codec-worker:", err)
			return 1
		}
	}
}

type worker struct {
	decoder   Decoder
	threads   int
	code, out []byte // memory shared with the node
}

// begin opens the libraries and then gives up access to files.
func (w *worker) begin(args []string) (h hello) {
	if len(args) != 3 {
		return hello{Error: "a worker is started by the node and wants 3 arguments"}
	}
	folder, confinement := args[0], Confinement(args[1])
	w.threads, _ = strconv.Atoi(args[2]) // the node wrote it
	for _, f := range Families {
		l := Library{Family: f, Path: libraryFile(folder, f)}
		if l.Path == "" {
			continue
		}
		var err error
		if l.Version, err = w.decoder.Load(f, l.Path); err != nil {
			l.Error = err.Error()
		}
		h.Libraries = append(h.Libraries, l)
	}
	memory, err := mapShared()
	if err != nil {
		return hello{Error: err.Error()}
	}
	w.code, w.out = memory[:samplesAt], memory[samplesAt:]
	if h.Confinement, err = confine(); err != nil && confinement == Required {
		h.Error = "the worker cannot be confined: " + err.Error()
	}
	return h
}

// serve answers one request. It returns io.EOF at the end of the input.
func (w *worker) serve(in io.Reader, out io.Writer) error {
	var q request
	if err := get(in, &q); err != nil {
		return err
	}
	values := int64(q.Rows) * int64(q.Columns) * int64(q.Samples)
	if q.Rows > 65535 || q.Columns > 65535 || q.Samples > 4 || 2*values > int64(len(w.out)) || int64(q.Length) > int64(len(w.code)) {
		return fmt.Errorf("a request out of range")
	}
	r, err := w.decode(Job{Family(q.Family), int(q.Rows), int(q.Columns), int(q.Samples), w.threads, w.code[:q.Length]})
	a, text := answer{Status: statusDecoded, Precision: uint32(r.Precision), Bytes: uint32(r.Bytes), Signed: flag(r.Signed), Planar: flag(r.Planar)}, r.Warning
	if err != nil {
		a, text = answer{Status: statusRefused}, err.Error()
	}
	a.Text = uint32(min(len(text), maxText))
	if err := put(out, &a); err != nil {
		return err
	}
	_, err = io.WriteString(out, text[:a.Text])
	return err
}

// decode decodes a job, if necessary one component after the other.
func (w *worker) decode(j Job) (Result, error) {
	if j.Family != JPEG || j.Samples == 1 {
		return w.decoder.Decode(j, w.out[:2*j.Rows*j.Columns*j.Samples])
	}
	parts, err := scans.Components(j.Code)
	switch {
	case err != nil:
		return Result{}, err
	case len(parts) != j.Samples:
		return w.decoder.Decode(j, w.out[:2*j.Rows*j.Columns*j.Samples])
	}
	j.Samples = 1
	var r Result
	for k, part := range parts {
		j.Code = bytes.Join(part, nil)
		plane := w.out[k*j.Rows*j.Columns*r.Bytes:]
		if r, err = w.decoder.Decode(j, plane[:2*j.Rows*j.Columns]); err != nil {
			return r, err
		}
	}
	r.Planar = true
	return r, nil
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
