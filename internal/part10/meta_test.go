package part10_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

func meta(transferSyntax string) part10.Meta {
	return part10.Meta{
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.1.1", SOPInstanceUID: "1.2.3.4", TransferSyntaxUID: transferSyntax,
		SourceAE: "DXROOM1", ReceivingAE: "XNET",
	}
}

func TestWriteMetaReadHeader(t *testing.T) {
	for ts, data := range map[string][]byte{
		uid.ImplicitVRLittleEndian:         implicitLE.image(),
		uid.ExplicitVRLittleEndian:         explicitLE.image(),
		uid.ExplicitVRBigEndian:            explicitBE.image(),
		uid.DeflatedExplicitVRLittleEndian: deflate(t, explicitLE.image()),
		jpegLossless:                       encapsulated(),
	} {
		var file bytes.Buffer
		if err := part10.WriteMeta(&file, meta(ts)); err != nil {
			t.Fatal(err)
		}
		want := header(ts)
		want.DatasetOffset = int64(file.Len())
		file.Write(data)
		if got, err := part10.ReadHeader(&file); err != nil || got != want {
			t.Errorf("%s: got %+v, error %v, want %+v", ts, got, err, want)
		}
	}
}

// TestWriteMetaBytes pins the bytes around the values (PS3.10 Table 7.1-1).
func TestWriteMetaBytes(t *testing.T) {
	var file bytes.Buffer
	if err := part10.WriteMeta(&file, meta(uid.ExplicitVRLittleEndian)); err != nil {
		t.Fatal(err)
	}
	c := explicitLE
	group := join(
		c.el(0x00020001, "OB", "\x00\x01"),
		c.el(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.1.1"),
		c.el(0x00020003, "UI", "1.2.3.4"),
		c.el(0x00020010, "UI", "1.2.840.10008.1.2.1"),
		c.el(0x00020012, "UI", uid.Implementation),
		c.el(0x00020013, "SH", uid.ImplementationVersionName),
		c.el(0x00020016, "AE", "DXROOM1"),
		c.el(0x00020018, "AE", "XNET"),
	)
	length := c.order.AppendUint32(c.head(0x00020000, "UL", 4), uint32(len(group)))
	if want := join(make([]byte, 128), []byte("DICM"), length, group); !bytes.Equal(file.Bytes(), want) {
		t.Errorf("got\n%x\nwant\n%x", file.Bytes(), want)
	}
}

func TestWriteMetaRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*part10.Meta){
		"no instance":  func(m *part10.Meta) { m.SOPInstanceUID = "" },
		"bad UID":      func(m *part10.Meta) { m.SOPClassUID = "1..2" },
		"long AE":      func(m *part10.Meta) { m.SourceAE = strings.Repeat("A", 17) },
		"control byte": func(m *part10.Meta) { m.SourceAE = "A\nB" },
		"backslash":    func(m *part10.Meta) { m.ReceivingAE = `A\B` },
	} {
		m := meta(uid.ExplicitVRLittleEndian)
		spoil(&m)
		var file bytes.Buffer
		if err := part10.WriteMeta(&file, m); err == nil || file.Len() != 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, file.Len())
		}
	}
}

func TestReadHeaderRefuses(t *testing.T) {
	var file bytes.Buffer
	if err := part10.WriteMeta(&file, meta(uid.ExplicitVRLittleEndian)); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	if _, err := part10.ReadHeader(strings.NewReader("GET / HTTP/1.1")); !errors.Is(err, part10.ErrNotPart10) {
		t.Errorf("text: %v, want ErrNotPart10", err)
	}
	for n := range len(whole) {
		if head, err := part10.ReadHeader(bytes.NewReader(whole[:n])); err == nil && head.TransferSyntaxUID == "" {
			t.Errorf("cut at %d of %d: no error", n, len(whole))
		}
	}
}

// FuzzReadHeader starts from real files, if present, and from synthetic ones.
func FuzzReadHeader(f *testing.F) {
	for _, data := range [][]byte{explicitLE.image(), encapsulated(), unknown()} {
		var file bytes.Buffer
		if err := part10.WriteMeta(&file, meta(uid.ExplicitVRLittleEndian)); err != nil {
			f.Fatal(err)
		}
		file.Write(data)
		f.Add(file.Bytes())
	}
	if files, required := findShared(f); len(files) == 0 && required {
		f.Fatal("no shared DICOM files")
	} else {
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b[:min(len(b), 8<<10)])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		head, err := part10.ReadHeader(bytes.NewReader(data))
		if err == nil && (head.DatasetOffset < 132 || head.DatasetOffset > int64(len(data)) || !uid.Valid(head.TransferSyntaxUID)) {
			t.Errorf("accepted %+v of %d bytes", head, len(data))
		}
	})
}

// Private information is returned only to its creator, and does not affect the header.
func TestPrivate(t *testing.T) {
	const creator = "1.2.3.4.5"
	for _, value := range []string{"odd", "even", ""} {
		m := meta(uid.ExplicitVRLittleEndian)
		m.PrivateCreatorUID, m.Private = creator, []byte(value)
		var file bytes.Buffer
		if err := part10.WriteMeta(&file, m); err != nil {
			t.Fatal(err)
		}
		offset := file.Len()
		file.Write(explicitLE.image())
		r := bytes.NewReader(file.Bytes())
		got, err := part10.ReadPrivate(r, creator)
		if err != nil || string(bytes.TrimRight(got, "\x00")) != value || file.Len()-r.Len() != offset {
			t.Errorf("%q: got %q, %v, at byte %d of %d", value, got, err, file.Len()-r.Len(), offset)
		}
		if got, err := part10.ReadPrivate(bytes.NewReader(file.Bytes()), "1.2.3.4"); err != nil || got != nil {
			t.Errorf("of somebody else: %q, %v", got, err)
		}
		want := header(uid.ExplicitVRLittleEndian)
		want.DatasetOffset = int64(offset)
		if head, err := part10.ReadHeader(bytes.NewReader(file.Bytes())); err != nil || head != want {
			t.Errorf("header %+v, %v", head, err)
		}
		for n := range offset {
			if _, err := part10.ReadPrivate(bytes.NewReader(file.Bytes()[:n]), creator); err == nil {
				t.Errorf("cut at %d: no error", n)
			}
		}
	}
	m := meta(uid.ExplicitVRLittleEndian)
	m.PrivateCreatorUID = "no UID"
	if err := part10.WriteMeta(&bytes.Buffer{}, m); err == nil {
		t.Error("a creator that is no UID was written")
	}
}

func FuzzReadPrivate(f *testing.F) {
	m := meta(uid.ExplicitVRLittleEndian)
	m.PrivateCreatorUID, m.Private = "1.2.3", []byte("value")
	var file bytes.Buffer
	if err := part10.WriteMeta(&file, m); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(bytes.Replace(file.Bytes(), []byte("OB"), []byte("UN"), -1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := part10.ReadPrivate(bytes.NewReader(data), "1.2.3"); err == nil && len(v) > len(data) {
			t.Errorf("%d bytes of %d", len(v), len(data))
		}
	})
}
