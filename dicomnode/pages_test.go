package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/model/ort"
)

// page is a document whose calls of the program are run, in its order.
type page struct {
	name    string
	inline  bool                   // calls within sentences too
	instead []string               // pairs: words of a call, and what the test says in their place
	before  map[string]func(*site) // by the beginning of a call: what has to be so by then
	mayFail []string               // beginnings of calls that may end with 1: the page says what that means
	notRun  []notRun
}

// notRun are calls with that beginning, and why no test of documents makes them.
type notRun struct{ prefix, why string }

// small makes a run of training, which takes hours on real data, one of a second: by
// tiny.onnx, a network of the site that has learnt nothing.
var small = []string{"--init embedded", "--init tiny.onnx", "--model embedded", "--model tiny.onnx", "--epochs 20 --patience 5", tiny,
	"--validation mydata --epochs 20", "--validation mydata --width 2 " + tiny, "--epochs 10", "--width 2 " + tiny}

const tiny = "--steps 1 --batch 1 --batch-norm-batches 1"

// pages are run one after the other in one folder, by the program that is tested: what a
// page made is there for the next.
var pages = []page{
	{name: "README.md", notRun: []notRun{{"serve", "runs until it is stopped: the site runs it"}}},
	{name: "docs/dataset.md",
		instead: append([]string{
			"painted --out mydata", "painted --out from-paint", "results/ --out mydata", "results/ --out from-seg",
			"--out legs --count 200", "--out more --count 4 --size 64", "--out legs --count 8 --dicom 2500x2048", "--out dx --count 4 --size 64 --dicom 250x204",
			"--out augmented", "--out augmented --per-body-part 10 --size 100"}, small...),
		notRun: []notRun{{"trainer simulate --out mixed", "needs anatomy that a clone does not have"}}},
	{name: "docs/model/how-to.md",
		instead: append([]string{"--data mydata", "--data mydata --force", "split mydata", "split mydata --replace"}, small...),
		notRun: []notRun{
			{"trainer calibrate", "needs a network that has learnt something: getting started has one"},
			{"trainer threshold", "needs a network that has learnt something: getting started has one"},
			{"trainer compare", "draws samples for minutes: trainercompare.txtar runs it"},
			{"trainer augment mydata", "the page of data sets made augmented"},
			{"trainer fit augmented --paper", "trains for hours: trainerpaper.txtar runs it with few steps"}}},
	{name: "docs/install.md",
		before:  map[string]func(*site){"config check --probe": (*site).serve},
		instead: []string{"/etc/dicomnode/tls", "tls", "/srv/backup", "."},
		mayFail: []string{"status"}},
	{name: "docs/operations.md", inline: true,
		before:  map[string]func(*site){"find --object": (*site).send, "archive restore": (*site).empty},
		instead: []string{"/etc/dicomnode/dicomnode.yaml", "etc.yaml", "/backup/", "backup-", "--object 17", "--object 1", "find X", "find STUDY", "resend X", "resend STUDY", "reprocess X", "reprocess STUDY"},
		mayFail: []string{"status", "find --not-delivered", "find --unrouted", "reprocess"},
		notRun: []notRun{
			{"serve", "runs until it is stopped: the site runs it"},
			{"dark add", "needs frames of a detector: the scripts have some"},
			{"queue retry", "needs a job that is not done: queue.txtar has one"},
			{"resend --object 2", "needs a result that is held: held.txtar has one"},
			{"held release", "needs a result that is held: held.txtar has one"},
			{"model rollback", "the page of models runs it"}}},
	{name: "docs/durability.md",
		before:  map[string]func(*site){"archive restore": (*site).empty},
		instead: []string{"/backup/", "safe-", "UID", "STUDY", "WORDS", "test"}},
	{name: "docs/export.md",
		instead: append([]string{"--from-node --config dicomnode.yaml --body-part KNEE", "study --burned-in keep", "publish knee.onnx --config dicomnode.yaml --data labelled --split test", "publish tiny.onnx --config dicomnode.yaml --force"}, small...),
		notRun: []notRun{
			{"trainer export review", "asks a person, in a browser"},
			{"trainer export finish", "needs a review"},
			{"trainer export --from-pacs", "needs a PACS with C-GET: the tests of exportcmd have one"},
			{"trainer split labelled", "needs more than one image: how-to has them"},
			{"trainer fit labelled", "needs more than one image: how-to has them"},
			{"trainer evaluate labelled", "needs a network that has learnt something: getting started has one"}}},
	{name: "docs/model/getting-started.md"},
}

