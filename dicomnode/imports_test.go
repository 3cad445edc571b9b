package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// importRules are the bans between packages. from and to are folders below the
// module; a rule covers what lies under them. except lists folders of to that
// are allowed all the same.
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
	{"segment/dark", "segment", []string{"segment/dark", "segment/decode", "segment/polarity", "segment/picture"}, "the detector's own signal is there before anything is found in the image"},
	{"segment/field", "segment", []string{"segment/field", "segment/decode", "segment/picture"}, "the field is found in a picture that is made already"},
	{"sr", "scp", nil, "a report needs no network"},
	{"sr", "segment", nil, "a report is made from measurements, not from masks"},
	{"model", "", []string{"model"}, "a model can be taken out of this program"},
	{"trainer/fit/step", "", []string{"trainer/fit/step", "model"}, "a training step knows no data, no schedule and no file"},
	{"trainer/simulate/xray", "", []string{"trainer/simulate/xray"}, "the physics of a beam knows no bodies and no pictures"},
	{"trainer/simulate/body", "trainer/simulate/ct", nil, "surface models and CTs meet in a view"},
	{"trainer/simulate/ct", "trainer/simulate/body", nil, "surface models and CTs meet in a view"},
	{"trainer/simulate/body", "trainer/simulate/radiograph", nil, "who is seen does not depend on the picture"},
	{"trainer/simulate/ct", "trainer/simulate/radiograph", nil, "who is seen does not depend on the picture"},
	{"trainer/simulate/radiograph", "trainer/simulate/ct", nil, "a picture knows the body as a view alone"},
	{"configs", "", []string{"internal/uid"}, "the configuration knows nothing of what it configures, but the standard's rules for its names"},
	{"internal/uid", "", nil, "names stand below everything that is named"},
	{"internal/raster", "", []string{"internal/raster"}, "arithmetic on pictures knows nothing of radiographs"},
	{"internal", "segment", nil, "the base knows nothing built on it"},
	{"internal", "trainer", nil, "the base knows nothing built on it"},
	{"internal", "scp", nil, "the base knows nothing built on it"},
	{"", "dicomnode", nil, "the program is not a library"},
}

// cgoFolder is the only folder that may reach C.
const cgoFolder = "model"

func TestImportRules(t *testing.T) {
	root := ".."
	files := 0
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
		files++
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			name, _ := strconv.Unquote(imp.Path.Value) // the parser accepted it
			checkImport(t, filepath.ToSlash(folder), filepath.Base(path), name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("found only %d Go files: is the module elsewhere?", files)
	}
}

func checkImport(t *testing.T, folder, file, name string) {
	if (name == "C" || name == "github.com/yalue/onnxruntime_go") && !within(folder, cgoFolder) {
		t.Errorf("%s/%s imports %s: only %s/... may reach C", folder, file, name, cgoFolder)
	}
	target, ours := strings.CutPrefix(name, "dicomnode/")
	if !ours {
		return
	}
	// A test of a package beside it may import that package.
	if strings.HasSuffix(file, "_test.go") && folder == target {
		return
	}
	for _, why := range broken(folder, target) {
		t.Errorf("%s/%s imports %s: %s", folder, file, name, why)
	}
}

// broken lists the reasons why folder must not import target.
func broken(folder, target string) (whys []string) {
	for _, r := range importRules {
		if !within(folder, r.from) || !within(target, r.to) {
			continue
		}
		allowed := false
		for _, e := range r.except {
			allowed = allowed || within(target, e)
		}
		if !allowed {
			whys = append(whys, r.why)
		}
	}
	return whys
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
}
