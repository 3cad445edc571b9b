package codec_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
// thread, and with command-line decoders that have one. The metric TOOL/pool is the
// tool's time, less that of its start, by the pool's: the median of five, in turns.
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
	if err := os.WriteFile(names["j2k"], f.Code, 0o600); err != nil {
		b.Fatal(err)
	}
	times := map[string][]float64{}
	took := func(key string, run func() error) {
		begin := time.Now()
		if err := run(); err != nil && key[0] != ' ' {
			b.Fatal(key, err)
		}
		times[key] = append(times[key], time.Since(begin).Seconds())
	}
	pool := func() error { _, err := p.Decode(b.Context(), f); return err }
	b.SetBytes(size)
	for b.Loop() {
		if err := pool(); err != nil {
			b.Fatal(err)
		}
	}
	for range 5 {
		took("pool", pool)
		for _, tool := range with {
			if _, err := exec.LookPath(tool); err == nil {
				took(tool, func() error { return command(tools[tool].work, names).Run() })
				took(" "+tool, func() error { return command(tools[tool].idle, nil).Run() })
			}
		}
	}
	median := func(key string) float64 { slices.Sort(times[key]); return times[key][len(times[key])/2] }
	for _, tool := range with {
		if len(times[tool]) > 0 {
			b.ReportMetric((median(tool)-median(" "+tool))/median("pool"), tool+"/pool")
		}
	}
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