// otherPages are documents with calls of the program that are not run.
var otherPages = map[string]string{
	"docs/model-card.md":                   "how the embedded model was made: hours of training on anatomy that a clone does not have",
	"docs/model/explanation.md":            "how networks were compared: hours of training",
	"docs/model/reference.md":              "measurements on anatomy that a clone does not have",
	"docs/seg.md":                          "how the exposed field was measured: on anatomy that a clone does not have",
	"docs/performance.md":                  "measurements",
	"docs/decisions/0010-guided-filter.md": "measurements on labelled images that a clone does not have",
	".github/ISSUE_TEMPLATE/fault.md":      "asks for the output",
	"docs/orthanc/README.md":               "the tests of e2e run these files",
}

// TestPagesRun runs what documents tell to call. What is not run says why, and each
// reason is of a call that is there.
func TestPagesRun(t *testing.T) {
	s := newSite(t)
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) { s.run(t, p) })
	}
	for _, name := range documents(t) {
		if len(calls(t, name, false)) > 0 && otherPages[name] == "" && !slices.ContainsFunc(pages, func(p page) bool { return p.name == name }) {
			t.Errorf("%s has calls that are not run, and no reason", name)
		}
	}
}

var inlineCall = regexp.MustCompile("`dicomnode ([^`]+)`")

// calls are the calls of the program in a document, without its name.
func calls(t *testing.T, name string, inline bool) (list []string) {
	t.Helper()
	text := document(t, name)
	if inline {
		text = inlineCall.ReplaceAllStringFunc(text, func(call string) string { return "\n    " + strings.Trim(call, "`") + "\n" })
	}
	for _, line := range commands(text, "bin/dicomnode", "dicomnode") {
		if _, call, _ := strings.Cut(line, " "); !strings.ContainsAny(call, "…[") && !regexp.MustCompile(` N$`).MatchString(call) {
			list = append(list, call)
		}
	}
	return list
}

// site is a folder with what pages assume, a node and its PACS.
type site struct {
	t      *testing.T // of the page
	dir    string
	image  nodetest.Image
	port   int
	node   *exec.Cmd
	number int // of archives that were moved away
}

func (s *site) run(t *testing.T, p page) {
	s.t = t
	used := map[string]bool{}
	for _, call := range calls(t, p.name, p.inline) {
		if i := slices.IndexFunc(p.notRun, func(n notRun) bool { return strings.HasPrefix(call, n.prefix) }); i >= 0 {
			used[p.notRun[i].prefix] = true
			continue
		}
		for prefix, prepare := range p.before {
			if strings.HasPrefix(call, prefix) && !used[prefix] {
				used[prefix] = true
				prepare(s)
			}
		}
		begun := time.Now()
		out, err := s.call(strings.NewReplacer(p.instead...).Replace(call))
		t.Logf("%.1f s: dicomnode %s", time.Since(begun).Seconds(), call)
		mayFail := slices.ContainsFunc(p.mayFail, func(prefix string) bool { return strings.HasPrefix(call, prefix) })
		if err != nil && !(mayFail && exitCode(err) == 1) {
			t.Fatalf("dicomnode %s: %v\n%s", call, err, out)
		}
	}
	for _, n := range p.notRun {
		if !used[n.prefix] {
			t.Errorf("no call begins with %q", n.prefix)
		}
	}
}

