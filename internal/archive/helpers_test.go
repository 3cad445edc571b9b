package archive_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

const (
	dxClass  = "1.2.840.10008.5.1.4.1.1.1.1"
	segClass = "1.2.840.10008.5.1.4.1.1.66.4"
)

// element encodes one data element in explicit VR little endian.
func element(group, el uint16, vr string, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, group)
	b = binary.LittleEndian.AppendUint16(b, el)
	b = append(b, vr...)
	if len(value)%2 == 1 {
		value = append(bytes.Clone(value), map[bool]byte{true: 0, false: ' '}[vr == "UI"])
	}
	if vr == "OW" {
		b = binary.LittleEndian.AppendUint32(append(b, 0, 0), uint32(len(value)))
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	}
	return append(b, value...)
}

// dataset returns a data set whose pixels are size bytes made from seed.
func dataset(class, instance string, size int, seed byte) []byte {
	var b []byte
	b = append(b, element(0x0008, 0x0016, "UI", []byte(class))...)
	b = append(b, element(0x0008, 0x0018, "UI", []byte(instance))...)
	b = append(b, element(0x0008, 0x0060, "CS", []byte("DX"))...)
	b = append(b, element(0x0018, 0x0015, "CS", []byte("HAND"))...)
	b = append(b, element(0x0020, 0x000D, "UI", []byte("1.2.3.4"))...)
	b = append(b, element(0x0020, 0x000E, "UI", []byte("1.2.3.5"))...)
	return append(b, element(0x7FE0, 0x0010, "OW", bytes.Repeat([]byte{seed}, size))...)
}

func incoming(instance string, purpose archive.Purpose) archive.Incoming {
	return archive.Incoming{
		SOPClassUID: dxClass, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian,
		CallingAE: "DXROOM1", CalledAE: "XNET", Source: "dx1", Route: "radiographs", Purpose: purpose,
	}
}

// options have small limits and short times.
func options(dir string) archive.Options {
	return archive.Options{
		Dir: dir, MinFree: -1, Digest: digest, IdleAfter: 50 * time.Millisecond,
		RetryBase: time.Millisecond, RetryMax: 5 * time.Millisecond, StopTimeout: time.Second,
	}
}

// digest computes separate digests of pixels, body part and the rest of a data set made by
// dataset.
func digest(_ context.Context, r io.Reader, size int64) (d archive.Digests, err error) {
	file, err := io.ReadAll(r)
	if err != nil || int64(len(file)) != size {
		return d, fmt.Errorf("%d bytes of %d: %w", len(file), size, err)
	}
	head, err := part10.ReadHeader(bytes.NewReader(file))
	if err != nil {
		return d, err
	}
	data := file[head.DatasetOffset:]
	if head.TransferSyntaxUID == uid.DeflatedExplicitVRLittleEndian {
		if data, err = io.ReadAll(flate.NewReader(bytes.NewReader(data))); err != nil {
			return d, err
		}
	}
	return digestData(data, head.BodyPartExamined)
}

// digestData is digest for a data set that is not deflated.
func digestData(data []byte, bodyPart string) (d archive.Digests, err error) {
	rest, pixels, ok := bytes.Cut(data, []byte{0xE0, 0x7F, 0x10, 0x00})
	if !ok {
		return d, errors.New("no pixels")
	}
	sum := func(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
	return archive.Digests{Pixels: sum(pixels), Meaning: bodyPart,
		Identity: sum(bytes.Replace(rest, []byte(bodyPart), nil, 1))}, nil
}

// emptyIndex is the index of an archive without objects. It is made once, because most tests
// would spend their time on making its tables.
var emptyIndex = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "dicomnode-test-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	a, err := archive.Open(context.Background(), options(dir))
	if err != nil {
		return nil, err
	}
	if err := a.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "index.sqlite"))
})

// open opens an archive. If its folder is empty it gets an empty index.
func open(t testing.TB, opt archive.Options) *archive.Archive {
	t.Helper()
	if list, err := os.ReadDir(opt.Dir); err == nil && len(list) == 0 {
		b, err := emptyIndex()
		if err == nil {
			err = os.WriteFile(filepath.Join(opt.Dir, "index.sqlite"), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := archive.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return a
}

// receive stores a small object and returns it.
func receive(t testing.TB, a *archive.Archive, instance string, purpose archive.Purpose) archive.Object {
	t.Helper()
	o, err := a.Receive(t.Context(), incoming(instance, purpose), bytes.NewReader(dataset(dxClass, instance, 1000, 7)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// work runs the handlers until the returned function is called.
func work(t testing.TB, a *archive.Archive, h archive.Handlers) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Work(ctx, h) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("work: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// await polls until ok returns true, or fails the test.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("timed out: %s", what)
		}
	}
}

// queue lists the jobs that are not done.
func queue(t testing.TB, a *archive.Archive) []archive.Entry {
	t.Helper()
	entries, err := a.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// contents returns the data set in an object's file.
func contents(t testing.TB, o archive.Object) []byte {
	t.Helper()
	f, err := o.OpenDataset()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// made returns the result of a handler.
func made(outputs ...archive.Output) archive.Made { return archive.Made{Outputs: outputs} }

// delivered returns the answer of a destination that accepted an object.
func delivered() (archive.Answer, error) { return archive.Answer{}, nil }

// path returns the path of an object's file.
func path(dir string, o archive.Object) string { return filepath.Join(dir, o.Name) }

// all lists the objects.
func all(t testing.TB, a *archive.Archive) []archive.Object {
	t.Helper()
	list, err := a.Search(t.Context(), index.Query{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// like returns an object from which outputs are made.
func like(instance string) archive.Object {
	return archive.Object{Object: index.Object{SOPInstanceUID: instance}}
}

// seg returns an output of an object for the destinations.
func seg(o archive.Object, destinations ...string) archive.Output {
	instance := fmt.Sprintf("%s.9", o.SOPInstanceUID)
	return archive.Output{
		SOPClassUID: segClass, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian,
		Destinations: destinations,
		Write: func(w io.Writer) error {
			_, err := w.Write(dataset(segClass, instance, 100, 9))
			return err
		},
	}
}

// readerOf is the type of reader in Options.Digest.
type readerOf = io.Reader

// segOf returns an output with a SOP Instance UID.
func segOf(_ archive.Object, instance string, destinations ...string) archive.Output {
	out := seg(like(""), destinations...)
	out.SOPInstanceUID = instance
	out.Write = func(w io.Writer) error {
		_, err := w.Write(dataset(segClass, instance, 100, 9))
		return err
	}
	return out
}

// number returns a digest as a component of a UID.
func number(digest string) string {
	sum := sha256.Sum256([]byte(digest))
	return fmt.Sprint(1 + binary.BigEndian.Uint32(sum[:])/2)
}

// read returns the data set of an object, or the error of reading it.
func read(o archive.Object) ([]byte, error) {
	f, err := o.OpenDataset()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
