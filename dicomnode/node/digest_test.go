package node

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// digestsIn are those of a file's bytes.
func digestsIn(t *testing.T, codecs decode.Codec, file []byte) archive.Digests {
	t.Helper()
	d, err := digester{codecs}.file(t.Context(), bytes.NewReader(file), int64(len(file)))
	if err != nil || !d.Known() {
		t.Fatalf("%+v, %v", d, err)
	}
	return d
}

// withoutCodec is the picture of a stream without its codestream.
func withoutCodec(s codectest.Stream) dicomtest.Image {
	m := s.Image()
	m.Fragments = nil
	for at := 0; at < len(s.Want); at += m.Bits / 8 {
		if m.Bits == 8 {
			m.Pixels = append(m.Pixels, int(s.Want[at]))
			continue
		}
		m.Pixels = append(m.Pixels, int(binary.LittleEndian.Uint16(s.Want[at:])))
	}
	return m
}

// An instance is the same in every encoding that loses nothing, and grey in three samples
// is the same in each colour space of an encoder.
func TestDigestsOfEncodings(t *testing.T) {
	codecs := codecsIn(t, codectest.Folder(t))
	defer codecs.Close()
	n := 0
	for _, s := range codectest.Streams(t) {
		if !s.Exact {
			continue
		}
		want := digestsIn(t, codecs, nodetest.Instance(withoutCodec(s), "x").Encode(uid.ExplicitVRLittleEndian))
		m := nodetest.Instance(s.Image(), "x")
		spaces := []string{m.Photometric}
		if s.Frame.Samples == 3 {
			spaces = []string{"RGB", "YBR_RCT"}
		}
		for _, m.Photometric = range spaces {
			n++
			if have := digestsIn(t, codecs, m.Encode(s.Frame.TransferSyntaxUID)); have != want {
				t.Errorf("%s, %s: %+v, want %+v", s.Name, m.Photometric, have, want)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d encodings were tried", n)
	}
}

// losslessEncodings are files of one radiograph that lost nothing; their patients differ.
var losslessEncodings = []string{"RG3_RLE", "RG3_JPLL", "RG3_JLSL", "RG3_J2KR", "RG3_HTJ2K_201_OpenJPHcodestream"}

// A PACS that sends an instance again in another encoding gets no second result, and
// nothing is refused.
func TestSameInstanceInEveryEncoding(t *testing.T) {
	nodetest.RequireModel(t)
	pacs := nodetest.NewPACS(t)
	n := serveNode(t, Options{Config: nodetest.Config(t.TempDir(), pacs.Addr.Host), Codecs: codecsIn(t, codectest.Folder(t))})
	plain := radiograph(t, "RG3_UNC")
	send := func(m dicomtest.Image, syntax string) {
		path := filepath.Join(t.TempDir(), "x.dcm")
		if err := os.WriteFile(path, nodetest.Instance(m, "RG3").Encode(syntax), 0o600); err != nil {
			t.Fatal(err)
		}
		nodetest.Store(t, n.As("MODALITY", "XNET"), []string{path})
	}
	send(plain.Image, plain.syntax)
	nodetest.Receive(t, pacs, 1)
	for _, syntax := range []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian} {
		send(plain.Image, syntax)
	}
	for _, name := range losslessEncodings {
		r := radiograph(t, name)
		send(r.Image, r.syntax)
	}
	nodetest.Until(t, "all to be done", func() bool {
		select {
		case o := <-pacs.Objects:
			t.Fatalf("a second result: %s", o.SOPInstanceUID)
		default:
		}
		entries, err := n.archive.Queue(t.Context())
		return err == nil && len(entries) == 0
	})
	if log := n.Log.String(); strings.Contains(log, "new version") || strings.Contains(log, "other pixels") {
		t.Errorf("an encoding is another instance:\n%s", log)
	}
}

type encodedRadiograph struct {
	dicomtest.Image
	syntax string
}

// radiograph is a shared file's picture without its header.
func radiograph(t *testing.T, name string) encodedRadiograph {
	t.Helper()
	file, err := os.ReadFile(dicomtest.Shared(t, "dicom", name+".dcm"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := part10.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	m := dicomtest.Image{Rows: 1760, Columns: 1760, Bits: 16, Stored: 10, Photometric: "MONOCHROME1", Fragments: o.Pixels.Fragments}
	if !o.Pixels.Encapsulated {
		img, err := decode.ReadFile(t.Context(), dicomtest.Shared(t, "dicom", name+".dcm"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range img.Samples {
			m.Pixels = append(m.Pixels, int(v))
		}
	}
	return encodedRadiograph{m, o.TransferSyntaxUID}
}

// A run of frames is the same in every encoding, and another when any of its frames is.
func TestDigestsOfRuns(t *testing.T) {
	run := func(second int) dicomtest.Image {
		m := dicomtest.Image{Rows: 6, Columns: 8, Bits: 16, Stored: 12, Photometric: "MONOCHROME2",
			Extra: []dicomtest.Attribute{{Tag: 0x00280008, VR: "IS", Value: 3}}}
		for f, step := range []int{20, second, 30} {
			for i := range m.Rows * m.Columns {
				m.Pixels = append(m.Pixels, 1000+f+step*i)
			}
		}
		return m
	}
	want := digestsIn(t, nil, nodetest.Instance(run(10), "x").Encode(uid.ExplicitVRLittleEndian))
	for _, ts := range []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless} {
		if have := digestsIn(t, nil, nodetest.Instance(run(10), "x").Encode(ts)); have != want {
			t.Errorf("%s: %+v, want %+v", uid.Name(ts), have, want)
		}
	}
	other := digestsIn(t, nil, nodetest.Instance(run(11), "x").Encode(uid.RLELossless))
	if other.Pixels == want.Pixels || other.Meaning != want.Meaning || other.Identity != want.Identity {
		t.Errorf("another second frame: %+v, was %+v", other, want)
	}
}
