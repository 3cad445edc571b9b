// Package node is the DICOM node: Serve receives images (C-STORE), has them segmented, delivers
// the results, and removes old finished objects. Programs and tests use it; it has no command
// line.
package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/dicomnode/scu"
	"dicomnode/dicomnode/trail"
	"dicomnode/internal/archive"
	"dicomnode/internal/codec"
	"dicomnode/internal/dicomtls"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

// ShutdownTime is how long open associations may finish after SIGTERM.
const ShutdownTime = 20 * time.Second

// Options configure a node.
type Options struct {
	Config  configs.Config // checked
	Version string         // of the program, as the SEG names it
	Log     *slog.Logger
	// Codecs decodes compressed images. The node closes it; nil opens one for Config.
	Codecs *codec.Pool

	retryBase time.Duration // archive.Options.RetryBase, for tests
}

// Node is a running node: received images are archived, segmented and delivered. Its methods
// may be called from several goroutines.
type Node struct {
	config             atomic.Pointer[configs.Config] // replaced by Reload
	version            string
	log                *slog.Logger
	archive            *archive.Archive
	engine             *engine
	other              otherModel
	codecs             *codec.Pool
	darks              *dark.Store
	server             *scp.Server
	identity           atomic.Pointer[dicomtls.Identity] // nil without a certificate; replaced by Reload
	associations       *associations                     // open associations to destinations
	destinations       *destinations                     // which destinations are down
	drain              drain                             // whether new associations are rejected
	commitments        *commitments                      // requests for storage commitment to destinations
	commitmentRequests *commitmentRequests               // requests for storage commitment from peers
	trail              *trail.Trail                      // nil without an audit trail
	refusals           refusals                          // refusals by destinations that may be temporary
	unrouted           once                              // images that no route takes, by peer and modality
	ending             once                              // certificates of peers: recorded, and warned about
	lookup             func(ctx context.Context, host string) ([]netip.Addr, error)
	segmentBy          func(context.Context, archive.Object) (archive.Made, error) // segment; replaced in tests of later steps
}

// ArchiveDir is the folder of the archive of a configuration.
func ArchiveDir(c configs.Config) string { return c.Node.ArchiveDir() }

// ArchiveOptions are the options of the archive of a configuration.
func ArchiveOptions(c configs.Config, codecs decode.Codec) archive.Options {
	return archive.Options{Dir: ArchiveDir(c), Digest: digester{codecs}.file,
		ImplementationClassUID: uid.Implementation, ImplementationVersionName: uid.ImplementationVersionName}
}

// archiveHints are hints for errors of opening an archive.
var archiveHints = []struct {
	err  error
	text string
}{
	{archive.ErrRebuilding, "\"dicomnode archive rebuild\" completes it: it begins again, and still uses the index from before"},
	{archive.ErrIndex, "nothing was changed. Put the right index back, or \"dicomnode archive rebuild\" makes it again from the objects; \"dicomnode archive restore\" brings a backup back"},
	{archive.ErrInUse, "see node: {data_dir: …}; one node uses a folder at a time"},
	{archive.ErrOldSchema, "start the node of this version once: it brings the index up to date"},
	{archive.ErrNewSchema, "use the version of the program that wrote the index, or a newer one"},
	{fs.ErrNotExist, "has \"dicomnode serve\" run with this configuration on this machine?"},
	{fs.ErrPermission, "run it as the user that the node runs as"},
}

// ArchiveHint adds a hint to an error of opening an archive.
func ArchiveHint(err error) error {
	for _, h := range archiveHints {
		if errors.Is(err, h.err) {
			return hint.Add(err, h.text)
		}
	}
	return hint.Add(err, "see node: {data_dir: …}")
}

