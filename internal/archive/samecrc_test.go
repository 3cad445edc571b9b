package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// collision returns data with other pixels than at the end of like, and the same length and
// CRC-32C. The CRC is linear: the last four bytes are solved for.
func collision(t *testing.T, like []byte) []byte {
	t.Helper()
	other := bytes.Clone(like)
	other[len(other)-100] ^= 0xFF
	end := other[len(other)-4:]
	crc := func(x uint32) uint32 {
		binary.LittleEndian.PutUint32(end, x)
		return crc32.Checksum(other, crc32.MakeTable(crc32.Castagnoli))
	}
	zero := crc(0)
	want := crc32.Checksum(like, crc32.MakeTable(crc32.Castagnoli)) ^ zero
	var solution uint32
	rows := map[int]struct{ effect, bits uint32 }{} // by the highest bit of the effect
	for i := range 32 {
		effect, bits := crc(1<<i)^zero, uint32(1)<<i
		for top := 31; top >= 0 && effect != 0; top-- {
			if effect>>top == 0 {
				continue
			}
			r, ok := rows[top]
			if !ok {
				rows[top] = struct{ effect, bits uint32 }{effect, bits}
				break
			}
			effect, bits = effect^r.effect, bits^r.bits
		}
	}
	for top := 31; top >= 0; top-- {
		if want>>top&1 == 1 {
			want, solution = want^rows[top].effect, solution^rows[top].bits
		}
	}
	if crc(solution); crc32cOf(other) != crc32cOf(like) || bytes.Equal(other, like) {
		t.Fatal("no collision")
	}
	return other
}

// Other pixels with the same size and CRC-32C are not taken for a repeat: whether the stored
// object was read or not, and after it has expired.
func TestSameCRC(t *testing.T) {
	data := dataset(dxClass, "1.2.3", 1000, 7)
	other := collision(t, data)
	for name, before := range map[string]func(t *testing.T, a *archive.Archive){
		"never read": func(*testing.T, *archive.Archive) {},
		"read": func(t *testing.T, a *archive.Archive) {
			if _, err := a.Check(t.Context(), func() {}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, never(durabletest.Dir(t)))
			o := receive(t, a, "1.2.3", archive.Segment)
			before(t, a)
			if _, err := send(t, a, other, archive.Segment); !errors.Is(err, archive.ErrDuplicate) {
				t.Errorf("other pixels: %v, want ErrDuplicate", err)
			}
			if again, err := send(t, a, data, archive.Segment); err != nil || again.ID != o.ID {
				t.Errorf("the same pixels: %+v, %v", again, err)
			}
			if !bytes.Equal(contents(t, o), data) {
				t.Error("the stored object has changed")
			}
		})
	}
	t.Run("read and damaged", func(t *testing.T) {
		dir := durabletest.Dir(t)
		a := open(t, never(dir))
		receive(t, a, "1.2.3", archive.Segment)
		if _, err := a.Check(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
		o, err := a.Find(t.Context(), "1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path(dir, o))
		if err != nil {
			t.Fatal(err)
		}
		copy(file[o.DatasetOffset:], other)
		if err := os.WriteFile(path(dir, o), file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(o); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("read: %v: the SHA-256 has changed", err)
		}
		if again, err := send(t, a, other, archive.Segment); err != nil || again.Version != 2 {
			t.Errorf("other pixels: %+v, %v; want a second version, the first cannot be compared", again, err)
		}
		if again, err := send(t, a, data, archive.Segment); err != nil || again.ID != o.ID || !bytes.Equal(contents(t, again), data) {
			t.Errorf("the same pixels: %+v, %v", again, err)
		}
	})
	t.Run("expired", func(t *testing.T) {
		dir := durabletest.Dir(t)
		a := open(t, never(dir))
		expired(t, a)
		if o, err := send(t, a, other, archive.Segment); err != nil || o.Outcome != "" {
			t.Errorf("other pixels after it has expired: %+v, %v; want a new image", o, err)
		}
	})
}
