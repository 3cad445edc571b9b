package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// importRules are the bans between packages. from and to are folders below the
// module; a rule covers what lies under them. except lists folders that may do it all
// the same, or folders of to that may be imported all the same.
var importRules = []struct {
	from, to string
	except   []string
	why      string
}{
	{"scp", "segment", nil, "the network never interprets pixels"},
	{"scp", "sr", nil, "the network knows no report"},
	{"scp", "model", nil, "the network knows no model"},
	{"scp", "internal/archive", nil, "where objects are kept is the Backend's"},
	{"segment", "scp", nil, "one radiograph needs no network"},
	{"segment", "sr", nil, "a segmentation knows no report"},
	{"segment", "model", nil, "segment knows the network only as a Predictor"},
	{"segment", "internal/archive", nil, "segment works on files and readers"},
	{"segment", "trainer", nil, "what is delivered does not depend on how models are made"},
	{"segment/picture", "", []string{"segment/picture", "internal/raster", "internal/dicomtest"}, "pictures, masks and classes are the vocabulary: they know no object and no step of the pipeline"},
	{"segment/decode", "segment", []string{"segment/decode"}, "what an object holds does not depend on what is made of it"},
	{"segment/polarity", "segment", []string{"segment/polarity", "segment/decode", "segment/picture"}, "the meaning of values depends on the object alone"},
	{"segment/padding", "segment", []string{"segment/padding", "segment/decode", "segment/picture"}, "what is padding is told by stored values and shapes"},
	{"segment/dark", "segment", []string{"segment/dark", "segment/decode", "segment/polarity", "segment/picture"}, "the detector's own signal is there before anything is found in the image"},
	{"segment/field", "segment", []string{"segment/field", "segment/decode", "segment/padding", "segment/picture"}, "the field is found in a picture that is made already"},
	{"sr", "scp", nil, "a report needs no network"},
	{"sr", "segment", nil, "a report is made from measurements, not from masks"},
	{"model", "", []string{"model", "internal/threshold", "internal/durable", "internal/raster"}, "a model can be taken out of this program, with three leaves of internal"},
	{"internal/threshold", "", nil, "a leaf: configuration, model and pipeline meet in it"},
	{"internal/durable", "", nil, "a leaf: whoever writes a file uses it"},
	{"internal/raster", "", nil, "a leaf: arithmetic on pictures knows no radiograph"},
	{"trainer/fit/step", "", []string{"trainer/fit/step", "model"}, "a training step knows no data, no schedule and no file"},
	{"trainer/simulate/xray", "", []string{"trainer/simulate/xray"}, "the physics of a beam knows no bodies and no pictures"},
	{"trainer/simulate/body", "trainer/simulate/ct", nil, "surface models and CTs meet in a view"},
	{"trainer/simulate/ct", "trainer/simulate/body", nil, "surface models and CTs meet in a view"},
	{"trainer/simulate/body", "trainer/simulate/radiograph", nil, "who is seen does not depend on the picture"},
	{"trainer/simulate/ct", "trainer/simulate/radiograph", nil, "who is seen does not depend on the picture"},
	{"trainer/simulate/radiograph", "trainer/simulate/ct", nil, "a picture knows the body as a view alone"},
	{"configs", "", []string{"internal/uid", "internal/iod", "internal/threshold"}, "the configuration knows nothing of what it configures, but the standard's names and terms and what a threshold is"},
	{"internal/uid", "", nil, "names stand below everything that is named"},
	{"internal/raster", "", []string{"internal/raster"}, "arithmetic on pictures knows nothing of radiographs"},
	{"internal", "segment", nil, "the base knows nothing built on it"},
	{"internal", "trainer", nil, "the base knows nothing built on it"},
	{"internal", "scp", nil, "the base knows nothing built on it"},
	{"", "dicomnode", []string{"dicomnode"}, "the program is built on the libraries, they not on it"},
	{"dicomnode/node", "dicomnode/cli", nil, "a console or a test runs a node without a command line"},
	{"dicomnode/node", "dicomnode/trainercmd", nil, "a node trains nothing"},
	{"dicomnode/node", "dicomnode/web", nil, "a console stands on the node, which runs without one"},
	{"dicomnode/node", "trainer", nil, "a hospital's node needs no trainer"},
	{"dicomnode/pipeline", "dicomnode/node", nil, "the trainer and the offline verbs open models without a node"},
	{"dicomnode/scu", "dicomnode/node", nil, "a peer can be called without a node"},
	{"dicomnode/scu", "dicomnode/pipeline", nil, "sending needs no model"},
	{"dicomnode/offline", "dicomnode/node", nil, "a file is segmented without a node"},
	{"dicomnode/trainercmd", "dicomnode/node", nil, "a model is trained and published without a node: publish writes into its data folder, which dicomnode/pipeline knows"},
	{"dicomnode/trainercmd", "dicomnode/cli", []string{"dicomnode/cli/command"}, "main joins the verbs of the trainer and of the node"},
	{"dicomnode/cli", "dicomnode/trainercmd", nil, "main joins the verbs of the trainer and of the node"},
	{"dicomnode/node", "dicomnode/inspect", nil, "who asks about a node stands beside it"},
	{"dicomnode/inspect", "dicomnode/cli", nil, "a console asks without a command line"},
	{"dicomnode/nodetest", "dicomnode/node", nil, "the tests inside the node use it"},
	{"internal/archive/index", "internal/archive/store", nil, "the archive joins them"},
	{"internal/archive/index", "internal/archive/jobs", nil, "the archive joins them"},
	{"internal/archive/store", "internal/archive/index", nil, "the archive joins them"},
	{"internal/archive/store", "internal/archive/jobs", nil, "the archive joins them"},
	{"internal/archive/jobs", "internal/archive/index", nil, "the archive joins them"},
	{"internal/archive/jobs", "internal/archive/store", nil, "the archive joins them"},
}

