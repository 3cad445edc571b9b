//go:build !race

// The race detector keeps shadows of all memory, which would be measured with it.

package decode_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// TestMemory decodes large objects in processes of their own: the most memory one takes
// is less than twice the decoded size, that of the samples the pipeline works in.
func TestMemory(t *testing.T) {
	if path := os.Getenv("DECODE_FILE"); path != "" {
		decodeAndExit(path)
	}
	const rows, columns = 2048, 2560
	idle := peak(t, "none")
	for name, c := range map[string]struct {
		transferSyntax string
		frames         int
	}{
		"native":       {uid.ExplicitVRLittleEndian, 1},
		"big endian":   {uid.ExplicitVRBigEndian, 1},
		"deflated":     {uid.DeflatedExplicitVRLittleEndian, 1},
		"RLE":          {uid.RLELossless, 1},
		"native run":   {uid.ExplicitVRLittleEndian, 4},
		"deflated run": {uid.DeflatedExplicitVRLittleEndian, 4},
		"RLE run":      {uid.RLELossless, 4},
	} {
		t.Run(name, func(t *testing.T) {
			m := dicomtest.DX(rows, columns, 10)
			if c.frames > 1 {
				m = run(rows, columns, 900, 900, 900, 900)
			}
			path := filepath.Join(t.TempDir(), "image.dcm")
			if err := os.WriteFile(path, m.Encode(c.transferSyntax), 0o600); err != nil {
				t.Fatal(err)
			}
			used := peak(t, path)
			decoded := 4 * rows * columns * c.frames
			t.Logf("%.2f times the decoded size", float64(used-idle)/float64(decoded))
			if used-idle >= 2*decoded {
				t.Errorf("%d MiB for %d MiB of samples", (used-idle)>>20, decoded>>20)
			}
		})
	}
}

// peak is the most memory a process needed to decode a file, bytes.
func peak(t *testing.T, path string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestMemory$")
	cmd.Env = append(os.Environ(), "DECODE_FILE="+path)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

func decodeAndExit(path string) {
	if path != "none" {
		f, err := os.Open(path)
		if err == nil {
			var info os.FileInfo
			if info, err = f.Stat(); err == nil {
				_, err = decode.Read(context.Background(), f, info.Size(), nil)
			}
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	fmt.Println(string(bytes.Fields(after)[0])) // kB, proc(5)
	os.Exit(0)
}
