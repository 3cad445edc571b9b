package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/dicomtls"
	"dicomnode/internal/uid"
	"dicomnode/segment/dark"
)

// Status is the state of a node.
type Status struct {
	Running         bool           `json:"running"`
	Engine          *node.Engine   `json:"engine,omitempty"` // of the running node, or of the last run
	Objects         int64          `json:"objects"`
	Waiting         int            `json:"waiting"` // jobs, including running ones
	Retrying        int            `json:"retrying"`
	Quarantined     int            `json:"quarantined"`
	Held            int            `json:"held"`                // held deliveries
	Oldest          time.Time      `json:"oldest_job,omitzero"` // of jobs that are neither done nor quarantined
	FreeMiB         int64          `json:"free_mib"`
	WantMiB         int64          `json:"min_free_mib"`
	Drain           *archive.Pause `json:"drain,omitempty"`            // new associations are rejected
	CertificateEnds *time.Time     `json:"certificate_ends,omitempty"` // of the node; nil without TLS
	Destinations    []Destination  `json:"destinations"`
	Peers           []Seen         `json:"peers"`
	Refusals        []Refused      `json:"refusals"`
	Calibrations    []Expiring     `json:"calibrations_expiring"` // of unused detectors; needs no attention
	Codecs          []string       `json:"transfer_syntaxes"`     // that can be received and decoded
	Problems        []string       `json:"problems"`              // what needs attention; empty if all is well
}

// Destination is the state of a destination.
type Destination struct {
	Name        string         `json:"name"`
	State       string         `json:"state"`                 // up, failing, refusing or paused
	Jobs        int            `json:"jobs"`                  // pending deliveries
	Uncommitted int            `json:"uncommitted,omitempty"` // those of Jobs that it has stored but not yet committed
	Reason      string         `json:"reason,omitempty"`
	Pause       *archive.Pause `json:"pause,omitempty"`
	Removed     bool           `json:"removed,omitempty"` // no peer of the configuration has this name
}

// Seen is when a peer sent its last object.
type Seen struct {
	Name     string    `json:"name"`
	Last     time.Time `json:"last_association,omitzero"`
	LastSent time.Time `json:"last_object,omitzero"`
	Objects  int64     `json:"objects"`
}

// Refused is a rejected association or refused contexts.
type Refused struct {
	Kind      string    `json:"kind"`
	CallingAE string    `json:"calling_ae"`
	CalledAE  string    `json:"called_ae"`
	Address   string    `json:"address"`
	Words     string    `json:"words"`
	Last      time.Time `json:"last"`
	Count     int64     `json:"count"`
}

// Expiring is the calibration of a detector that is announced to be removed.
type Expiring struct {
	Detector string    `json:"detector"` // with size, binning and mode
	LastUsed time.Time `json:"last_used"`
	Goes     time.Time `json:"goes"`
}

// States of destinations.
const (
	Up       = "up"
	Failing  = "failing"
	Refusing = "refusing" // its results are quarantined; nothing else is known
	Paused   = "paused"
)

// maxShownRefusals is how many of the latest rejections a status shows.
const maxShownRefusals = 5

// Inspect reads the state of a node from its archive.
func Inspect(ctx context.Context, a *archive.Archive, c configs.Config) (*Status, error) {
	s := &Status{Destinations: []Destination{}, Peers: []Seen{}, Refusals: []Refused{}, Calibrations: []Expiring{}, Problems: []string{}}
	for _, step := range []func(context.Context, *archive.Archive, configs.Config) error{
		s.process, s.drain, s.certificates, s.jobs, s.held, s.disk, s.calibrations, s.destinations, s.peers, s.refusals,
	} {
		if err := step(ctx, a, c); err != nil {
			return nil, err
		}
	}
	codecs, err := pipeline.OpenCodecs(c, nil)
	if err != nil {
		return nil, err
	}
	defer codecs.Close()
	for _, ts := range node.TransferSyntaxes(codecs.TransferSyntaxes()) {
		s.Codecs = append(s.Codecs, uid.Name(ts))
	}
	return s, nil
}

func (s *Status) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}

func (s *Status) process(ctx context.Context, a *archive.Archive, c configs.Config) (err error) {
	if s.Running, err = archive.Serving(node.ArchiveDir(c)); err != nil {
		return err
	}
	if !s.Running {
		s.problem("the node does not run")
	}
	text, err := a.Recall(ctx, node.EngineKey)
	if err != nil || text == "" {
		return err
	}
	s.Engine = &node.Engine{}
	return json.Unmarshal([]byte(text), s.Engine)
}

func (s *Status) drain(ctx context.Context, a *archive.Archive, _ configs.Config) error {
	p, drained, err := a.Drained(ctx)
	if drained && s.Running {
		s.Drain = &p
		s.problem("the node is drained: it refuses associations")
	}
	return err
}

// certificates reads the certificate files, which a running node reloads on SIGHUP. For peers
// it has the certificates that the node saw last.
func (s *Status) certificates(ctx context.Context, a *archive.Archive, c configs.Config) error {
	id, err := scu.Identity(c.TLS)
	switch {
	case err != nil:
		s.problem("%v", err)
	case id != nil:
		ends := id.Expires()
		s.CertificateEnds = &ends
		s.Problems = append(s.Problems, id.Warnings()...)
		return s.peerCertificates(ctx, a, c, id)
	}
	return nil
}