// cgoFolders are the only folders that may reach C, and why.
var cgoFolders = map[string]string{
	"model":                 "ONNX Runtime",
	"internal/codec/native": "the codec libraries, called in a worker process alone",
}

// nativeUsers are the only folders that may import internal/codec/native: what
// becomes a worker process.
var nativeUsers = []string{"dicomnode", "internal/codec/codectest/worker"}

// forTests are the folders that only tests import.
var forTests = []string{
	"dicomnode/nodetest", "internal/codec/codectest", "internal/dicomtest", "internal/durable/powercut", "scp/scptest", "segment/segmenttest",
}

// maxFiles is how many Go files without tests a folder may have: whoever looks for
// something reads their names.
const maxFiles = 20

// source is a Go file of the module.
type source struct {
	folder, name string   // folder below the module
	imports      []string // import paths
	comment      string   // of the package
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// sources reads the heads of all Go files of the module.
func sources(t *testing.T) (list []source) {
	t.Helper()
	const root = ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root || d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{folder: filepath.ToSlash(folder), name: d.Name(), comment: f.Doc.Text()}
		for _, imp := range f.Imports {
			name, _ := strconv.Unquote(imp.Path.Value) // the parser accepted it
			s.imports = append(s.imports, name)
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("found only %d Go files: is the module elsewhere?", len(list))
	}
	return list
}

func TestImportRules(t *testing.T) {
	for _, s := range sources(t) {
		for _, name := range s.imports {
			checkImport(t, s, name)
		}
	}
}

func checkImport(t *testing.T, s source, name string) {
	if (name == "C" || name == "github.com/yalue/onnxruntime_go") && !mayReachC(s.folder, name) {
		t.Errorf("%s/%s imports %s: only these may reach C: %v", s.folder, s.name, name, cgoFolders)
	}
	if name == "dicomnode/internal/codec/native" && !slices.Contains(nativeUsers, s.folder) {
		t.Errorf("%s/%s imports %s: only a worker process may call the codec libraries", s.folder, s.name, name)
	}
	target, ours := strings.CutPrefix(name, "dicomnode/")
	if !ours {
		return
	}
	// A test of a package beside it may import that package.
	if s.test() && s.folder == target {
		return
	}
	if slices.Contains(forTests, target) && !s.test() && !slices.Contains(forTests, s.folder) {
		t.Errorf("%s/%s imports %s: it is for tests", s.folder, s.name, name)
	}
	for _, why := range broken(s.folder, target) {
		t.Errorf("%s/%s imports %s: %s", s.folder, s.name, name, why)
	}
}

// mayReachC reports whether a package in folder may import name, which is C or the
// binding of ONNX Runtime.
func mayReachC(folder, name string) bool {
	for f := range cgoFolders {
		if within(folder, f) && (name == "C" || f == "model") {
			return true
		}
	}
	return false
}

// broken lists the reasons why folder must not import target.
func broken(folder, target string) (whys []string) {
	for _, r := range importRules {
		if !within(folder, r.from) || !within(target, r.to) {
			continue
		}
		allowed := false
		for _, e := range r.except {
			allowed = allowed || within(target, e) && (r.from != "" || within(folder, e))
		}
		if !allowed {
			whys = append(whys, r.why)
		}
	}
	return whys
}

// TestImportCircles: Go forbids circles of packages; circles of folders, whose packages
// lean on each other both ways, are as hard to take apart. Tests do not count.
func TestImportCircles(t *testing.T) {
	for depth := 1; depth <= 2; depth++ {
		graph := map[string]map[string]bool{}
		for _, s := range sources(t) {
			from := upper(s.folder, depth)
			for _, name := range s.imports {
				target, ours := strings.CutPrefix(name, "dicomnode/")
				if to := upper(target, depth); ours && !s.test() && to != from && !within(from, to) && !within(to, from) {
					if graph[from] == nil {
						graph[from] = map[string]bool{}
					}
					graph[from][to] = true
				}
			}
		}
		if circle := circleIn(graph); circle != nil {
			t.Errorf("folders import each other in a circle: %s", strings.Join(circle, " → "))
		}
	}
}

// upper is the first elements of a folder.
func upper(folder string, elements int) string {
	parts := strings.Split(folder, "/")
	return strings.Join(parts[:min(elements, len(parts))], "/")
}

// circleIn returns the nodes of a circle, the first again at the end, or nil.
func circleIn(graph map[string]map[string]bool) []string {
	done := map[string]bool{}
	var visit func(path []string) []string
	visit = func(path []string) []string {
		last := path[len(path)-1]
		if i := slices.Index(path, last); i < len(path)-1 {
			return path[i:]
		}
		if done[last] {
			return nil
		}
		for _, next := range slices.Sorted(maps.Keys(graph[last])) {
			if circle := visit(append(slices.Clone(path), next)); circle != nil {
				return circle
			}
		}
		done[last] = true
		return nil
	}
	for _, from := range slices.Sorted(maps.Keys(graph)) {
		if circle := visit([]string{from}); circle != nil {
			return circle
		}
	}
	return nil
}

// TestImportFolders: folders are small enough to be read, and each package says what it
// owns.
func TestImportFolders(t *testing.T) {
	files, said := map[string]int{}, map[string]bool{}
	for _, s := range sources(t) {
		if !s.test() {
			files[s.folder]++
		}
		said[s.folder] = said[s.folder] || strings.HasPrefix(s.comment, "Package ") || strings.HasPrefix(s.comment, "Command ")
	}
	for folder, n := range files {
		if n > maxFiles {
			t.Errorf("%s has %d Go files without tests, want at most %d: what second thing lives there?", folder, n, maxFiles)
		}
	}
	for folder, ok := range said {
		if !ok {
			t.Errorf("%s: no file has a comment that begins with \"Package\" or \"Command\"", folder)
		}
	}
}

// within reports whether folder is parent or lies under it; everything lies
// under "".
func within(folder, parent string) bool {
	return parent == "" || folder == parent || strings.HasPrefix(folder, parent+"/")
}

// The rules must bite.
func TestImportRulesBite(t *testing.T) {
	cases := []struct {
		folder, target string
		ok             bool
	}{
		{"scp", "internal/ul", true}, {"scp", "segment", false}, {"scp/scptest", "model/ort", false},
		{"segment", "scp", false}, {"segment", "internal/iod", true}, {"model", "model/onnx", true},
		{"dicomnode", "dicomnode/cli", true}, {"internal/archive", "dicomnode/node", false}, {"dicomnode/node", "dicomnode/cli/command", false},
		{"dicomnode/cli", "dicomnode/node", true}, {"dicomnode/trainercmd", "dicomnode/cli/command", true}, {"dicomnode/trainercmd", "dicomnode/cli", false},
		{"model/ort", "segment", false}, {"trainer/fit", "model", true}, {"trainer", "dicomnode", false},
		{"segment/picture", "internal/raster", true}, {"segment/picture", "segment/decode", false}, {"segment/decode", "segment/seg", false},
		{"segment/decode", "internal/part10", true}, {"segment/dark", "segment", false}, {"segment/dark", "segment/polarity", true}, {"segment/seg", "segment", true},
		{"internal/raster", "trainer/simulate/random", false}, {"internal/archive", "scp", false}, {"dicomnode", "scp", true}, {"configs", "scp", false},
		{"configs", "internal/uid", true}, {"configs", "internal/archive", false}, {"internal/uid", "internal/iod", false}, {"internal/ul", "internal/uid", true},
	}
	for _, c := range cases {
		if got := len(broken(c.folder, c.target)) == 0; got != c.ok {
			t.Errorf("%s importing %s allowed: %v, want %v", c.folder, c.target, got, c.ok)
		}
	}
	for folder, ok := range map[string]bool{"model/ort": true, "internal/codec/native": true, "internal/codec": false, "scp": false, "dicomnode": false} {
		if mayReachC(folder, "C") != ok {
			t.Errorf("%s reaching C allowed: %v", folder, !ok)
		}
	}
}

func TestImportCirclesBite(t *testing.T) {
	for _, c := range []struct {
		graph map[string]map[string]bool
		want  string
	}{
		{map[string]map[string]bool{"a": {"b": true, "c": true}, "b": {"c": true}}, ""},
		{map[string]map[string]bool{"a": {"b": true}, "b": {"c": true}, "c": {"b": true}}, "b → c → b"},
	} {
		if got := strings.Join(circleIn(c.graph), " → "); got != c.want {
			t.Errorf("circle %q, want %q", got, c.want)
		}
	}
}
