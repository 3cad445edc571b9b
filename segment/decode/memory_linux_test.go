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
	"syscall"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
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

// codecMemory bounds what a compressed image takes in the process that reads it and in
// the worker together, in decoded sizes: the libraries work in 4 bytes for each sample,
// OpenJPEG in 8, and what they decoded is copied from one process to the other.
const codecMemory = 5

// The same of the process that reads a compressed image and the worker that decodes
// it, together, beside what both need when they are idle.
func TestMemoryOfCodecs(t *testing.T) {
	env := []string{"DECODE_WORKER=" + codectest.Program(t), "DECODE_FOLDER=" + codectest.Folder(t)}
	idle := peak(t, "none", env...)
	for _, name := range []string{"RG3_JPLL", "RG3_JLSL", "RG3_J2KR", "kodak_hand_J2KR", "RG3_HTJ2K_201_OpenJPHcodestream", "RG3_JPLY"} {
		t.Run(name, func(t *testing.T) {
			path := dicomtest.Shared(t, "dicom", name+".dcm")
			img, err := decode.ReadFile(t.Context(), path, codectest.Open(t, codec.Options{}))
			if err != nil {
				t.Fatal(err)
			}
			used := peak(t, path, env...)
			decoded := 4 * img.Rows * img.Columns * img.SamplesPerPixel
			t.Logf("%.2f times the decoded size, %d MiB", float64(used-idle)/float64(decoded), decoded>>20)
			if used-idle >= codecMemory*decoded {
				t.Errorf("%d MiB for %d MiB of samples", (used-idle)>>20, decoded>>20)
			}
		})
	}
}

// peak is the most memory a process needed to decode a file, bytes.
func peak(t *testing.T, path string, env ...string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestMemory$")
	cmd.Env = append(os.Environ(), "DECODE_FILE="+path)
	cmd.Env = append(cmd.Env, env...)
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
	pool, err := childPool()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var codecs decode.Codec
	if pool != nil {
		codecs = pool
	}
	if path != "none" {
		f, err := os.Open(path)
		if err == nil {
			var info os.FileInfo
			if info, err = f.Stat(); err == nil {
				_, err = decode.Read(context.Background(), f, info.Size(), codecs)
			}
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	kib, _ := strconv.ParseInt(string(bytes.Fields(after)[0]), 10, 64) // proc(5)
	var workers syscall.Rusage
	if pool != nil {
		pool.Close()
		_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &workers)
	}
	fmt.Println(kib + workers.Maxrss) // of the largest worker
	os.Exit(0)
}

// childPool is the pool of a process that decodes; nil for none.
func childPool() (*codec.Pool, error) {
	program := os.Getenv("DECODE_WORKER")
	if program == "" {
		return nil, nil
	}
	return codec.Open(codec.Options{Command: []string{program}, Folder: os.Getenv("DECODE_FOLDER"), Workers: 1})
}
