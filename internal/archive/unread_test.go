package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// never are options under which Work reads no object by itself.
func never(dir string) archive.Options {
	opt := options(dir)
	opt.IdleAfter = time.Hour
	return opt
}

func sha256Of(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
func crc32cOf(b []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// sums of the row of an object.
func sumsOf(t *testing.T, a *archive.Archive, id int64) (crc, sha string) {
	t.Helper()
	o, err := a.Object(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return o.CRC32C, o.SHA256
}

// reading is a handler that reads an image to its end.
func reading(_ context.Context, o archive.Object) (archive.Made, error) {
	_, err := read(o)
	return archive.Made{}, err
}

// A received object has its CRC-32C at once, however its bytes arrive, and its SHA-256 when a
// job has read it.
func TestSumByJob(t *testing.T) {
	for name, c := range map[string]struct {
		purpose archive.Purpose
		how     func(io.Reader) io.Reader
	}{
		"segment": {archive.Segment, func(r io.Reader) io.Reader { return r }},
		"dark":    {archive.Dark, iotest.OneByteReader},
		"halves":  {archive.Segment, iotest.HalfReader},
		"at end":  {archive.Segment, iotest.DataErrReader},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, never(durabletest.Dir(t)))
			data := dataset(dxClass, "1.2.3", 700_000, 7)
			o, err := a.Receive(t.Context(), incoming("1.2.3", c.purpose), c.how(bytes.NewReader(data)))
			if err != nil || o.CRC32C != crc32cOf(data) || o.SHA256 != "" {
				t.Fatalf("received with %q, %q, %v", o.CRC32C, o.SHA256, err)
			}
			work(t, a, archive.Handlers{Segment: reading, Dark: func(ctx context.Context, o archive.Object) error { _, err := reading(ctx, o); return err }})
			idle(t, a)
			if crc, sha := sumsOf(t, a, o.ID); crc != crc32cOf(data) || sha != sha256Of(data) {
				t.Errorf("after the job %q, %q", crc, sha)
			}
		})
	}
}

// Objects that no job reads get their SHA-256 when the archive is idle, also after a kill: the
// row and the file of the previous process have only the CRC-32C.
func TestSumWhenIdle(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, never(dir))
	kept, waiting := receive(t, a, "1.2.3", archive.Keep), receive(t, a, "1.2.4", archive.Segment)
	closed(t, a)
	forget(t, dir, waiting.ID) // its row is lost
	a = open(t, options(dir))
	if _, sha := sumsOf(t, a, kept.ID); sha != "" {
		t.Errorf("SHA-256 %q before the archive works", sha)
	}
	work(t, a, archive.Handlers{Deliver: func(context.Context, archive.Object, string) (archive.Answer, error) { return delivered() }}) // the image's job waits
	for instance, data := range map[string][]byte{"1.2.3": dataset(dxClass, "1.2.3", 1000, 7), "1.2.4": dataset(dxClass, "1.2.4", 1000, 7)} {
		await(t, "the SHA-256 of "+instance, func() bool {
			o, err := a.Find(t.Context(), instance)
			return err == nil && o.SHA256 == sha256Of(data) && o.CRC32C == crc32cOf(data)
		})
	}
	later := receive(t, a, "1.2.5", archive.Keep)
	await(t, "the SHA-256 of a later object", func() bool { _, sha := sumsOf(t, a, later.ID); return sha != "" })
}

// Without an old index, files whose notes have only a CRC-32C are rebuilt with both checksums.
// Those that differ from it are set aside.
func TestRebuildByCRC(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, never(dir))
	receive(t, a, "1.2.3", archive.Segment)
	bad := receive(t, a, "1.2.4", archive.Segment)
	closed(t, a)
	removeAll(t, dir, "", "-wal", "-shm")
	if err := flip(path(dir, bad)); err != nil {
		t.Fatal(err)
	}
	if r, err := archive.Rebuild(t.Context(), never(dir), true, func() {}); err != nil || r.Received != 1 || r.Aside != 1 || r.Jobs != 1 {
		t.Errorf("rebuilt %+v, %v", r, err)
	}
	data := dataset(dxClass, "1.2.3", 1000, 7)
	a = open(t, never(dir))
	if o, err := a.Find(t.Context(), "1.2.3"); err != nil || o.CRC32C != crc32cOf(data) || o.SHA256 != sha256Of(data) {
		t.Errorf("object %+v, %v", o, err)
	}
}

// A file without a row takes the place of a missing file only if its CRC-32C is that of the
// row.
func TestReturnedFile(t *testing.T) {
	for name, data := range map[string][]byte{"same": dataset(dxClass, "1.2.3", 1000, 7), "other": dataset(dxClass, "1.2.3", 1000, 8)} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := durabletest.Dir(t), durabletest.Dir(t)
			a, b := open(t, never(dir)), open(t, never(elsewhere))
			o := receive(t, a, "1.2.3", archive.Segment)
			again, err := send(t, b, data, archive.Segment)
			if err != nil {
				t.Fatal(err)
			}
			closed(t, a)
			if err := errors.Join(os.Remove(path(dir, o)), os.Rename(path(elsewhere, again), filepath.Join(dir, "objects", "00", "x.dcm"))); err != nil {
				t.Fatal(err)
			}
			a = open(t, never(dir))
			now, err := a.Find(t.Context(), "1.2.3")
			if err != nil || now.ID != o.ID {
				t.Fatalf("%+v, %v", now, err)
			}
			if _, err := read(now); (err == nil) != (name == "same") {
				t.Errorf("read: %v", err)
			}
		})
	}
}

