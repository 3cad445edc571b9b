package deidentify_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// packages returns the folder that fetch.sh fills. Without it the test is skipped, unless
// REQUIRE_PEERS is set.
func packages(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../../.runtime/deidentify")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "pydicom")); err != nil {
		if os.Getenv("REQUIRE_PEERS") != "" {
			t.Fatalf("%v: run trainer/deidentify/fetch.sh", err)
		}
		t.Skip("the packages that judge are not fetched: run trainer/deidentify/fetch.sh")
	}
	return folder
}

func python(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("python3", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONPATH="+packages(t), "PYTHONWARNINGS=ignore", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("python3 %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// canary makes the object with a canary in every row of the table, and in unusual places, in a
// new folder beside one named shared.
func canary(t *testing.T) (dir string, file []byte) {
	t.Helper()
	shared := dicomtest.Shared(t, "..", "cases", "deid", "canary.py")
	root := t.TempDir()
	dir = filepath.Join(root, "run")
	if err := os.MkdirAll(filepath.Join(dir, "can_out"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		filepath.Join(root, "shared"): filepath.Join(filepath.Dir(shared), "..", ".."),
		filepath.Join(dir, "anon"):    packages(t),
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	python(t, dir, "../shared/cases/deid/canary.py")
	file, err := os.ReadFile(filepath.Join(dir, "canary.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, file
}

func deidentified(t *testing.T, file []byte, opt deidentify.Options) ([]byte, *deidentify.Result) {
	t.Helper()
	o, err := object.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	opt.Key, opt.Version = deidentify.Key{1, 2, 3}, "test"
	d, err := deidentify.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Object(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Claim(r, false)
	var b bytes.Buffer
	if err := r.Object.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), r
}

// leak.py finds no canary of canary.py; both scripts are unchanged.
func TestCanaries(t *testing.T) {
	dir, file := canary(t)
	for name, opt := range map[string]deidentify.Options{"training": {}, "basic": {Basic: true}} {
		out, _ := deidentified(t, file, opt)
		if err := os.WriteFile(filepath.Join(dir, "can_out", name+".dcm"), out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	report := python(t, dir, "../shared/cases/deid/leak.py")
	lines := regexp.MustCompile(`(?m)^== (\S+) \d+ left (\d+) of (\d+)`).FindAllStringSubmatch(report, -1)
	if len(lines) != 2 {
		t.Fatalf("leak.py judged %d files, want 2:\n%s", len(lines), report)
	}
	for _, l := range lines {
		if l[2] != "0" || l[3] != "1525" {
			t.Errorf("%s: %s of %s canaries left, want 0 of 1525\n%s", l[1], l[2], l[3], report)
		}
	}
}

// Options retain only what they name: the remaining canaries are times, with shifted dates, and
// values that the option of a row keeps.
func TestCanariesWithOptions(t *testing.T) {
	dir, file := canary(t)
	var canaries map[string]string
	text, err := os.ReadFile(filepath.Join(dir, "canary.json"))
	if err == nil {
		err = json.Unmarshal(text, &canaries)
	}
	if err != nil || len(canaries) != 1525 {
		t.Fatalf("%d canaries, want 1525: %v", len(canaries), err)
	}
	for _, option := range []profile.Option{profile.ModifiedDates, profile.Descriptors, profile.Patient, profile.Device, profile.Institution, profile.FullDates, profile.SafePrivate, profile.Graphics} {
		for _, basic := range []bool{false, true} {
			out, _ := deidentified(t, file, deidentify.Options{Basic: basic, Retain: []profile.Option{option}})
			for value, place := range canaries {
				if !bytes.Contains(out, []byte(value)) {
					continue
				}
				r := rowOf(place)
				stays := option == profile.ModifiedDates && r != nil && r.Options[option] == profile.Clean && object.VR(r.Tag, false) == "TM"
				if r == nil || r.Options[option] != profile.Keep && !stays {
					t.Errorf("%s, basic %v: left from %s", option, basic, place)
				}
			}
		}
	}
}

// rowOf returns the row of a canary's place, which ends with a keyword or its name.
func rowOf(place string) *profile.Row {
	place, _, _ = strings.Cut(place, " (not")
	words := strings.FieldsFunc(place, func(r rune) bool { return r == ' ' })
	for _, r := range profile.Rows() {
		if len(words) > 0 && r.Keyword == words[len(words)-1] {
			return &r
		}
	}
	return nil
}

// score is what midib.py finds.
type score struct {
	Checks, Failed map[string]int
	Failures       [][]string
}

func (s score) checks() int { return s.Checks["HIPAA"] + s.Checks["DICOM"] + s.Checks["research"] }

// midib judges a de-identified object in dir by the rules of the MIDI-B challenge: all actions
// of HIPAA and DICOM, and 99.9 % of all.
func midib(t *testing.T, dir, original, made, key string) (s score) {
	t.Helper()
	script, err := filepath.Abs("midib.py")
	if err != nil {
		t.Fatal(err)
	}
	report := python(t, dir, script, original, made, key)
	if err := json.Unmarshal([]byte(report), &s); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	t.Logf("%s: %v checks, %v failed", made, s.Checks, s.Failed)
	return s
}

func (s score) judge(t *testing.T, made string, least int) {
	t.Helper()
	identifying := s.Failed["HIPAA"] + s.Failed["DICOM"]
	if bad := identifying + s.Failed["research"]; s.checks() < least || identifying > 0 || 1000*bad > s.checks() {
		t.Errorf("%s: %d checks, failed %v: %v", made, s.checks(), s.Failed, s.Failures)
	}
}

// By the rules of the MIDI-B challenge, with the canaries of canary.py.
func TestMIDIB(t *testing.T) {
	dir, file := canary(t)
	for name, basic := range map[string]bool{"training.dcm": false, "basic.dcm": true} {
		out, _ := deidentified(t, file, deidentify.Options{Basic: basic})
		if err := os.WriteFile(filepath.Join(dir, name), out, 0o644); err != nil {
			t.Fatal(err)
		}
		midib(t, dir, "canary.dcm", name, "canary.json").judge(t, name, 1525)
	}
	// A check of the judge: the original fails nearly everything.
	if s := midib(t, dir, "canary.dcm", "canary.dcm", "canary.json"); 2*s.Failed["HIPAA"] < s.Checks["HIPAA"] {
		t.Errorf("the original passes: %+v", s)
	}
}

// The same with a canary in every attribute of PS3.6 that holds words, names, dates or UIDs: this
// list and its answer key are made from pydicom's dictionary, without the table of PS3.15. The
// Basic Profile leaves attributes that have no row, so only the default profile can pass.
func TestMIDIBDictionary(t *testing.T) {
	dir := t.TempDir()
	script, err := filepath.Abs("dictionary.py")
	if err != nil {
		t.Fatal(err)
	}
	python(t, dir, script, dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"), "planted.dcm", "planted.json")
	file, err := os.ReadFile(filepath.Join(dir, "planted.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	out, _ := deidentified(t, file, deidentify.Options{})
	if err := os.WriteFile(filepath.Join(dir, "training.dcm"), out, 0o644); err != nil {
		t.Fatal(err)
	}
	midib(t, dir, "planted.dcm", "training.dcm", "planted.json").judge(t, "training.dcm", 3000)
	if s := midib(t, dir, "planted.dcm", "planted.dcm", "planted.json"); 2*s.Failed["HIPAA"] < s.Checks["HIPAA"] {
		t.Errorf("the original passes: %+v", s)
	}
}
