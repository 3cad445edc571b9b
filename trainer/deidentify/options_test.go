package deidentify_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// made returns an object of a SOP class and a patient with all required UIDs.
func made(class, patient string, more ...*object.Element) *object.Object {
	s := &object.Set{}
	s.PutText(0x00080016, "UI", class)
	s.PutText(0x00080018, "UI", "1.2.826.0.1.3680043.8.498.1")
	s.PutText(0x0020000D, "UI", "1.2.826.0.1.3680043.8.498.2")
	s.PutText(0x0020000E, "UI", "1.2.826.0.1.3680043.8.498.3")
	s.PutText(0x00100020, "LO", patient)
	for _, e := range more {
		s.Put(e)
	}
	return &object.Object{Meta: &object.Set{}, TransferSyntaxUID: uid.ExplicitVRLittleEndian, Set: s}
}

func text(t part10.Tag, vr string, values ...string) *object.Element {
	return &object.Element{Tag: t, VR: vr, Value: object.Text(vr, values...)}
}

func shorts(t part10.Tag, vr string, values ...uint16) *object.Element {
	e := &object.Element{Tag: t, VR: vr}
	for _, v := range values {
		e.Value = binary.LittleEndian.AppendUint16(e.Value, v)
	}
	return e
}

func items(t part10.Tag, all ...[]*object.Element) *object.Element {
	e := &object.Element{Tag: t, VR: "SQ"}
	for _, elements := range all {
		s := &object.Set{}
		for _, inner := range elements {
			s.Put(inner)
		}
		e.Items = append(e.Items, s)
	}
	return e
}

