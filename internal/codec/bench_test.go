package codec_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
)

// tools decode a file on the command line: the DICOM file in, or its codestream j2k, to
// out. idle is how the tool is started to do nothing.
var tools = map[string]struct{ work, idle []string }{
	"dcmdjpeg":       {[]string{"dcmdjpeg", "in", "out"}, []string{"dcmdjpeg", "--version"}},
	"dcmdjpls":       {[]string{"dcmdjpls", "in", "out"}, []string{"dcmdjpls", "--version"}},
	"gdcmconv":       {[]string{"gdcmconv", "-w", "in", "out"}, []string{"gdcmconv", "--version"}},
	"opj_decompress": {[]string{"opj_decompress", "-quiet", "-threads", "1", "-i", "j2k", "-o", "raw"}, []string{"opj_decompress", "-h"}},
	"ojph_expand":    {[]string{"ojph_expand", "-i", "j2k", "-o", "pgm"}, []string{"ojph_expand"}},
}

// BenchmarkAgainstTools decodes a real radiograph of each family with one worker of one
// thread, and with command-line decoders. The metric TOOL/pool is the processor time of
// the tool, less that of its start, by what the pool and its worker take together: the
// median of five, in turns. Processor time gives every decoder the same number of
// threads, gdcmconv too, which has one for each core in JPEG 2000, and it depends little
// on what else the machine does. TOOL/pool-wall is the same by the clock, with the
// threads that the tool chooses. With -short there is one turn.
func BenchmarkAgainstTools(b *testing.B) {
	p := codectest.Open(b, codec.Options{Workers: 1, Threads: 1})
	for _, c := range []struct {
		name  string
		tools []string
	}{
		{"RG3_JPLY", []string{"dcmdjpeg", "gdcmconv"}}, {"RG3_JPLL", []string{"dcmdjpeg", "gdcmconv"}},
		{"RG3_JLSL", []string{"dcmdjpls", "gdcmconv"}}, {"RG3_JLSN", []string{"dcmdjpls", "gdcmconv"}},
		{"RG3_J2KR", []string{"opj_decompress", "gdcmconv"}}, {"RG3_J2KI", []string{"opj_decompress", "gdcmconv"}},
		{"RG3_HTJ2K_201_OpenJPHcodestream", []string{"opj_decompress", "ojph_expand"}},
		{"RG2_HTJ2K_201_OpenJPHcodestream", []string{"opj_decompress", "ojph_expand"}},
	} {
		b.Run(c.name, func(b *testing.B) { against(b, p, c.name, c.tools) })
	}
}

func against(b *testing.B, p *codec.Pool, name string, with []string) {
	path := dicomtest.Shared(b, "dicom", name+".dcm")
	f, size := frameOf(b, path)
	dir := b.TempDir()
	names := map[string]string{"in": path, "out": filepath.Join(dir, "out.dcm"), "j2k": filepath.Join(dir, "x.j2c"),
		"raw": filepath.Join(dir, "x.rawl"), "pgm": filepath.Join(dir, "x.pgm")}
	if err := os.WriteFile(names["j2k"], bytes.Join(f.Code, nil), 0o600); err != nil {
		b.Fatal(err)
	}
	m := measurements{}
	pool := func() error { _, err := codectest.Decode(b.Context(), p, f); return err }
	b.SetBytes(size)
	for b.Loop() {
		if err := pool(); err != nil {
			b.Fatal(err)
		}
	}
	turns := 5
	if testing.Short() {
		turns = 1
	}
	for range turns {
		m.pool(b, pool)
		for _, tool := range with {
			if _, err := exec.LookPath(tool); err == nil {
				m.command(b, tool, command(tools[tool].work, names))
				m.command(b, idle+tool, command(tools[tool].idle, nil))
			}
		}
	}
	for _, tool := range with {
		if len(m[tool]) > 0 {
			b.ReportMetric((m.median(tool, cpu)-m.median(idle+tool, cpu))/m.median("pool", cpu), tool+"/pool")
			b.ReportMetric((m.median(tool, wall)-m.median(idle+tool, wall))/m.median("pool", wall), tool+"/pool-wall")
		}
	}
}

// measurements are the processor and the wall time of runs, seconds, by what ran.
type measurements map[string][][2]float64

const (
	cpu = iota
	wall
)

const idle = "idle " // before a tool's name: it was started to do nothing

func (m measurements) median(key string, which int) float64 {
	var list []float64
	for _, t := range m[key] {
		list = append(list, t[which])
	}
	slices.Sort(list)
	return list[len(list)/2]
}

func (m measurements) command(b *testing.B, key string, c *exec.Cmd) {
	begin := time.Now()
	if err := c.Run(); err != nil && !strings.HasPrefix(key, idle) { // some have no way to do nothing well
		b.Fatal(key, err)
	}
	m[key] = append(m[key], [2]float64{(c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), time.Since(begin).Seconds()})
}

func (m measurements) pool(b *testing.B, run func() error) {
	begin, before := time.Now(), processorTime(b)
	if err := run(); err != nil {
		b.Fatal(err)
	}
	m["pool"] = append(m["pool"], [2]float64{processorTime(b) - before, time.Since(begin).Seconds()})
}

// processorTime is that of this process and of the workers that it has now, seconds.
func processorTime(b *testing.B) (total float64) {
	threads, err := filepath.Glob("/proc/self/task/*/schedstat")
	if err != nil || len(threads) == 0 {
		b.Skip("the kernel does not tell processor times")
	}
	for _, pid := range workers(b) {
		more, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
		if err != nil {
			b.Fatal(err)
		}
		threads = append(threads, more...)
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		var ns float64
		if _, scan := fmt.Sscan(string(text), &ns); err == nil && scan == nil { // a thread may have ended
			total += ns / 1e9
		}
	}
	return total
}

// command puts file names into a command line.
func command(words []string, names map[string]string) *exec.Cmd {
	words = slices.Clone(words)
	for i, w := range words {
		if n, ok := names[w]; ok {
			words[i] = n
		}
	}
	return exec.Command(words[0], words[1:]...)
}

// frameOf is the frame of a DICOM file, and how many bytes its samples take.
func frameOf(b *testing.B, path string) (codec.Frame, int64) {
	file, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	o, err := part10.Read(file)
	if err != nil {
		b.Fatal(err)
	}
	code, err := o.Pixels.Frame(0, 1)
	if err != nil {
		b.Fatal(err)
	}
	rows, columns := 1760, 1760
	if filepath.Base(path)[:3] == "RG2" {
		rows = 2140
	}
	return codec.Frame{TransferSyntaxUID: o.TransferSyntaxUID, Rows: rows, Columns: columns, Samples: 1, Code: code}, int64(2 * rows * columns)
}
