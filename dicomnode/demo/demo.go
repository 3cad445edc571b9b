package main

import (
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
