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
	"slices"
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
	const rows, columns = 1760, 1760
	idle := peak(t, "none")
	for _, c := range []struct {
		name           string
		picture        dicomtest.Image
		transferSyntax string
	}{
		{"native", grey(t, rows, columns), uid.ExplicitVRLittleEndian},
		{"big endian", grey(t, rows, columns), uid.ExplicitVRBigEndian},
		{"deflated", grey(t, rows, columns), uid.DeflatedExplicitVRLittleEndian},
		{"RLE", grey(t, rows, columns), uid.RLELossless},
		{"native run", run(rows, columns, 900, 900, 900, 900), uid.ExplicitVRLittleEndian},
		{"deflated run", run(rows, columns, 900, 900, 900, 900), uid.DeflatedExplicitVRLittleEndian},
		{"RLE run", run(rows, columns, 900, 900, 900, 900), uid.RLELossless},
		{"RGB", colour(t, rows, columns), uid.ExplicitVRLittleEndian},
		{"RGB by plane", byPlane(colour(t, rows, columns)), uid.ExplicitVRLittleEndian},
		{"YBR_FULL", luminance(colour(t, rows, columns)), uid.ExplicitVRLittleEndian},
		{"YBR_FULL_422", halved(colour(t, rows, columns)), uid.ExplicitVRLittleEndian},
		{"RGB RLE", colour(t, rows, columns), uid.RLELossless},
		{"RGB by plane deflated", byPlane(colour(t, rows, columns)), uid.DeflatedExplicitVRLittleEndian},
		{"noise RLE", noise(t, rows, columns), uid.RLELossless},
		{"noise deflated", noise(t, rows, columns), uid.DeflatedExplicitVRLittleEndian},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "image.dcm")
			write(t, path, c.picture.Encode(c.transferSyntax))
			used := peak(t, path)
			decoded := 4 * rows * columns * max(1, len(c.picture.Pixels)/(rows*columns)/max(1, c.picture.Samples))
			if c.name == "YBR_FULL_422" {
				decoded = 4 * rows * columns
			}
			t.Logf("%.2f times the decoded size", float64(used-idle)/float64(decoded))
			if used-idle >= 2*decoded {
				t.Errorf("%d MiB for %d MiB of samples", (used-idle)>>20, decoded>>20)
			}
		})
	}
}

// byPlane changes three samples by pixel to three planes.
func byPlane(m dicomtest.Image) dicomtest.Image {
	planes := make([]int, 0, len(m.Pixels))
	for k := range 3 {
		for i := k; i < len(m.Pixels); i += 3 {
			planes = append(planes, m.Pixels[i])
		}
	}
	m.Pixels, m.Extra = planes, append(slices.Clip(identified), attribute(0x00280006, "US", uint16(1)))
	return m
}

// luminance changes RGB to YBR_FULL.
func luminance(m dicomtest.Image) dicomtest.Image {
	m.Photometric = "YBR_FULL"
	for i := 0; i < len(m.Pixels); i += 3 {
		m.Pixels[i+1], m.Pixels[i+2] = 128, 128
	}
	return m
}

// halved changes RGB to YBR_FULL_422.
func halved(m dicomtest.Image) dicomtest.Image {
	var pairs []int
	for i := 0; i < len(m.Pixels); i += 6 {
		pairs = append(pairs, m.Pixels[i], m.Pixels[i+3], 128, 128)
	}
	m.Photometric, m.Pixels = "YBR_FULL_422", pairs
	return m
}

// The same for a process that reads a compressed image together with its worker, without the
// memory of both when idle: for the first image and the second, with a single frame and
// several, and in encodings.
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
			checkPeak(t, path, 4*c.rows*c.columns*c.frames, env)
		})
	}
	for _, c := range encodings {
		t.Run(c.name, func(t *testing.T) {
			const rows, columns = 1760, 1760
			path := filepath.Join(t.TempDir(), "image.dcm")
			write(t, path, c.file(t, c.picture(t, rows, columns)))
			checkPeak(t, path, 4*rows*columns, env)
		})
	}
}

func checkPeak(t *testing.T, path string, decoded int, env []string) {
	t.Helper()
	used := peak(t, path, env...)
	t.Logf("%.2f times the decoded size, %d MiB", float64(used)/float64(decoded), decoded>>20)
	if used >= 2*decoded+hugePage {
		t.Errorf("%d MiB for %d MiB of samples", used>>20, decoded>>20)
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
	if spend := f.Spend; spend != nil {
		f.Spend = func() { // before the worker begins
			w.before = max(w.before, status("self", "VmHWM")+status(child(), "VmRSS"))
			spend()
			forgetPeak("self")
		}
	}
	return w.Pool.Decode(ctx, f, func(px codec.Pixels) error {
		w.worker = child() // it may be a new one
		w.before = max(w.before, status("self", "VmHWM")+status(w.worker, "VmHWM"))
		w.after = max(w.after, status(w.worker, "VmRSS"))
		return use(px)
	})
}

// rest frees unused memory and restarts the measurement; it returns the memory of both
// processes.
func (w *watched) rest() int {
	debug.FreeOSMemory()
	forgetPeak("self")
	forgetPeak(w.worker)
	w.before, w.after = 0, 0
	return status("self", "VmHWM") + status(w.worker, "VmHWM")
}

// forgetPeak restarts the measurement of a process's peak (proc(5)).
func forgetPeak(process string) {
	if err := os.WriteFile("/proc/"+process+"/clear_refs", []byte("5"), 0); err != nil {
		fail(err)
	}
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
