package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// fake gives every job the samples 1, 2, 3 … or an error.
type fake struct{ result Result }

func (fake) Load(Family, string) (string, error) { return "1", nil }

func (f fake) Decode(j Job, out []byte) (Result, error) {
	if j.Code[0] == 'x' {
		return Result{}, errors.New("an x")
	}
	for i := range out {
		out[i] = byte(i + 1)
	}
	return f.result, nil
}

// exchangeWith sends requests to a worker in this process that is not confined.
func exchangeWith(t testing.TB, d Decoder, requests ...any) *bytes.Buffer {
	t.Helper()
	var in, out bytes.Buffer
	for _, q := range requests {
		if err := put(&in, q); err != nil {
			t.Fatal(err)
		}
	}
	w := worker{decoder: d}
	for {
		if err := w.serve(&in, &out); err == io.EOF {
			return &out
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestServe(t *testing.T) {
	out := exchangeWith(t, fake{Result{Precision: 12, Bytes: 2, Signed: true, Warning: "odd"}},
		request{0, 1, 2, 1, 3}, []byte("abc"), request{0, 1, 2, 1, 1}, []byte("x"))
	a, text, data, err := getAnswer(out, 2)
	if err != nil || a.Precision != 12 || a.Signed != 1 || text != "odd" || !bytes.Equal(data, []byte{1, 2, 3, 4}) {
		t.Errorf("%+v %q %v %v", a, text, data, err)
	}
	if a, text, data, err = getAnswer(out, 2); err != nil || a.Status != statusRefused || text != "an x" || len(data) != 0 {
		t.Errorf("%+v %q %v %v", a, text, data, err)
	}
}

func TestServePlanar(t *testing.T) {
	out := exchangeWith(t, fake{Result{Precision: 8, Bytes: 1, Planar: true}}, request{0, 1, 2, 3, 1}, []byte("a"))
	if _, _, data, err := getAnswer(out, 6); err != nil || !bytes.Equal(data, []byte{1, 3, 5, 2, 4, 6}) {
		t.Errorf("%v %v", data, err)
	}
}

// What a worker says after a decoder got hold of it is not believed.
func TestGetAnswerRefuses(t *testing.T) {
	for _, a := range []answer{
		{Status: 2}, {Bytes: 0, Length: 0}, {Bytes: 3, Length: 30}, {Bytes: 1, Length: 11}, {Bytes: 2, Length: 1 << 31},
		{Bytes: 1, Length: 10, Text: maxText + 1}, {Status: statusRefused, Length: 10}, {Bytes: 1, Length: 10, Precision: 1 << 20},
	} {
		var b bytes.Buffer
		put(&b, &a)
		b.Write(make([]byte, 100))
		if _, _, _, err := getAnswer(&b, 10); err == nil {
			t.Errorf("%+v is an answer", a)
		}
	}
}

// FuzzAnswer: no bytes of a worker make the node panic or take memory for more than
// was asked for.
func FuzzAnswer(f *testing.F) {
	var b bytes.Buffer
	put(&b, answer{Precision: 12, Bytes: 2, Length: 20, Text: 3})
	b.WriteString("odd")
	b.Write(make([]byte, 20))
	f.Add(b.Bytes(), 10)
	f.Add([]byte{1, 0, 0, 0}, 0)
	for _, r := range []Result{{Precision: 8, Bytes: 1}, {Precision: 16, Bytes: 2, Signed: true}, {Precision: 8, Bytes: 1, Planar: true}, {Precision: 12, Bytes: 2, Warning: "Invalid SOS parameters"}} {
		for family := range Families { // what a worker really says
			out := exchangeWith(f, fake{r}, request{uint32(family), 2, 2, 3, 1}, []byte("a"), request{uint32(family), 2, 2, 3, 1}, []byte("x"))
			f.Add(out.Bytes(), 12)
		}
	}
	f.Fuzz(func(t *testing.T, said []byte, values int) {
		if values < 0 || values > MaxSamples {
			return
		}
		a, text, data, err := getAnswer(bytes.NewReader(said), values)
		if err != nil {
			return
		}
		if len(text) > maxText || a.Status == statusDecoded && len(data) != values*int(a.Bytes) {
			t.Errorf("%+v %d %d", a, len(text), len(data))
		}
	})
}

// FuzzHello: the same of a worker's first words.
func FuzzHello(f *testing.F) {
	var b bytes.Buffer
	putHello(&b, hello{Libraries: []Library{{Family: JPEGLS, Path: "p", Version: "1"}}, Confinement: confinedSeccomp})
	f.Add(b.Bytes())
	f.Add(binary.LittleEndian.AppendUint32(nil, 1<<31))
	f.Fuzz(func(t *testing.T, said []byte) { getHello(bytes.NewReader(said)) })
}

// FuzzTidy: whatever a codestream is, tidying ends and never makes it longer than by an
// end marker.
func FuzzTidy(f *testing.F) {
	files, err := probes.ReadDir("probe")
	if err != nil || len(files) < 7 {
		f.Fatal(len(files), err)
	}
	for _, file := range files {
		code, err := probes.ReadFile("probe/" + file.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		for _, family := range Families {
			list := variants(family, code)
			if len(list) == 0 || len(list) > 4 {
				t.Fatalf("%d variants", len(list))
			}
			for _, v := range list {
				if len(v) > len(code)+2 {
					t.Errorf("%d bytes of %d", len(v), len(code))
				}
			}
		}
	})
}

// FuzzServe: a worker answers any request of at most a few pixels, or ends with an error.
func FuzzServe(f *testing.F) {
	for family := range Families {
		var b bytes.Buffer
		put(&b, request{uint32(family), 2, 3, 1, 4})
		b.WriteString("code")
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		var q request
		if get(bytes.NewReader(said), &q) == nil && (uint64(q.Rows)*uint64(q.Columns)*uint64(q.Samples) > 1<<16 || q.Length == 0 || q.Length > 1<<16) {
			return // the node asks for what Frame.check lets pass
		}
		var out bytes.Buffer
		w := worker{decoder: fake{Result{Precision: 16, Bytes: 2}}}
		if w.serve(bytes.NewReader(said), &out) == nil {
			if _, _, _, err := getAnswer(&out, int(q.Rows*q.Columns*q.Samples)); err != nil {
				t.Error(err)
			}
		}
	})
}
