package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// repeatFaults sends instances again in all forms.
func repeatFaults(t *testing.T, n int) (f tally) {
	w := newWorld(t, durabletest.Dir(t))
	w.a = open(t, w.options())
	work(t, w.a, w.handlers())
	for i := range n {
		instance := fmt.Sprintf("1.2.%d", i+1)
		data := dataset(dxClass, instance, 500, byte(i))
		if err := w.send(instance, data); err != nil {
			t.Fatal(err)
		}
		results := 1
		corrected := bytes.Replace(data, []byte("1.2.3.5"), []byte("1.2.3.6"), 1)
		if i%6 != 5 {
			w.settle()
		}
		var want error
		again, newest := data, data
		in := incoming(instance, archive.Segment)
		switch i % 6 {
		case 0: // unchanged
		case 1:
			in.TransferSyntaxUID, again = deflatedIncoming().TransferSyntaxUID, deflate(t, data)
		case 2:
			again, newest, results = corrected, corrected, 2
		case 3:
			again, want = dataset(dxClass, instance, 500, byte(i+1)), archive.ErrDuplicate
		case 4: // after it has expired
			if _, _, err := w.a.MakeRoom(t.Context(), 1<<62); err != nil {
				t.Fatal(err)
			}
		case 5: // before its result is made
		}
		f.injected++
		_, err := w.a.Receive(t.Context(), in, bytes.NewReader(again))
		switch {
		case want == nil && err != nil:
			f.lost++
		case want != nil && err == nil:
			f.falseSuccess++
		case !errors.Is(err, want):
			t.Errorf("repeat %d: %v, want %v", i, err, want)
		}
		w.settle()
		w.judge(&f, instance, newest, results)
	}
	w.loose(&f)
	return f
}

// hostileFaults sends data sets with random damage. Acknowledged ones must be stored byte for
// byte; refused ones must leave nothing.
func hostileFaults(t *testing.T, n int) (f tally) {
	w := newWorld(t, durabletest.Dir(t))
	w.a = open(t, w.options())
	for i := range n {
		instance := fmt.Sprintf("1.2.%d", i+1)
		data := dataset(dxClass, instance, 200, byte(i))
		for range 1 + rand.IntN(4) {
			switch at := rand.IntN(len(data)); rand.IntN(3) {
			case 0:
				data[at] = byte(rand.Uint32())
			case 1:
				data = data[:max(at, 1)]
			case 2:
				data = append(data[:at:at], append(bytes.Repeat([]byte{0xFF}, rand.IntN(9)), data[at:]...)...)
			}
		}
		f.injected++
		if err := w.send(instance, data); err == nil {
			o, err := w.a.Find(t.Context(), instance)
			if err != nil {
				f.falseSuccess++
			} else if b, err := read(o); err != nil || !bytes.Equal(b, data) {
				f.damaged++
			}
		} else if _, ferr := w.a.Find(t.Context(), instance); !errors.Is(ferr, archive.ErrNotFound) {
			f.silent++
		}
	}
	w.loose(&f)
	return f
}
