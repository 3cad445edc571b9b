package profile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
)

// The checked-in tables match the packages that they were made from, row by row.
func TestTablesAreThePackages(t *testing.T) {
	folder, err := filepath.Abs("../../../.runtime/deidentify")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "idiscore")); err != nil {
		if os.Getenv("REQUIRE_PEERS") != "" {
			t.Fatalf("%v: run trainer/deidentify/fetch.sh", err)
		}
		t.Skip("the packages are not fetched: run trainer/deidentify/fetch.sh")
	}
	cmd := exec.Command("python3", "generate.py", "--packages", folder, "--check")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("generate.py --check: %v\n%s", err, out)
	}
}

// table.go matches table.csv.
func TestTableIsGenerated(t *testing.T) {
	text, err := os.ReadFile("table.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines)-1 != len(rows) || len(rows) < 665 {
		t.Fatalf("table.csv has %d rows, table.go %d, want 665 or more: run go generate", len(lines)-1, len(rows))
	}
	header := strings.Split(lines[0], ",")
	for i, r := range rows {
		want := []string{hex(r.Tag), hex(r.Mask), r.Keyword, r.Source, string(r.Basic)}
		for _, o := range header[5:] {
			want = append(want, string(r.Options[Option(o)]))
		}
		if got := strings.Join(want, ","); got != lines[i+1] {
			t.Errorf("table.go says %s\ntable.csv    %s: run go generate", got, lines[i+1])
		}
	}
}

func hex(t part10.Tag) string {
	return strings.NewReplacer("(", "", ")", "", ",", "").Replace(t.String()[:11])
}

// The counts of PS3.15 Table E.1-1 in edition 2026c by action.
func TestCounts(t *testing.T) {
	got := map[Action]int{}
	for _, r := range rows {
		if r.Source == Edition {
			got[r.Basic]++
		}
	}
	want := map[Action]int{"D": 93, "Z": 42, "X": 416, "U": 55, "Z/D": 6, "X/Z": 11, "X/D": 23, "X/Z/D": 8, "X/Z/U*": 2}
	for a, n := range want {
		if got[a] != n {
			t.Errorf("%d rows with %s, want %d", got[a], a, n)
		}
	}
}

// Every kept attribute exists, and the Basic Profile removes none of them.
func TestAllowListKeepsNothingOfTheTable(t *testing.T) {
	for group, words := range allowed {
		for word := range strings.FieldsSeq(words) {
			info, err := tag.FindByKeyword(word)
			if err != nil {
				t.Errorf("%s: no attribute %s", group, word)
				continue
			}
			r := Find(part10.Tag(info.Tag.Group)<<16 | part10.Tag(info.Tag.Element))
			if r == nil || r.Basic == UID || r.Basic == "X/Z/U*" || r.Options[Structured] == Clean {
				continue
			}
			t.Errorf("%s: the Basic Profile does %s to %s", group, r.Basic, word)
		}
	}
}

// The list of safe private attributes can be parsed, has numbers only, and has the rows of
// PS3.15 Table E.3.10-1.
func TestSafePrivateList(t *testing.T) {
	for a, vr := range safePrivate() {
		if a.Group&1 == 0 || a.Creator == "" || !strings.Contains("DS IS US SS UL SL FL FD", vr) || len(vr) != 2 {
			t.Errorf("%+v %s: want numbers of a private group", a, vr)
		}
	}
	if n := len(safePrivate()); n != 78 {
		t.Errorf("%d attributes, want 78", n)
	}
	for a, want := range map[PrivateAttribute]string{
		{"Philips PET Private Group", 0x7053, 0x09}: "DS", {"SIEMENS MR HEADER", 0x0019, 0x27}: "FD", {"NQRight", 0x0299, 0x16}: "FL",
		{"GEMS_PARM_01", 0x0043, 0x39}: "IS", {"GEMS_PARM_01", 0x0043, 0x27}: "", {"HOLOGIC, Inc.", 0x7E01, 0x12}: "", {"GEMS_ACQU_01", 0x0043, 0x23}: "",
	} {
		if got := SafePrivateVR(a); got != want {
			t.Errorf("%+v: VR %q, want %q", a, got, want)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		action Action
		kind   string
		want   Action
	}{
		{"X/Z/D", "1", Dummy}, {"X/Z/D", "2", Empty}, {"X/Z/D", "3", Remove}, {"X/Z/D", "1C", Dummy}, {"X/Z/D", "2C", Empty},
		{"X/Z", "1", Empty}, {"X/D", "2", Dummy}, {"Z/D", "3", Empty}, {"Z/D", "", Empty}, {"X/Z", "", Remove}, {"X/D", "?", Dummy},
		{"X/Z/U*", "1", UID}, {"X/Z/U*", "3", Remove}, {"X/Z/D", "1U", Dummy}, {"X/Z/D", "2CU", Empty}, {"X", "1", Remove}, {"K", "3", Keep},
	} {
		if got := Resolve(c.action, c.kind); got != c.want {
			t.Errorf("Resolve(%s, %q) = %s, want %s", c.action, c.kind, got, c.want)
		}
	}
}

func TestFindMasks(t *testing.T) {
	for tag, want := range map[part10.Tag]string{
		0x00100010: "PatientName", 0x60024000: "OverlayComments", 0x601E3000: "OverlayData", 0x50041234: "CurveData", 0x00091001: "PrivateAttributes",
	} {
		if r := Find(tag); r == nil || r.Keyword != want {
			t.Errorf("Find(%v) = %v, want %s", tag, r, want)
		}
	}
	if r := Find(0x00280010); r != nil {
		t.Errorf("Rows has the row %s", r.Keyword)
	}
}

func TestTypes(t *testing.T) {
	dx, sr := Kind{Name: "DX"}, Kind{Name: "SR33"}
	for _, c := range []struct {
		kind Kind
		path []part10.Tag
		tag  part10.Tag
		want string
	}{
		{dx, nil, 0x00100020, "2"}, {dx, nil, 0x00080018, "1"}, {dx, nil, 0x00181000, "3"}, {dx, nil, 0x00620002, ""},
		{dx, []part10.Tag{0x00082218}, 0x00080104, "1"}, {dx, []part10.Tag{0x00400275}, 0x00080104, "?"},
		{sr, []part10.Tag{0x0040A730, 0x0040A730, 0x0040A730}, 0x0040A040, "1"},
	} {
		if got := c.kind.Type(c.path, c.tag); got != c.want {
			t.Errorf("%s %v %v: type %q, want %q", c.kind.Name, c.path, c.tag, got, c.want)
		}
	}
}

func TestTerms(t *testing.T) {
	for _, v := range []string{"MONOCHROME2", "HAND", "FOR PRESENTATION", "L", "YBR_FULL_422", "", "ISO 2022 IR 87"} {
		if !Term(v) {
			t.Errorf("%q is a defined term", v)
		}
	}
	for _, v := range []string{"SMITH", "KANARIE00001", "HAND SMITH"} {
		if Term(v) {
			t.Errorf("%q is no defined term", v)
		}
	}
	if !Wording("Soft tissue") || Wording("Dr. Smith's hand") {
		t.Error("Wording does not tell a concept from a text")
	}
}
