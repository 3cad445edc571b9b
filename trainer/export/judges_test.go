package export_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dicomnode/trainer/export"
)

// nnU-Net's integrity check, reader and label manager and MONAI's loader accept a set. They
// need gigabytes. Without JUDGES, the Python environment of judges/fetch.sh, the test is
// skipped; "make export-judges" runs it. TestLayouts checks the same layout without them.
func TestJudges(t *testing.T) {
	judges := os.Getenv("JUDGES")
	if judges == "" {
		t.Skip("JUDGES is not set: make export-judges")
	}
	judge, err := filepath.Abs("judges/judge.py")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "set")
	opt := options(patients(t, 12), out)
	opt.Formats = []export.Format{export.Dataset, export.NNUNet, export.MONAI}
	run(t, opt)
	cmd := exec.Command(filepath.Join(judges, "bin", "python"), judge, out)
	cmd.Env = append(os.Environ(), "nnUNet_raw="+filepath.Join(out, "nnunet"), "nnUNet_preprocessed="+t.TempDir(), "nnUNet_results="+t.TempDir())
	said, err := cmd.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Error(err)
	}
}