func (s *Status) peerCertificates(ctx context.Context, a *archive.Archive, c configs.Config, id *dicomtls.Identity) error {
	for _, p := range c.Peers {
		text, err := a.Recall(ctx, node.CertificateKey(p.Name))
		if err != nil {
			return err
		}
		ends, err := time.Parse(time.RFC3339, text)
		if err != nil || !p.TLS.Used() {
			continue // none was seen
		}
		if w := id.Ending("the certificate of peer "+p.Name, ends); w != "" {
			s.Problems = append(s.Problems, w)
		}
	}
	return nil
}

func (s *Status) jobs(ctx context.Context, a *archive.Archive, _ configs.Config) error {
	stats, err := a.Stats(ctx)
	s.Objects, s.Waiting, s.Retrying, s.Quarantined, s.Oldest = stats.Objects, stats.Waiting+stats.Running, stats.Retrying, stats.Quarantined, stats.Oldest
	if s.Quarantined > 0 {
		s.problem("quarantined jobs: %d", s.Quarantined)
	}
	return err
}

func (s *Status) held(ctx context.Context, a *archive.Archive, _ configs.Config) error {
	held, err := a.Held(ctx)
	if s.Held = len(held); s.Held > 0 {
		s.problem("held deliveries: %d", s.Held)
	}
	return err
}

func (s *Status) disk(_ context.Context, a *archive.Archive, c configs.Config) error {
	free, err := a.Free()
	s.FreeMiB, s.WantMiB = free>>20, c.Retention.MinFreeMiB
	if err == nil && s.FreeMiB < s.WantMiB {
		s.problem("%d MiB of the disk are free, want %d", s.FreeMiB, s.WantMiB)
	}
	return err
}

func (s *Status) calibrations(_ context.Context, _ *archive.Archive, c configs.Config) error {
	var announced []dark.Unused
	darks, err := dark.Open(pipeline.DarkDir(c))
	if err == nil {
		announced, err = darks.Announced(c.Retention.Calibrations)
	}
	if err != nil {
		s.problem("%v", err)
	}
	for _, u := range announced {
		s.Calibrations = append(s.Calibrations, Expiring{u.Key.String(), u.Last, u.Goes})
	}
	return nil
}

func (s *Status) destinations(ctx context.Context, a *archive.Archive, c configs.Config) error {
	names, err := a.Destinations(ctx)
	if err != nil {
		return err
	}
	for _, r := range c.Routes {
		names = append(names, r.SendTo...)
	}
	entries, err := a.Queue(ctx)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		d, err := destinationOf(ctx, a, c, name, entries)
		if err != nil {
			return err
		}
		if d.State != Up {
			s.problem("destination %s is %s", name, d.State)
		}
		s.Destinations = append(s.Destinations, d)
	}
	return nil
}

func destinationOf(ctx context.Context, a *archive.Archive, c configs.Config, name string, entries []archive.Entry) (Destination, error) {
	d := Destination{Name: name, State: Up}
	if _, known := c.Peer(name); !known {
		d.Removed = true
	}
	for _, e := range entries {
		if e.Destination != name {
			continue
		}
		d.Jobs++
		switch {
		case e.AwaitsCommitment():
			d.Uncommitted++
		case e.Reason != "" && e.State != archive.Quarantined:
			d.State, d.Reason = Failing, shortReason(e)
		case d.State == Up && e.State == archive.Quarantined:
			d.State, d.Reason = Refusing, shortReason(e)
		}
	}
	pause, paused, err := a.Paused(ctx, name)
	if paused {
		d.State, d.Pause = Paused, &pause
	}
	return d, err
}

func (s *Status) peers(ctx context.Context, a *archive.Archive, c configs.Config) error {
	seen, err := a.Peers(ctx)
	if err != nil {
		return err
	}
	for _, p := range c.Peers {
		one := Seen{Name: p.Name}
		for _, was := range seen {
			if was.Name == p.Name {
				one.Objects += was.Objects
				if was.Last.After(one.Last) {
					one.Last = was.Last
				}
			}
		}
		last, err := Query{Peer: p.Name, Limit: 1}.objects(ctx, a)
		if err != nil {
			return err
		}
		if len(last) > 0 {
			one.LastSent = last[0].Received
		}
		if sends(c, p) || !one.Last.IsZero() {
			s.Peers = append(s.Peers, one)
		}
	}
	return nil
}

// sends reports whether a peer is expected to send: a route takes its images, or it may send
// dark frames.
func sends(c configs.Config, p configs.Peer) bool {
	return slices.Contains(c.Calibration.Peers, p.Name) || slices.ContainsFunc(c.Routes, func(r configs.Route) bool { return r.Takes(p.Name) })
}

func (s *Status) refusals(ctx context.Context, a *archive.Archive, _ configs.Config) error {
	all, err := a.Refusals(ctx)
	for _, r := range all[:min(len(all), maxShownRefusals)] {
		s.Refusals = append(s.Refusals, Refused{r.Kind, r.CallingAE, r.CalledAE, r.Address, r.Words, r.Last, r.Count})
	}
	return err
}
