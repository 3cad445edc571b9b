package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/segment"
	"dicomnode/trainer/simulate"
)

// demoTime bounds the whole demonstration.
const demoTime = 110 * time.Second

func demoCmd() *cobra.Command {
	var out string
	var verbose bool
	cmd := &cobra.Command{
		Use: "demo [FILES…] [--out DIR]", Short: "show the whole chain on this machine",
		Long: `Start a node and a small receiving PACS on loopback, teach the node the dark
frames of a simulated detector, send five of its radiographs (DX For Processing
of a phantom leg, with the detector's offset) and the given DICOM files, wait
for the segmentations, print what is in them and write each with an overlay
picture to DIR. The radiographs' accuracy is the share of pixels labelled as
simulated. Nothing is left running.
` + exitCodes,
		Example: "  dicomnode demo --out out/demo",
		RunE: func(cmd *cobra.Command, args []string) error {
			level := slog.LevelError
			if verbose {
				level = slog.LevelInfo
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), demoTime)
			defer cancel()
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			d := &demo{cmd: cmd, out: out, detector: demoDetector}
			return d.run(ctx, args, log)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "out/demo", "folder of the results")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the log of node and PACS")
	return cmd
}

// demo is a running demonstration.
type demo struct {
	cmd  *cobra.Command
	out  string
	dir  string // temporary
	node *node
	pacs *smallPACS
	to   destination // the node, as the modality calls it

	detector simulate.DXOptions
	taken    []string // radiographs of the detector, by view
	accuracy map[string]float64
	names    map[string]int // of results: see uniqueName
}

func (d *demo) run(ctx context.Context, inputs []string, log *slog.Logger) (err error) {
	d.accuracy, d.names = map[string]float64{}, map[string]int{}
	if d.dir, err = os.MkdirTemp("", "dicomnode-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	if err := os.MkdirAll(d.out, 0o755); err != nil {
		return err
	}
	stop, err := d.start(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	files, darks, err := d.prepare(ctx, inputs)
	if err != nil {
		return err
	}
	if err := d.calibrate(ctx, darks); err != nil {
		return err
	}
	return d.segment(ctx, files)
}

// start runs PACS and node on free ports of loopback.
func (d *demo) start(ctx context.Context, log *slog.Logger) (stop func() error, err error) {
	if d.pacs, err = startPACS(context.WithoutCancel(ctx), "PACS", log); err != nil {
		return nil, err
	}
	c := demoConfig(d.dir, d.pacs.addr.Host)
	if d.node, err = openNode(ctx, c, log); err != nil {
		return nil, errors.Join(err, d.pacs.stop(ctx))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, d.node.close(), d.pacs.stop(ctx))
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.node.Serve(serving, ln) }()
	caller := c
	caller.Node.AETitle = "MODALITY"
	d.to = destination{caller, configs.Peer{Name: "the node", AETitle: c.Node.AETitle, Address: ln.Addr().String()}}
	return func() error {
		cancel()
		err := errors.Join(<-done, d.node.close())
		ending, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		return errors.Join(err, d.pacs.stop(ending))
	}, nil
}

// demoConfig is what an administrator would write for this modality and PACS.
func demoConfig(dir, pacs string) configs.Config {
	c := configs.Default()
	c.Node.DataDir = dir
	c.Peers = []configs.Peer{
		{Name: "modality", AETitle: "MODALITY", Address: "127.0.0.1"},
		{Name: "pacs", AETitle: "PACS", Address: pacs},
	}
	c.Routes = []configs.Route{{Name: "radiographs", From: []string{"modality"}, Outputs: []string{"seg"}, SendTo: []string{"pacs"}}}
	return c
}

// demoDetector is what the demonstration's radiographs are taken with.
var demoDetector = simulate.DXOptions{Seed: 1, Count: 5, Darks: 5, Rows: 1280, Columns: 1024, DetectorID: "SIMULATED-1"}

// prepare takes the radiographs and dark frames; inputs go with the radiographs.
func (d *demo) prepare(ctx context.Context, inputs []string) (images, darks []string, err error) {
	o := d.detector
	o.Out = d.dir
	if d.taken, darks, err = simulate.RunDX(ctx, o); err != nil || len(inputs) == 0 {
		return d.taken, darks, err
	}
	own, err := expand(inputs)
	return append(slices.Clone(d.taken), own...), darks, err
}

// calibrate sends the dark frames and waits until they are learnt.
func (d *demo) calibrate(ctx context.Context, darks []string) error {
	to := d.to
	to.peer.AETitle = to.config.Calibration.AETitle
	results, err := to.storeFiles(ctx, darks, func() {})
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Error != "" {
			return fmt.Errorf("send dark frame: %s", r.Error)
		}
	}
	fmt.Fprintf(d.cmd.OutOrStdout(), "%d dark frames sent to %s\n", len(darks), to.peer.AETitle)
	stats, err := d.settled(ctx)
	if err == nil && stats.Quarantined > 0 {
		err = fmt.Errorf("demo: %d dark frames were not learnt", stats.Quarantined)
	}
	return err
}

// settled waits until the node has nothing to do but quarantined jobs.
func (d *demo) settled(ctx context.Context) (archive.Stats, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := d.node.archive.Stats(ctx)
		if err != nil || s.Waiting+s.Running+s.Retrying == 0 {
			return s, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s, hinted(errors.New("demo: not done in time"), "run it again with --verbose")
		}
	}
}