// call runs the program in the folder; a verb that reads a configuration gets the site's,
// STUDY stands for the UID of the study, and nobody is asked.
func (s *site) call(line string) ([]byte, error) {
	line = strings.ReplaceAll(line, "STUDY", s.image.StudyInstance())
	cmd, rest, err := program().Root().Find(arguments("dicomnode " + line))
	if err != nil {
		return nil, err
	}
	if line = strings.ReplaceAll(line, "--config dicomnode.yaml", "--config site.yaml"); takes(cmd, "config") && !slices.Contains(rest, "--config") {
		line += " --config site.yaml"
	}
	if takes(cmd, "yes") {
		line += " --yes"
	}
	sh := exec.CommandContext(s.t.Context(), "sh", "-c", "dicomnode "+line)
	sh.Dir = s.dir
	out, err := sh.CombinedOutput()
	return out, err
}

func takes(cmd *cobra.Command, flag string) bool { return cmd.Flags().Lookup(flag) != nil }

func (s *site) must(line string) {
	s.t.Helper()
	if out, err := s.call(line); err != nil {
		s.t.Fatalf("dicomnode %s: %v\n%s", line, err, out)
	}
}

func newSite(t *testing.T) *site {
	library, _, err := ort.Library("")
	if err != nil && os.Getenv("REQUIRE_ORT") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	codecs, err := filepath.Abs("../.runtime/codecs")
	if err == nil {
		_, err = os.Stat(codecs)
	}
	if err != nil && os.Getenv("REQUIRE_CODECS") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	t.Setenv("DICOMNODE_ORT_LIB", library)
	t.Setenv("DICOMNODE_CODECS", codecs)
	s := &site{t: t, dir: t.TempDir(), image: nodetest.Image{Name: "arm", Rows: 96, Cols: 80}, port: nodetest.FreePort(t)}
	t.Cleanup(s.stop)
	s.configure(nodetest.NewKeepingPACS(t).Address)
	s.data()
	return s
}

// data makes the folders that pages name: labelled data, pictures with painted labels, and
// a study with its segmentation.
func (s *site) data() {
	s.must("trainer simulate --out mydata --count 12 --size 64 --seed 3")
	s.must("trainer simulate --out simulated --count 4 --size 64 --seed 4")
	s.unsplit("mydata")
	s.must("trainer fit simulated --width 2 " + tiny + " --out tiny.onnx")
	for _, folder := range []string{"study", "xrays", "painted"} {
		if err := os.MkdirAll(filepath.Join(s.dir, folder), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	s.image.File(s.t, filepath.Join(s.dir, "study"))
	s.paint("mydata")
	s.must("segment study --out results --effort fast")
}

// send has the node receive the image, and waits until its result is delivered. A node
// whose drain was ended notices it within seconds.
func (s *site) send() {
	s.until(fmt.Sprintf("send XNET@127.0.0.1:%d study --calling MODALITY", s.port), "1 of 1 files sent")
	s.until("find STUDY", "delivered")
}

// until makes a call again and again until its output has the words.
func (s *site) until(line, words string) {
	s.t.Helper()
	deadline := time.NewTimer(nodetest.Time)
	defer deadline.Stop()
	for {
		begun := time.Now()
		out, err := s.call(line)
		if err == nil && strings.Contains(string(out), words) {
			return
		}
		select {
		case <-time.After(pauseAfter(begun)):
		case <-deadline.C:
			s.t.Fatalf("dicomnode %s: %v\n%s", line, err, out)
		}
	}
}

// empty stops the node and moves its archive away, as who restores one has lost it.
func (s *site) empty() {
	s.stop()
	s.number++
	if err := os.Rename(filepath.Join(s.dir, "data", "archive"), filepath.Join(s.dir, fmt.Sprintf("lost-%d", s.number))); err != nil {
		s.t.Fatal(err)
	}
}
