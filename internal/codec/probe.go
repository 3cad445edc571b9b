package codec

import (
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
)

// Each probe is 16×16 pixels; pixel i, row by row, is i/255 of full scale.
//
//go:embed probe/*.jpg probe/*.jls probe/*.j2k probe/*.jph
var probes embed.FS

const probeSide = 16

// probing tests what the libraries of one folder decode.
type probing struct {
	pool   *Pool
	at     libraryState
	worker *process
	report Report
	able   map[string][]Family
}

// probe starts a worker, which reports the libraries that it opened, and decodes a test
// codestream for each transfer syntax.
func (p *Pool) probe(at libraryState) (Report, map[string][]Family) {
	r := Report{Folder: at.folder}
	for _, f := range Families {
		r.Families = append(r.Families, FamilyReport{Family: f.String(), Library: libraries[f].name, TransferSyntaxes: []string{}})
	}
	g := probing{pool: p, at: at, report: r, able: map[string][]Family{}}
	if at.files == "" {
		return g.report, g.able
	}
	loaded, err := g.begin()
	if err != nil {
		g.report.Error = err.Error()
		return g.report, g.able
	}
	for _, s := range syntaxes {
		for _, family := range s.families {
			if loaded[family] && g.worker != nil {
				g.try(s, family)
			}
		}
	}
	if g.worker != nil {
		g.worker.end()
	}
	return g.report, g.able
}

// begin starts the worker and copies its hello to the report.
func (g *probing) begin() (loaded map[Family]bool, err error) {
	w, h, err := g.pool.launch(g.at)
	if err != nil {
		return nil, err
	}
	g.report.Confinement = h.Confinement
	if h.Error != "" {
		w.end()
		return nil, errors.New(h.Error)
	}
	g.worker = w
	loaded = map[Family]bool{}
	for _, l := range h.Libraries {
		if l.Family < 0 || int(l.Family) >= len(g.report.Families) {
			w.end()
			return nil, fmt.Errorf("%w: an unknown family", ErrWorker)
		}
		f := &g.report.Families[l.Family]
		f.Path, f.Version, f.Error = l.Path, l.Version, l.Error
		loaded[l.Family] = l.Error == ""
	}
	return loaded, nil
}

// try decodes the test codestream of one transfer syntax with one library. After a crash it
// starts a new worker for the next one.
func (g *probing) try(s syntax, family Family) {
	f := &g.report.Families[family]
	err := g.worker.decodesProbe(s, family)
	if err == nil {
		f.TransferSyntaxes = append(f.TransferSyntaxes, s.uid)
		g.able[s.uid] = append(g.able[s.uid], family)
		return
	}
	f.Error = fmt.Sprintf("%s: %v", s.probe, err)
	if errors.Is(err, ErrMalformed) {
		return
	}
	g.worker.end()
	if g.worker, _, err = g.pool.launch(g.at); err != nil {
		g.worker, g.report.Error = nil, err.Error()
	}
}

func (w *process) decodesProbe(s syntax, family Family) error {
	code, err := probes.ReadFile("probe/" + s.probe)
	if err != nil {
		return err
	}
	px, err := w.exchange(context.Background(), helloTime, family, &Frame{TransferSyntaxUID: s.uid, Rows: probeSide, Columns: probeSide, Samples: 1}, stream{code})
	if err != nil {
		return err
	}
	data := make([]byte, probeSide*probeSide*px.Bytes)
	if _, err := px.Values.ReadAt(data, 0); err != nil {
		return err
	}
	full := 1<<px.Precision - 1
	for i := range probeSide * probeSide {
		v, want := valueAt(data, px.Bytes, i), i*full/255
		if off := max(v-want, want-v); off > full/64 || off > 0 && !s.lossy {
			return fmt.Errorf("%w: value %d of the probe is %d, want %d", ErrMalformed, i, v, want)
		}
	}
	return nil
}

// valueAt returns the i-th value as an unsigned number.
func valueAt(data []byte, bytes, i int) int {
	if bytes == 1 {
		return int(data[i])
	}
	return int(binary.LittleEndian.Uint16(data[2*i:]))
}
