//go:build !race

// The race detector needs additional memory, which would be measured too.

package decode_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// TestMemory decodes large objects in separate processes: the peak memory of each is less than
// twice the decoded size, which is that of the pipeline's samples.
func TestMemory(t *testing.T) {
	if path := os.Getenv("DECODE_FILE"); path != "" {
		decodeAndExit(t, path)
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

// The same for a process that reads a compressed image together with its worker, without the
// memory of both when idle: for the first image and the second, with a single frame and
// several.
func TestMemoryOfCodecs(t *testing.T) {
	env := []string{"DECODE_WORKER=" + codectest.Program(t), "DECODE_FOLDER=" + codectest.Folder(t)}
	for _, c := range []struct {
		name                  string
		rows, columns, frames int
	}{
		{"RG3_JPLL", 1760, 1760, 1}, {"RG3_JPLY", 1760, 1760, 1}, {"RG3_JLSL", 1760, 1760, 1}, {"RG3_J2KR", 1760, 1760, 1}, {"kodak_hand_J2KR", 2500, 2048, 1},
		{"canon_966", 2128, 2000, 1}, // JPEG 2000 in 64 fragments, with padding before its EOC
		{"RG2_HTJ2K_201_OpenJPHcodestream", 2140, 1760, 1}, {"RG3_JPLL", 1760, 1760, 4}, {"RG3_HTJ2K_201_OpenJPHcodestream", 1760, 1760, 4},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.name, c.frames), func(t *testing.T) {
			path := dicomtest.Shared(t, "dicom", c.name+".dcm")
			if c.frames > 1 {
				path = encodedRun(t, path, c.rows, c.columns, c.frames)
			}
			used := peak(t, path, env...)
			decoded := 4 * c.rows * c.columns * c.frames
			t.Logf("%.2f times the decoded size, %d MiB", float64(used)/float64(decoded), decoded>>20)
			if used >= 2*decoded+hugePage {
				t.Errorf("%d MiB for %d MiB of samples", used>>20, decoded>>20)
			}
		})
	}
}

// hugePage is allocated even for a few bytes of OpenJPEG.
const hugePage = 2 << 20

// encodedRun returns a file with the image at path repeated as frames.
func encodedRun(t *testing.T, path string, rows, columns, frames int) string {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := part10.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	code, err := o.Pixels.Frame(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := run(0, 0, make([]int, frames)...) // the attributes of a multi-frame image
	m.Rows, m.Columns = rows, columns
	for range frames {
		m.Fragments = append(m.Fragments, bytes.Join(code, nil))
	}
	path = filepath.Join(t.TempDir(), "run.dcm")
	if err := os.WriteFile(path, m.Encode(o.TransferSyntaxUID), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// peak returns the peak memory of a process that decodes a file, in bytes.
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

func decodeAndExit(t *testing.T, path string) {
	kib := 0
	if program := os.Getenv("DECODE_WORKER"); program != "" {
		kib = peakWithWorker(t, program, path)
	} else {
		if path != "none" {
			if _, err := decode.ReadFile(t.Context(), path, nil); err != nil {
				fail(err)
			}
		}
		kib = status("self", "VmHWM")
	}
	fmt.Println(kib)
	os.Exit(0)
}

// fail ends a process of peak.
func fail(err error) {
	fmt.Println(err)
	os.Exit(1)
}

// peakWithWorker returns the peak memory in KiB of this process and its worker together,
// without their memory when idle. First it decodes small images of all kinds, so that libraries
// are loaded, then the file at path twice.
func peakWithWorker(t *testing.T, program, path string) (most int) {
	pool, err := codec.Open(codec.Options{Command: []string{program}, Folder: os.Getenv("DECODE_FOLDER"), Workers: 1})
	if err != nil {
		fail(err)
	}
	for _, s := range codectest.Streams(t) {
		if _, err := codectest.Decode(t.Context(), pool, s.Frame); err != nil {
			fail(err)
		}
	}
	w := &watched{Pool: pool, worker: child()}
	idle := w.rest()
	for range 2 {
		if _, err := decode.ReadFile(t.Context(), path, w); err != nil {
			fail(err)
		}
		most = max(most, w.before, status("self", "VmHWM")+w.after)
		w.rest()
	}
	return most - idle
}

// watched is a pool of one worker whose memory is measured. The worker is idle while its values
// are read. Therefore the peak of both is the larger of before, and this process's peak plus
// after.
type watched struct {
	*codec.Pool
	worker        string
	before, after int // KiB: the peak of both until values are read; the worker's memory then
}

func (w *watched) Decode(ctx context.Context, f codec.Frame, use func(codec.Pixels) error) error {
	return w.Pool.Decode(ctx, f, func(px codec.Pixels) error {
		w.before = max(w.before, status("self", "VmHWM")+status(w.worker, "VmHWM"))
		w.after = max(w.after, status(w.worker, "VmRSS"))
		return use(px)
	})
}

// rest frees unused memory and restarts the measurement; it returns the memory of both
// processes.
func (w *watched) rest() int {
	debug.FreeOSMemory()
	for _, process := range []string{"self", w.worker} {
		if err := os.WriteFile("/proc/"+process+"/clear_refs", []byte("5"), 0); err != nil { // proc(5): the peak
			fail(err)
		}
	}
	w.before, w.after = 0, 0
	return status("self", "VmHWM") + status(w.worker, "VmHWM")
}

// status returns a field of a process's memory in KiB (proc(5)).
func status(process, name string) int {
	text, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		fail(err)
	}
	_, after, _ := bytes.Cut(text, []byte(name+":"))
	kib, err := strconv.Atoi(string(bytes.Fields(after)[0]))
	if err != nil {
		fail(err)
	}
	return kib
}

// child returns the only child process.
func child() string {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		fail(err)
	}
	var all []string
	for _, list := range lists {
		text, _ := os.ReadFile(list) // the thread may have ended
		all = append(all, strings.Fields(string(text))...)
	}
	if len(all) != 1 {
		fail(fmt.Errorf("processes %v", all))
	}
	return all[0]
}
