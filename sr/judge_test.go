package sr_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// judge is an outside program that says what is wrong with a report.
type judge struct {
	program string
	args    []string
	saw     string         // printed by a judge that has understood the file
	bad     *regexp.Regexp // a complaint
}

var (
	dciodvfy = judge{"dciodvfy", nil, "ComprehensiveSR", regexp.MustCompile(`Error|Warning`)}
	dsrdump  = judge{"dsrdump", nil, "Imaging Measurements", regexp.MustCompile(`^[EWF]: `)}
	// validator checks the rows of the templates. Its style sheet exceeds the
	// limits that newer Java machines set.
	validator = judge{"DicomSRValidator", nil, "Root Template Validation Complete", regexp.MustCompile(`Error|Warning`)}
)

// harmless complaints say nothing against the object: no judge knows a private
// coding scheme, dsrdump does not check UTF-8.
var harmless = regexp.MustCompile(`99DICOMNODE|The VR checker does not support`)

// check fails t for each complaint about the file.
func (j judge) check(t *testing.T, name string, file []byte) {
	t.Helper()
	program, err := exec.LookPath(j.program)
	if err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(j.program + " is not installed")
	}
	path := filepath.Join(t.TempDir(), "sr.dcm")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append(j.args, path)...)
	cmd.Env = append(os.Environ(), "JAVA_TOOL_OPTIONS=-Djdk.xml.xpathExprGrpLimit=0 -Djdk.xml.xpathExprOpLimit=0 -Djdk.xml.xpathTotalOpLimit=0")
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), j.saw) {
		t.Fatalf("%s: %s did not judge the file: %v\n%s", name, j.program, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if j.bad.MatchString(line) && !harmless.MatchString(line) {
			t.Errorf("%s: %s", name, strings.TrimSpace(line))
		}
	}
}

func TestReportsAreClean(t *testing.T) {
	for _, j := range []judge{dciodvfy, dsrdump} {
		t.Run(j.program, func(t *testing.T) { j.checkCases(t) })
	}
}

// TestTemplates takes half a minute a report, so it runs only when asked for:
// make judge-reports.
func TestTemplates(t *testing.T) {
	if os.Getenv("JUDGE_TEMPLATES") != "1" {
		t.Skip("JUDGE_TEMPLATES=1 runs DicomSRValidator")
	}
	validator.checkCases(t)
}

func (j judge) checkCases(t *testing.T) {
	for _, c := range cases {
		r := report(source(t, c.source))
		if c.report != nil {
			c.report(&r)
		}
		b, _ := written(t, r)
		j.check(t, c.name, b)
	}
}