// segment sends the images and reports each segmentation that comes back.
func (d *demo) segment(ctx context.Context, files []string) error {
	results, err := d.to.storeFiles(ctx, files, func() {})
	if err != nil {
		return err
	}
	waiting := map[string]string{} // SOP Instance UID to file
	var reports []segmented
	for _, r := range results {
		if r.Error != "" {
			reports = append(reports, segmented{File: r.File, Error: r.Error})
			continue
		}
		h, err := readHeader(r.File)
		if err != nil {
			return err
		}
		waiting[h.SOPInstanceUID] = r.File
	}
	fmt.Fprintf(d.cmd.OutOrStdout(), "%d of %d images sent to %s\n", len(files)-len(reports), len(files), d.to.peer.AETitle)
	got, err := d.collect(ctx, waiting)
	reports = append(got, reports...)
	for _, file := range waiting {
		reports = append(reports, segmented{File: file, Error: "no segmentation came back"})
	}
	fmt.Fprintf(d.cmd.OutOrStdout(), "%d segmentations received by %s, in %s with an overlay picture each:\n\n", len(got), d.pacs.addr.AETitle, d.out)
	slices.SortFunc(reports, func(a, b segmented) int { return cmp.Compare(a.File, b.File) })
	err = errors.Join(err, printSegmented(d.cmd, reports, false))
	fmt.Fprintln(d.cmd.OutOrStdout())
	for _, file := range d.taken {
		if a, ok := d.accuracy[file]; ok {
			fmt.Fprintf(d.cmd.OutOrStdout(), "%s: %.1f %% of the pixels are labelled as simulated\n", filepath.Base(file), 100*a)
		}
	}
	return err
}

// collect takes what the PACS receives until the node has nothing left to do.
func (d *demo) collect(ctx context.Context, waiting map[string]string) (reports []segmented, err error) {
	done := make(chan error, 1)
	go func() { _, err := d.settled(ctx); done <- err }()
	for {
		select {
		case o := <-d.pacs.objects:
			uid, err := o.source()
			if err != nil {
				return reports, err
			}
			file, ok := waiting[uid]
			if !ok {
				return reports, errors.New("demo: a segmentation of an image that was not sent")
			}
			delete(waiting, uid)
			r, err := d.show(file, o)
			if err != nil {
				return reports, err
			}
			reports = append(reports, r)
		case err := <-done:
			return reports, err
		}
	}
}

// show writes a received segmentation and the picture of its masks on the image.
func (d *demo) show(file string, o receivedObject) (segmented, error) {
	masks, rows, cols, err := segment.ReadMasks(o.dataset)
	if err != nil {
		return segmented{}, err
	}
	if len(masks) != 4 {
		return segmented{}, fmt.Errorf("demo: %d segments, want 4", len(masks))
	}
	img, err := segment.ReadImage(file)
	if err != nil {
		return segmented{}, err
	}
	res := resultOf(masks, rows, cols)
	if view := slices.Index(d.taken, file); view >= 0 {
		if d.accuracy[file], err = accuracyOf(d.detector, view, res.Masks); err != nil {
			return segmented{}, err
		}
	}
	base := filepath.Join(d.out, uniqueName(d.names, file))
	if err := os.WriteFile(base+".seg.dcm", part10File(o), 0o644); err != nil {
		return segmented{}, err
	}
	return maskReport(file, base, res), writeOverlay(base+".png", img, res)
}

// accuracyOf compares masks with what the detector was exposed to: the share of all
// pixels in the right mask.
func accuracyOf(o simulate.DXOptions, view int, m segment.Masks) (float64, error) {
	truth, err := simulate.Truth(simulate.Exposure{Rows: o.Rows, Columns: o.Columns, Seed: o.Seed, View: view})
	if err != nil {
		return 0, err
	}
	right := 0
	for i, class := range truth {
		if [segment.Classes]bool{m.Open[i], m.Soft[i], m.Bone[i]}[class] {
			right++
		}
	}
	return float64(right) / float64(len(truth)), nil
}

// resultOf is what the four masks of a segmentation say.
func resultOf(masks []segment.Mask, rows, cols int) *segment.Result {
	m := segment.Masks{Open: masks[0], Soft: masks[1], Bone: masks[2], HighPrecisionSoft: masks[3]}
	field := make(segment.Mask, rows*cols)
	for i := range field {
		field[i] = m.Open[i] || m.Soft[i] || m.Bone[i]
	}
	return &segment.Result{Rows: rows, Columns: cols, Masks: m, Field: field}
}

// maskReport counts the masks; fractions are of the exposed field, which open
// beam, soft tissue and bone fill.
func maskReport(file, base string, res *segment.Result) segmented {
	m := res.Masks
	open, soft, bone, high := m.Open.Count(), m.Soft.Count(), m.Bone.Count(), m.HighPrecisionSoft.Count()
	field := float64(max(open+soft+bone, 1))
	return segmented{File: file, SEG: base + ".seg.dcm", Overlay: base + ".png", Rows: res.Rows, Columns: res.Columns,
		Exposed: field / float64(res.Rows*res.Columns), OpenBeam: float64(open) / field, SoftTissue: float64(soft) / field,
		Bone: float64(bone) / field, HighSoft: float64(high) / field}
}

// part10File is the object as a file (PS3.10 7.1).
func part10File(o receivedObject) []byte {
	var b bytes.Buffer
	_ = writeSEGMeta(&b, o.sopInstanceUID) // a buffer takes everything; a bad UID would have been refused on receipt
	b.Write(o.dataset)
	return b.Bytes()
}
