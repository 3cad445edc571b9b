package simulate_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"dicomnode/internal/part10"
	"dicomnode/trainer/simulate"
)

func dx(t *testing.T, e simulate.Exposure) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := simulate.DX(&b, e); err != nil {
		t.Fatal(err)
	}
	h, err := part10.ReadHeader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part10.Scan(io.NewSectionReader(bytes.NewReader(b.Bytes()), h.DatasetOffset, int64(b.Len())-h.DatasetOffset), h.TransferSyntaxUID); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDarkFrameRemovesOffset(t *testing.T) {
	const rows, cols = 120, 100
	e := simulate.Exposure{Rows: rows, Columns: cols, Seed: 1}
	img := dx(t, e)
	e.Dark, e.Seed = true, 2
	dark := dx(t, e)
	mean := func(b []byte) (lo, hi uint16) {
		p := b[len(b)-2*rows*cols:]
		lo = 65535
		for i := 0; i < len(p); i += 2 {
			v := binary.LittleEndian.Uint16(p[i:])
			lo, hi = min(lo, v), max(hi, v)
		}
		return
	}
	if lo, hi := mean(dark); lo < 100 || hi > 400 {
		t.Errorf("dark frame spans %d to %d", lo, hi)
	}
	if lo, hi := mean(img); hi < 35000 || lo > 25000 {
		t.Errorf("image spans %d to %d", lo, hi)
	}
}

func TestDXRefusesSize(t *testing.T) {
	if simulate.DX(io.Discard, simulate.Exposure{Rows: 10, Columns: 100000}) == nil {
		t.Error("accepted")
	}
}
