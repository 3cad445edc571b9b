package e2e

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/codec"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/segment/decode"
)

// readCollection prints where the packages of files are, and what pydicom makes of
// each file: the patient's name, and the sum of the stored values of the first frame
// where the pixels are native.
const readCollection = `
import sys, json, os, warnings, pydicom
warnings.simplefilter("ignore")
base = os.path.dirname(os.path.dirname(pydicom.__file__))
out = {}
for path in json.load(sys.stdin):
    path = os.path.join(base, path)
    try:
        ds = pydicom.dcmread(path)
    except Exception:
        continue
    total = None
    if "PixelData" in ds and not ds.file_meta.TransferSyntaxUID.is_compressed:
        frame = ds.pixel_array
        total = int((frame if frame.ndim == 2 else frame[0]).astype("int64").sum())
    out[path[len(base) + 1:]] = [str(ds.get("PatientName", "")), total]
print(json.dumps([base, out]))
`

// Files of many devices, which come with packages of PyPI, are read as pydicom
// reads them: each radiograph of its collections, and a name in each character set.
// A file that is missing or has changed is left out.
func TestCollections(t *testing.T) {
	t.Parallel()
	base, read := askPydicom(t, collection(t))
	tried := 0
	for _, f := range collection(t) {
		name, total, ok := expected(read[f.path])
		b, err := os.ReadFile(filepath.Join(base, f.path))
		sum := sha256.Sum256(b)
		if !ok || err != nil || hex.EncodeToString(sum[:]) != f.sha256 {
			t.Logf("%s is missing or has changed", f.path)
			continue
		}
		tried++
		checkNames(t, f.path, b, name)
		if f.modality != "" {
			checkPixels(t, f.path, filepath.Join(base, f.path), total)
		}
	}
	t.Logf("%d files", tried)
}

type collected struct{ sha256, path, modality string }

// collection is testdata/collections.csv. Files that are there for their character set
// alone have no modality.
func collection(t *testing.T) (files []collected) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "collections.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 20 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, r := range rows[1:] {
		files = append(files, collected{r[0], r[2], r[3]})
	}
	return files
}

// askPydicom runs readCollection.
func askPydicom(t *testing.T, files []collected) (base string, read map[string][]any) {
	t.Helper()
	var paths []string
	for _, f := range files {
		paths = append(paths, f.path)
	}
	list, err := json.Marshal(paths)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nodetest.Python(t), "-c", readCollection)
	cmd.Stdin = strings.NewReader(string(list))
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &[]any{&base, &read})
	}
	if err != nil {
		t.Fatalf("pydicom: %v\n%s", err, out)
	}
	return base, read
}

// expected is what pydicom read of a file; total is -1 where it decoded nothing.
func expected(read []any) (name string, total float64, ok bool) {
	if len(read) != 2 {
		return "", 0, false
	}
	name, ok = read[0].(string)
	if total, has := read[1].(float64); has {
		return name, total, ok
	}
	return name, -1, ok
}

func checkNames(t *testing.T, path string, file []byte, want string) {
	t.Helper()
	o, err := part10.Read(file)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	ds, err := decode.Parse(o)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	if got := iod.NewSource(ds).String(tag.PatientName); strings.TrimRight(got, "=") != strings.TrimSpace(want) {
		t.Errorf("%s: name %q, pydicom has %q; forgiven %q", path, got, want, o.Forgiven)
	}
}

func checkPixels(t *testing.T, path, file string, want float64) {
	t.Helper()
	img, err := decode.ReadFile(t.Context(), file, nil)
	if want < 0 && (errors.Is(err, decode.ErrUnsupported) || errors.Is(err, codec.ErrMissing)) {
		return
	}
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	var total float64
	for _, v := range img.Samples {
		total += float64(v)
	}
	if want >= 0 && total != want {
		t.Errorf("%s: stored values sum up to %v, pydicom's to %v", path, total, want)
	}
}