// While an object arrives, no object is read for its SHA-256.
func TestSumWaits(t *testing.T) {
	opt := options(durabletest.Dir(t))
	opt.IdleAfter = time.Nanosecond
	a := open(t, opt)
	o := receive(t, a, "1.2.3", archive.Keep)
	sender, send := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := a.Receive(context.Background(), incoming("1.2.4", archive.Keep), sender)
		done <- err
	}()
	data := dataset(dxClass, "1.2.4", 1000, 7)
	if _, err := send.Write(data[:100]); err != nil {
		t.Fatal(err)
	}
	if last, err := a.SumPage(t.Context(), 0); last != 0 || err != nil {
		t.Errorf("read up to object %d, %v while one arrives", last, err)
	}
	if _, err := send.Write(data[100:]); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(send.Close(), <-done); err != nil {
		t.Fatal(err)
	}
	last, err := a.SumPage(t.Context(), 0)
	if _, sha := sumsOf(t, a, o.ID); last != o.ID+1 || err != nil || sha == "" {
		t.Errorf("read up to object %d, %v, SHA-256 %q", last, err, sha)
	}
}

// A bit that is inverted before the SHA-256 is known is found by the CRC-32C, afterwards too: by
// each reader, by a check, and when the archive is idle, with one line in the log. The copy that
// the sender repeats replaces the file.
func TestFlipped(t *testing.T) {
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprintf("known %v", known), func(t *testing.T) {
			log := newCounted()
			opt := never(durabletest.Dir(t))
			opt.Log, opt.IdleAfter = slog.New(log), time.Nanosecond
			a := open(t, opt)
			data := dataset(dxClass, "1.2.3", 1000, 7)
			o := receive(t, a, "1.2.3", archive.Keep)
			if known {
				if _, err := a.Check(t.Context(), func() {}); err != nil {
					t.Fatal(err)
				}
			}
			if _, sha := sumsOf(t, a, o.ID); (sha != "") != known {
				t.Fatalf("SHA-256 %q", sha)
			}
			if err := flip(path(opt.Dir, o)); err != nil {
				t.Fatal(err)
			}
			now, err := a.Find(t.Context(), "1.2.3")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := read(now); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("read: %v", err)
			}
			if c, err := a.Check(t.Context(), func() {}); err != nil || len(c.Problems) != 1 || c.Problems[0].Object != o.ID {
				t.Errorf("check: %+v, %v", c, err)
			}
			if last, err := a.SumPage(t.Context(), 0); last != o.ID || err != nil {
				t.Errorf("idle: %d, %v", last, err)
			}
			if n := log.n.Load(); n != map[bool]int64{false: 1, true: 0}[known] {
				t.Errorf("%d lines in the log, known %v", n, known)
			}
			again, err := a.Receive(t.Context(), incoming("1.2.3", archive.Keep), bytes.NewReader(data))
			if err != nil || again.ID != o.ID || again.SHA256 != sha256Of(data) || !bytes.Equal(contents(t, again), data) {
				t.Errorf("repeated: %+v, %v", again, err)
			}
			if c, err := a.Check(t.Context(), func() {}); err != nil || len(c.Problems) != 0 {
				t.Errorf("check after the repeat: %+v, %v", c, err)
			}
		})
	}
}

// expired receives an image, makes a result of it without reading it, and lets both expire.
func expired(t *testing.T, a *archive.Archive) {
	t.Helper()
	receive(t, a, "1.2.3", archive.Segment)
	stop := work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) { return made(seg(o)), nil }})
	idle(t, a)
	stop()
	if n, _, err := a.MakeRoom(t.Context(), 1<<62); n != 2 || err != nil {
		t.Fatalf("removed %d, %v", n, err)
	}
}

// The tombstone of an object that was never read has its SHA-256, by which a repeat is known.
// A damaged file does not keep an object from expiring.
func TestTombstoneHasSum(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, never(dir))
	expired(t, a)
	if o := receive(t, a, "1.2.3", archive.Segment); o.Outcome != archive.Repeated {
		t.Errorf("repeat: %+v", o)
	}
	damaged := receive(t, a, "1.2.4", archive.Keep)
	if err := flip(path(dir, damaged)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := a.MakeRoom(t.Context(), 1<<62); n != 2 || err != nil {
		t.Fatalf("removed %d, %v", n, err)
	}
	for instance, want := range map[string]string{"1.2.3": sha256Of(dataset(dxClass, "1.2.3", 1000, 7)), "1.2.4": ""} {
		var got string
		err := database(t, dir).QueryRowContext(t.Context(), "SELECT sha256 FROM tombstone WHERE sop_instance_uid = ? ORDER BY id DESC", instance).Scan(&got)
		if err != nil || got != want {
			t.Errorf("tombstone of %s: SHA-256 %q, %v; want %q", instance, got, err, want)
		}
	}
}
