package seg_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
)

// TestPackMasksBitOrder pins PS3.5 8.1.1 on three 5×5 frames, worked out by hand:
// bits run from the least significant, across frames, 75 bits in 10 bytes.
func TestPackMasksBitOrder(t *testing.T) {
	masks := []picture.Mask{
		mask("#....", ".....", ".....", ".....", "....#"), // bits 0 and 24
		mask("#####", ".....", ".....", ".....", "....."), // bits 25 to 29
		mask(".....", ".....", ".....", ".....", "....#"), // bit 74
	}
	want := []byte{0x01, 0, 0, 0x3f, 0, 0, 0, 0, 0, 0x04}
	var got bytes.Buffer
	if err := seg.PackMasks(&got, masks); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got % x, want % x", got.Bytes(), want)
	}
}

// TestReadMasks reads back what was written, whatever the size.
func TestReadMasks(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 7}, {5, 5}, {37, 45}, {38, 45}, {40, 48}, {200, 1}, {300, 350}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			res := segResult(size[0], size[1])
			dataSet := writeSEG(t, segImage(t, segSource(size[0], size[1], nil)), res, segOptions(""))
			file := part10Bytes(t, dataSet, seg.SOPClassUID, "1.2")
			for _, b := range [][]byte{dataSet, file} {
				got, rows, cols, err := seg.ReadMasks(b)
				if err != nil || rows != size[0] || cols != size[1] {
					t.Fatalf("ReadMasks: %d×%d, %v", rows, cols, err)
				}
				m := res.Masks
				if !slices.EqualFunc([]picture.Mask{m.Open, m.Soft, m.Bone, m.HighPrecisionSoft}, got, slices.Equal) {
					t.Error("masks differ from those written")
				}
			}
		})
	}
}

// TestReadMasksRefuses: cut off at any byte, or another object.
func TestReadMasksRefuses(t *testing.T) {
	dataSet := writeSEG(t, segImage(t, segSource(5, 5, nil)), crossResult(), segOptions(""))
	for n := range dataSet {
		if _, _, _, err := seg.ReadMasks(dataSet[:n]); err == nil {
			t.Fatalf("read %d bytes of %d without error", n, len(dataSet))
		}
	}
	other := bytes.Replace(dataSet, []byte("BINARY"), []byte("LABELS"), -1)
	if _, _, _, err := seg.ReadMasks(other); !errors.Is(err, decode.ErrUnsupported) {
		t.Errorf("error is %v, want ErrUnsupported", err)
	}
}

// FuzzMask packs and unpacks masks of any size, one to five frames, against a
// packer that sets one bit at a time.
func FuzzMask(f *testing.F) {
	f.Add(uint64(1), uint16(25), uint8(3))
	f.Add(uint64(2), uint16(37*45), uint8(4))
	f.Add(uint64(3), uint16(38*45), uint8(4))
	f.Add(uint64(4), uint16(1), uint8(1))
	f.Add(uint64(5), uint16(65535), uint8(5))
	f.Fuzz(func(t *testing.T, seed uint64, pixels uint16, frames uint8) {
		if pixels == 0 || frames == 0 || frames > 5 {
			t.Skip()
		}
		random := rand.New(rand.NewPCG(seed, 0))
		masks := make([]picture.Mask, frames)
		want := make([]byte, (int(frames)*int(pixels)+15)/16*2)
		for i := range masks {
			masks[i] = make(picture.Mask, pixels)
			for j := range masks[i] {
				if masks[i][j] = random.IntN(2) == 1; masks[i][j] {
					k := i*int(pixels) + j
					want[k/8] |= 1 << (k % 8)
				}
			}
		}
		var got bytes.Buffer
		if err := seg.PackMasks(&got, masks); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatal("packed bytes differ")
		}
		for i, m := range masks {
			if !slices.Equal(m, seg.UnpackMask(got.Bytes(), i, int(pixels))) {
				t.Fatalf("frame %d differs after unpacking", i)
			}
		}
	})
}

// FuzzReadMasks: bytes from outside give masks of the stated size or an error.
func FuzzReadMasks(f *testing.F) {
	dataSet := writeSEG(f, segImage(f, segSource(5, 5, nil)), crossResult(), segOptions(""))
	f.Add(dataSet)
	f.Add(part10Bytes(f, dataSet, seg.SOPClassUID, "1.2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		masks, rows, cols, err := seg.ReadMasks(b)
		if err != nil {
			return
		}
		for _, m := range masks {
			if len(m) != rows*cols || len(masks)*len(m) > 8*len(b) {
				t.Fatalf("%d masks of %d pixels, %d×%d, from %d bytes", len(masks), len(m), rows, cols, len(b))
			}
		}
	})
}

func BenchmarkWriteSEG(b *testing.B) {
	const rows, cols = 2500, 2048
	img, res := segImage(b, segSource(rows, cols, nil)), segResult(rows, cols)
	b.SetBytes(rows * cols * 4 / 8)
	b.ReportAllocs()
	for b.Loop() {
		if err := newSEG(b, img, res, segOptions("")).Encode(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