// result de-identifies o, writes it and reads it back.
func result(t *testing.T, opt deidentify.Options, o *object.Object, approve func(*deidentify.Deidentifier, *deidentify.Result)) *object.Object {
	t.Helper()
	opt.Key = deidentify.Key{4}
	d, err := deidentify.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Object(o)
	if err != nil {
		t.Fatal(err)
	}
	if approve != nil {
		approve(d, r)
	}
	d.Claim(r, false)
	var b bytes.Buffer
	if err := r.Object.Write(&b); err != nil {
		t.Fatal(err)
	}
	out, err := object.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// claims returns the codes of De-identification Method Code Sequence (0012,0064).
func claims(o *object.Object) (out []string) {
	for _, item := range o.Find(0x00120064).Items {
		out = append(out, item.First(0x00080100))
	}
	return out
}

// A Tracking ID stays beside its UID (PS3.3 C.8.20.2) as a pseudonym: the same in segmentations
// and reports of a patient, another for another patient.
func TestTracking(t *testing.T) {
	const lesion, unique = "Kanarie's left knee", "1.2.826.0.1.3680043.8.498.9"
	seg := func(patient, id string) *object.Object {
		return made(uid.SegmentationStorage, patient, items(0x00620002, []*object.Element{text(0x00620020, "LO", id), text(0x00620021, "UI", unique)}))
	}
	concept := func(value string) *object.Element {
		return items(0x0040A043, []*object.Element{text(0x00080100, "SH", value), text(0x00080102, "SH", "DCM"), text(0x00080104, "LO", "x")})
	}
	report := made(uid.ComprehensiveSRStorage, "A", items(0x0040A730,
		[]*object.Element{text(0x0040A040, "CS", "TEXT"), concept("112039"), text(0x0040A160, "UT", lesion)},
		[]*object.Element{text(0x0040A040, "CS", "UIDREF"), concept("112040"), text(0x0040A124, "UI", unique)},
		[]*object.Element{text(0x0040A040, "CS", "TEXT"), concept("121106"), text(0x0040A160, "UT", "Seen by Dr. Kanarie")},
		[]*object.Element{text(0x0040A040, "CS", "PNAME"), concept("121008"), text(0x0040A123, "PN", "Kanarie^Vogel")},
	))
	for _, basic := range []bool{false, true} {
		opt := deidentify.Options{Basic: basic}
		tracked := func(o *object.Object) (id, other string) {
			s := result(t, opt, o, nil).Find(0x00620002).Items[0]
			return s.First(0x00620020), s.First(0x00620021)
		}
		id, other := tracked(seg("A", lesion))
		if id == "" || id == lesion || other == "" || other == unique {
			t.Errorf("basic %v: tracking ID %q and UID %q: want both, replaced", basic, id, other)
		}
		if second, _ := tracked(seg("B", lesion)); second == id {
			t.Errorf("basic %v: two patients have the tracking ID %q", basic, id)
		}
		if second, _ := tracked(seg("A", "another")); second == id {
			t.Errorf("basic %v: two lesions have the tracking ID %q", basic, id)
		}
		if own, _ := tracked(seg("A", "Soft tissue")); own != "Soft tissue" {
			t.Errorf("basic %v: our own label became %q", basic, own)
		}
		out := result(t, opt, report, nil)
		content := out.Find(0x0040A730).Items
		if len(content) != 2 || content[0].First(0x0040A160) != id || content[1].First(0x0040A124) != other {
			t.Errorf("basic %v: %d content items, want the tracking ID and UID of the segmentation alone", basic, len(content))
		}
	}
}

// With the Retain Safe Private Option numbers of listed attributes stay with their creators,
// and nothing else that is private.
func TestSafePrivate(t *testing.T) {
	characteristics := func(group uint16, creator, status string, fine ...uint16) []*object.Element {
		return []*object.Element{shorts(0x00080301, "US", group), text(0x00080302, "LO", creator), text(0x00080303, "CS", status), shorts(0x00080304, "US", fine...)}
	}
	source := func() *object.Object {
		return made(uid.ComputedRadiographyImageStorage, "A",
			items(0x00080300, characteristics(0x0019, "SIEMENS MR HEADER", "MIXED", 0x0C), characteristics(0x0025, "GEMS_SERS_01", "UNSAFE"), characteristics(0x0043, "GEMS_PARM_01", "SAFE")),
			text(0x00190010, "LO", "GEMS_ACQU_01"), text(0x00190011, "LO", "SIEMENS MR HEADER"),
			text(0x00191023, "DS", "12.5"), text(0x00191024, "DS", "Kanarie"), text(0x0019109E, "LO", "kanarie sequence"),
			text(0x0019110C, "UN", "4 "), &object.Element{Tag: 0x0019110E, VR: "FD", Value: make([]byte, 24)},
			text(0x00250010, "LO", "GEMS_SERS_01"), &object.Element{Tag: 0x00251007, VR: "SL", Value: make([]byte, 4)},
			text(0x00431039, "IS", "5"), // without a creator
			text(0x00450010, "LO", "GEMS_HELIOS_01"), text(0x00451001, "LO", "kanarie"), &object.Element{Tag: 0x00451002, VR: "FL", Value: make([]byte, 3)},
			text(0x00990010, "LO", "KANARIE PRIVATE"), text(0x00991001, "LO", "kanarie 1"),
			text(0x09030010, "LO", "GEIIS PACS"), shorts(0x09031010, "US", 1),
		)
	}
	private := func(s *object.Set) (out []part10.Tag) {
		for _, e := range s.Elements {
			if e.Tag>>16&1 == 1 {
				out = append(out, e.Tag)
			}
		}
		return out
	}
	for _, basic := range []bool{false, true} {
		out := result(t, deidentify.Options{Basic: basic, Retain: []profile.Option{profile.SafePrivate}}, source(), nil)
		want := []part10.Tag{0x00190010, 0x00190011, 0x00191023, 0x0019110C, 0x09030010, 0x09031010}
		if got := private(out.Set); !slices.Equal(got, want) {
			t.Errorf("basic %v: %v stay, want %v", basic, got, want)
		}
		if e := out.Find(0x0019110C); e != nil && e.VR != "IS" {
			t.Errorf("basic %v: an attribute of VR UN has now VR %s, want that of the list", basic, e.VR)
		}
		if got := claims(out); !slices.Contains(got, "113111") {
			t.Errorf("basic %v: claims %v, want 113111", basic, got)
		}
		none := result(t, deidentify.Options{Basic: basic, Retain: []profile.Option{profile.SafePrivate}}, made(uid.ComputedRadiographyImageStorage, "A"), nil)
		plain := result(t, deidentify.Options{Basic: basic}, source(), nil)
		if slices.Contains(claims(none), "113111") || slices.Contains(claims(plain), "113111") || private(plain.Set) != nil {
			t.Errorf("basic %v: the option is claimed where nothing was kept, or something is kept without it", basic)
		}
	}
}

// Overlays of an image stay, without their texts, only if a person approved them, and only then
// is the Clean Graphics Option claimed.
func TestGraphics(t *testing.T) {
	overlay := func(group part10.Tag, bits []byte) []*object.Element {
		g := group << 16
		return []*object.Element{shorts(g|0x10, "US", 4), shorts(g|0x11, "US", 4), text(g|0x22, "LO", "kanarie"), text(g|0x40, "CS", "G"),
			shorts(g|0x50, "SS", 2, 3), shorts(g|0x100, "US", 1), shorts(g|0x102, "US", 0), text(g|0x1500, "LO", "kanarie label"),
			{Tag: g | 0x3000, VR: "OW", Value: bits}, text(g|0x4000, "LT", "kanarie comment")}
	}
	source := func() *object.Object {
		all := slices.Concat(overlay(0x6000, []byte{0b0001, 0b1000_0000}), overlay(0x6002, []byte{1}))
		return made(uid.ComputedRadiographyImageStorage, "A", append(all, shorts(0x00280010, "US", 5), shorts(0x00280011, "US", 6), text(0x50003000, "OW", "kanarie "))...)
	}
	opt := deidentify.Options{Retain: []profile.Option{profile.Graphics}}
	keep := func(d *deidentify.Deidentifier, r *deidentify.Result) {
		if len(r.Graphics) != 1 {
			t.Fatalf("%d overlays, want the whole one of two", len(r.Graphics))
		}
		g := r.Graphics[0]
		for _, p := range []struct {
			x, y int
			want bool
		}{{2, 1, true}, {3, 1, false}, {5, 4, true}, {4, 4, false}, {6, 4, false}, {1, 1, false}, {0, 0, false}} {
			if got := g.At(p.x, p.y); got != p.want {
				t.Errorf("At(%d, %d) = %v", p.x, p.y, got)
			}
		}
		d.KeepGraphics(r)
	}
	graphics := func(o *object.Object) (out []part10.Tag) {
		for _, e := range o.Elements {
			if g := e.Tag >> 16 & 0xFF01; g == 0x6000 || g == 0x5000 {
				out = append(out, e.Tag)
			}
		}
		return out
	}
	kept := result(t, opt, source(), keep)
	want := []part10.Tag{0x60000010, 0x60000011, 0x60000040, 0x60000050, 0x60000100, 0x60000102, 0x60003000}
	if got := graphics(kept); !slices.Equal(got, want) || !slices.Contains(claims(kept), "113103") {
		t.Errorf("%v stay with claims %v, want %v and 113103", got, claims(kept), want)
	}
	for name, o := range map[string]*object.Object{"not approved": result(t, opt, source(), nil), "no option": result(t, deidentify.Options{}, source(), nil)} {
		if got := graphics(o); got != nil || slices.Contains(claims(o), "113103") {
			t.Errorf("%s: %v stay with claims %v", name, got, claims(o))
		}
	}
}