// Open prepares everything that Serve runs; call Close afterwards. Only one node can use a data
// folder.
func Open(ctx context.Context, o Options) (*Node, error) {
	c := o.Config
	id, err := scu.Identity(c.TLS)
	if err != nil {
		return nil, err
	}
	codecs := o.Codecs
	if codecs == nil {
		if codecs, err = pipeline.OpenCodecs(c, o.Log); err != nil {
			return nil, err
		}
	}
	e, err := openEngine(c, o.Log)
	if err != nil {
		return nil, errors.Join(err, codecs.Close())
	}
	darks, _ := e.pipeline.Calibration.(*dark.Store)
	options := ArchiveOptions(c, codecs)
	options.Log, options.RetryBase = o.Log, o.retryBase
	a, err := archive.Open(ctx, options)
	if err != nil {
		return nil, errors.Join(ArchiveHint(fmt.Errorf("open archive: %w", err)), e.Close(), codecs.Close())
	}
	n := &Node{version: o.Version, log: o.Log, archive: a, engine: e, darks: darks, codecs: codecs, lookup: lookupIP}
	n.other.inProgress = &e.inProgress
	n.config.Store(&c)
	n.identity.Store(id)
	if n.trail, err = trail.OpenSending(c, n.identity.Load, o.Log); err != nil {
		return nil, errors.Join(err, a.Close(), e.Close(), codecs.Close())
	}
	n.associations = &associations{dial: n.dial}
	n.destinations = &destinations{log: o.Log}
	n.commitments, n.commitmentRequests, n.segmentBy = newCommitments(n.askCommitment), newCommitmentRequests(), n.segment
	n.server = newServer(c, n, codecs.TransferSyntaxes(), o.Log)
	n.reportCodecs()
	n.reportHeld()
	e.changed = n.describe
	n.describe()
	return n, nil
}

// Close closes the archive, the models and the codecs. Serve must have ended.
func (n *Node) Close() error {
	return errors.Join(n.archive.Close(), n.engine.Close(), n.other.end(), n.codecs.Close())
}

// Codecs decodes compressed images, until Close.
func (n *Node) Codecs() *codec.Pool { return n.codecs }

// Serve runs the chain until ctx ends, then lets open associations and running
// jobs finish. Nothing acknowledged is lost if they do not.
//
//	modality ── C-STORE ──► scp.Server ──► archive.Receive ── fsync, index row and job ──► 0000
//	                                            │
//	                       archive.Work ──► n.segment: decode → dark-correct → XNet → masks → SEG
//	                            ├─────────► n.addDark: dark frames of the calibration AE title
//	                            └─────────► n.deliver ── C-STORE ──► PACS
//	                                        n.commit  ── N-ACTION ─► PACS, which answers by N-EVENT-REPORT
//	n.retain removes what is finished and old.
//
// It receives on each of the listeners.
func (n *Node) Serve(ctx context.Context, listeners ...net.Listener) error {
	background := context.WithoutCancel(ctx)
	working, stopWork := context.WithCancel(background)
	defer stopWork()
	if err := n.archive.WakeCommitments(background); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx) // an error of one part ends the others
	for _, ln := range listeners {
		g.Go(func() error { return n.server.Serve(background, ln) })
	}
	g.Go(func() error { n.watchCertificates(working); return nil })
	g.Go(func() error { n.watchDrain(working); return nil })
	g.Go(func() error {
		return ignore(n.archive.Work(working, archive.Handlers{
			Segment: n.segmentBy, Dark: n.addDark, Deliver: n.deliver, Commit: n.commit,
		}), context.Canceled)
	})
	g.Go(func() error { n.retain(working); return nil })
	g.Go(func() error { n.commitments.run(working); return nil })
	g.Go(func() error { n.answerRequests(working); return nil })
	g.Go(func() error { n.trail.Run(working); return nil })
	n.trail.Started()
	defer n.trail.Stopped()
	g.Go(func() error {
		<-ctx.Done()
		n.log.Info("shutting down")
		finish, cancel := context.WithTimeout(background, ShutdownTime)
		defer cancel()
		err := n.server.Shutdown(finish)
		stopWork()
		return ignore(err, context.DeadlineExceeded)
	})
	err := g.Wait()
	n.associations.close()
	return err
}

// ignore drops an expected error.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// Stats counts the node's objects and jobs.
func (n *Node) Stats(ctx context.Context) (archive.Stats, error) { return n.archive.Stats(ctx) }

// stuckTime is how long an image may be in progress: its job has ended by then
// (jobs.Options), only a call into a model can still block.
const stuckTime = 15 * time.Minute

// Alive returns nil while the node works, otherwise the reason: index and server must
// answer before ctx ends, and no image may be in progress, with the model in use or another
// one, for longer than it can take. A full disk or a failing destination does not matter.
func (n *Node) Alive(ctx context.Context) error {
	if took := n.engine.inProgress.longest(); took > stuckTime {
		return fmt.Errorf("an image is being segmented for %v", took.Round(time.Second))
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		n.server.Associations()
		_ = n.archive.Answers(ctx) // its errors do not matter: see there
	}()
	select {
	case <-answered:
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("index or server do not answer")
	}
	return nil
}

// Settled waits until only quarantined jobs are left, or until ctx ends.
func (n *Node) Settled(ctx context.Context) (archive.Stats, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := n.archive.Stats(ctx)
		if err != nil || s.Waiting+s.Running+s.Retrying == 0 {
			return s, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}
