package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// fake returns the samples 1, 2, 3 … or an error for every job.
type fake struct{ result Result }

func (fake) Load(Family, string) (string, error) { return "1", nil }

func (f fake) Decode(j Job, out []byte) (Result, error) {
	if len(j.Code) > 0 && j.Code[0] == 'x' {
		return Result{}, errors.New("an x")
	}
	for i := range out {
		out[i] = byte(i + 1)
	}
	return f.result, nil
}

// testRoom is the size limit of codestream and samples for a worker in this process.
const testRoom = 1 << 17

// serveIn answers requests with an unconfined worker in this process. Its codestream is always
// the same; samples is the memory afterwards.
func serveIn(d Decoder, code string, in io.Reader) (out bytes.Buffer, samples []byte, err error) {
	w := worker{decoder: d, code: make([]byte, testRoom), out: make([]byte, testRoom)}
	copy(w.code, code)
	for err == nil {
		err = w.serve(in, &out)
	}
	if err == io.EOF {
		err = nil
	}
	return out, w.out, err
}

// exchangeWith sends requests for one codestream.
func exchangeWith(t testing.TB, d Decoder, code string, requests ...request) (*bytes.Buffer, []byte) {
	t.Helper()
	var in bytes.Buffer
	for _, q := range requests {
		if err := put(&in, q); err != nil {
			t.Fatal(err)
		}
	}
	out, samples, err := serveIn(d, code, &in)
	if err != nil {
		t.Fatal(err)
	}
	return &out, samples
}

func TestServe(t *testing.T) {
	odd := fake{Result{Precision: 12, Bytes: 2, Signed: true, Planar: true, Warning: "odd"}}
	out, samples := exchangeWith(t, odd, "abc", request{0, 1, 2, 1, 3})
	a, text, err := getAnswer(out)
	if err != nil || a.Precision != 12 || a.Signed != 1 || a.Planar != 1 || text != "odd" || !bytes.Equal(samples[:5], []byte{1, 2, 3, 4, 0}) {
		t.Errorf("%+v %q %v %v", a, text, samples[:5], err)
	}
	out, _ = exchangeWith(t, odd, "x", request{0, 1, 2, 1, 1})
	if a, text, err = getAnswer(out); err != nil || a.Status != statusRefused || text != "an x" {
		t.Errorf("%+v %q %v", a, text, err)
	}
}

// A request for more than the shared memory holds ends the worker.
func TestServeRefuses(t *testing.T) {
	for _, q := range []request{{0, 65535, 65535, 1, 1}, {0, 1 << 31, 1 << 31, 4, 1}, {0, 1, 1, 1 << 31, 1}, {0, 1, 1, 1, testRoom + 1}} {
		var in bytes.Buffer
		if err := put(&in, q); err != nil {
			t.Fatal(err)
		}
		if out, _, err := serveIn(fake{}, "abc", &in); err == nil || out.Len() > 0 {
			t.Errorf("%+v: %v, %d bytes", q, err, out.Len())
		}
	}
}

// Invalid answers of a compromised worker are rejected.
func TestGetAnswerRefuses(t *testing.T) {
	for _, a := range []answer{
		{Status: 2}, {Bytes: 0}, {Bytes: 3}, {Bytes: 1, Text: maxText + 1}, {Status: statusRefused, Text: 1 << 31}, {Bytes: 1, Precision: 1 << 20},
	} {
		var b bytes.Buffer
		put(&b, &a)
		b.Write(make([]byte, 100))
		if _, _, err := getAnswer(&b); err == nil {
			t.Errorf("%+v is an answer", a)
		}
	}
}

// FuzzAnswer: no bytes from a worker make the node panic or allocate more than a little memory.
func FuzzAnswer(f *testing.F) {
	var b bytes.Buffer
	put(&b, answer{Precision: 12, Bytes: 2, Text: 3})
	b.WriteString("odd")
	f.Add(b.Bytes())
	f.Add([]byte{1, 0, 0, 0})
	for _, r := range []Result{{Precision: 8, Bytes: 1}, {Precision: 16, Bytes: 2, Signed: true}, {Precision: 8, Bytes: 1, Planar: true}, {Precision: 12, Bytes: 2, Warning: "Invalid SOS parameters"}} {
		for family := range Families { // real answers of a worker
			for _, code := range []string{"a", "x"} {
				out, _ := exchangeWith(f, fake{r}, code, request{uint32(family), 2, 2, 3, 1})
				f.Add(out.Bytes())
			}
		}
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		a, text, err := getAnswer(bytes.NewReader(said))
		if err == nil && (len(text) > maxText || a.Status == statusDecoded && a.Bytes != 1 && a.Bytes != 2) {
			t.Errorf("%+v %d", a, len(text))
		}
	})
}

// FuzzHello: the same for a worker's hello.
func FuzzHello(f *testing.F) {
	var b bytes.Buffer
	putHello(&b, hello{Libraries: []Library{{Family: JPEGLS, Path: "p", Version: "1"}}, Confinement: confinedSeccomp})
	f.Add(b.Bytes())
	f.Add(binary.LittleEndian.AppendUint32(nil, 1<<31))
	f.Fuzz(func(t *testing.T, said []byte) { getHello(bytes.NewReader(said)) })
}

// FuzzTidy: for any codestream, tidying ends and lengthens it at most by an end marker.
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
			list := variants(family, split(code, 7))
			if len(list) == 0 || len(list) > 4 {
				t.Fatalf("%d variants", len(list))
			}
			for _, v := range list {
				if v.length() > int64(len(code)+2) {
					t.Errorf("%d bytes of %d", v.length(), len(code))
				}
			}
		}
	})
}

// FuzzServe: a worker answers any request, or ends with an error.
func FuzzServe(f *testing.F) {
	for family := range Families {
		var b bytes.Buffer
		put(&b, request{uint32(family), 2, 3, 1, 4})
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		out, _, _ := serveIn(fake{Result{Precision: 16, Bytes: 2}}, "code", bytes.NewReader(said))
		for out.Len() > 0 {
			if _, _, err := getAnswer(&out); err != nil {
				t.Fatal(err)
			}
		}
	})
}
