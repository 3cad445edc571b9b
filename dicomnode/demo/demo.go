// Package demo shows the whole chain on one machine: a simulated detector, a node and a
// small PACS on loopback. It is the verb demo of the program.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/demo/pacs"
	"dicomnode/dicomnode/inputs"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/offline"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/hint"
	"dicomnode/trainer/simulate"
)

// Time bounds the whole demonstration.
const Time = 110 * time.Second

// Options of a demonstration.
type Options struct {
	Inputs   []string           // DICOM files and folders to send beside the simulated radiographs
	Out      string             // folder of the results, which is made
	Detector simulate.DXOptions // takes the radiographs; its Out is chosen here
	Version  string             // of the program
	Log      *slog.Logger       // of the node and the PACS
	Print    io.Writer          // what is shown
}

// Run shows the chain and ends all it started.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, Time)
	defer cancel()
	d := &demo{Options: o}
	return d.run(ctx)
}

// demo is a running demonstration.
type demo struct {
	Options
	dir  string // temporary
	node *node.Node
	pacs *pacs.PACS
	to   scu.Destination // the node, as the modality calls it

	taken    []string // radiographs of the detector, by view
	accuracy map[string]float64
	names    map[string]int // of results: see uniqueName
}

func (d *demo) run(ctx context.Context) (err error) {
	d.accuracy, d.names = map[string]float64{}, map[string]int{}
	if d.dir, err = os.MkdirTemp("", "dicomnode-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	if err := os.MkdirAll(d.Out, 0o755); err != nil {
		return err
	}
	stop, err := d.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	files, darks, err := d.prepare(ctx)
	if err != nil {
		return err
	}
	if err := d.calibrate(ctx, darks); err != nil {
		return err
	}
	return d.segment(ctx, files)
}

// start runs PACS and node on free ports of loopback.
func (d *demo) start(ctx context.Context) (stop func() error, err error) {
	if d.pacs, err = pacs.Start(context.WithoutCancel(ctx), "PACS", d.Log); err != nil {
		return nil, err
	}
	c := pacs.NodeConfig(d.dir, d.pacs.Addr.Host)
	if d.node, err = node.Open(ctx, node.Options{Config: c, Version: d.Version, Log: d.Log}); err != nil {
		return nil, errors.Join(err, d.pacs.Stop(ctx))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, d.node.Close(), d.pacs.Stop(ctx))
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.node.Serve(serving, ln) }()
	caller := c
	caller.Node.AETitle = "MODALITY"
	d.to = scu.Destination{Config: caller, Peer: configs.Peer{Name: "the node", AETitle: c.Node.AETitle, Address: ln.Addr().String()}}
	return func() error {
		cancel()
		err := errors.Join(<-done, d.node.Close())
		ending, cancel := context.WithTimeout(context.Background(), node.ShutdownTime)
		defer cancel()
		return errors.Join(err, d.pacs.Stop(ending))
	}, nil
}

// Detector is what the demonstration's radiographs are taken with.
var Detector = simulate.DXOptions{Seed: 1, Count: 5, Darks: 5, Rows: 1280, Columns: 1024, DetectorID: "SIMULATED-1"}

// prepare takes the radiographs and dark frames; inputs go with the radiographs.
func (d *demo) prepare(ctx context.Context) (images, darks []string, err error) {
	o := d.Detector
	o.Out = d.dir
	if d.taken, darks, err = simulate.RunDX(ctx, o); err != nil || len(d.Inputs) == 0 {
		return d.taken, darks, err
	}
	own, err := inputs.DICOM(d.Inputs)
	return append(slices.Clone(d.taken), own...), darks, err
}

// calibrate sends the dark frames and waits until they are added.
func (d *demo) calibrate(ctx context.Context, darks []string) error {
	to := d.to
	to.Peer.AETitle = to.Config.Calibration.AETitle
	results, err := to.StoreFiles(ctx, darks, func() {})
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Error != "" {
			return fmt.Errorf("send dark frame: %s", r.Error)
		}
	}
	fmt.Fprintf(d.Print, "%d dark frames sent to %s\n", len(darks), to.Peer.AETitle)
	stats, err := d.settled(ctx)
	if err == nil && stats.Quarantined > 0 {
		err = fmt.Errorf("demo: %d dark frames were not accepted", stats.Quarantined)
	}
	return err
}

// settled waits until the node has nothing to do but quarantined jobs.
func (d *demo) settled(ctx context.Context) (archive.Stats, error) {
	s, err := d.node.Settled(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s, hint.Add(errors.New("demo: not done in time"), "run it again with --verbose")
	}
	return s, err
}

// segment sends the images and reports each segmentation that comes back.
func (d *demo) segment(ctx context.Context, files []string) error {
	results, err := d.to.StoreFiles(ctx, files, func() {})
	if err != nil {
		return err
	}
	waiting := map[string]string{} // SOP Instance UID to file
	var reports []offline.Report
	for _, r := range results {
		if r.Error != "" {
			reports = append(reports, offline.Report{File: r.File, Error: r.Error})
			continue
		}
		h, err := scu.ReadHeader(r.File)
		if err != nil {
			return err
		}
		waiting[h.SOPInstanceUID] = r.File
	}
	fmt.Fprintf(d.Print, "%d of %d images sent to %s\n", len(files)-len(reports), len(files), d.to.Peer.AETitle)
	got, err := d.collect(ctx, waiting)
	reports = append(got, reports...)
	for _, file := range waiting {
		reports = append(reports, offline.Report{File: file, Error: "no segmentation came back"})
	}
	fmt.Fprintf(d.Print, "%d segmentations received by %s, in %s with an overlay picture each:\n\n", len(got), d.pacs.Addr.AETitle, d.Out)
	slices.SortFunc(reports, func(a, b offline.Report) int { return cmp.Compare(a.File, b.File) })
	err = errors.Join(err, offline.WriteTable(d.Print, reports), offline.Failed(reports))
	fmt.Fprintln(d.Print)
	for _, file := range d.taken {
		if a, ok := d.accuracy[file]; ok {
			fmt.Fprintf(d.Print, "%s: %.1f %% of the pixels are labelled as simulated\n", filepath.Base(file), 100*a)
		}
	}
	return err
}
