package inspect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/codec"
	"dicomnode/internal/hint"
	"dicomnode/scp"
)

// Tried is the result of one test.
type Tried struct {
	What  string
	Found string // true if it passed
	Err   error  // may have a hint
}

// probeTime limits each test that uses the network.
const probeTime = 10 * time.Second

// Probe tests what a configuration needs from this machine and its peers, and changes nothing.
func Probe(ctx context.Context, c configs.Config) []Tried {
	tried := []Tried{tryModel(c), tryCodecs(c), tryFolder(c), tryDisk(c)}
	for _, p := range c.Peers {
		tried = append(tried, tryName(ctx, p)...)
		if p.Callable() {
			tried = append(tried, tryEcho(ctx, c, p))
			if p.StorageCommitment || p.CommitmentBy != "" {
				tried = append(tried, tryCommitment(ctx, c, p))
			}
		}
	}
	return tried
}

func tryModel(c configs.Config) Tried {
	t := Tried{What: "model"}
	p, closeModels, err := pipeline.OpenModels(c)
	if err != nil {
		t.Err = err
		return t
	}
	t.Found = fmt.Sprintf("%s %s on %s", p.Model.Name, p.Model.Version, p.Model.Device)
	if p.Trunk != nil {
		t.Found += fmt.Sprintf(", for trunk and head %s %s", p.Trunk.Model.Name, p.Trunk.Model.Version)
	}
	if why := pipeline.Fallback(p); why != nil {
		t.Found += ", CUDA is not used: " + why.Error()
	}
	t.Err = closeModels()
	return t
}

// tryCodecs tests the decoders of compressed images; images without a decoder are refused.
func tryCodecs(c configs.Config) Tried {
	t := Tried{What: "codecs"}
	pool, err := pipeline.OpenCodecs(c, nil)
	if err != nil {
		t.Err = err
		return t
	}
	defer pool.Close()
	r := pool.Report()
	var found, missing []string
	for _, f := range r.Families {
		if f.Error != "" || len(f.TransferSyntaxes) == 0 {
			missing = append(missing, f.Family)
			continue
		}
		found = append(found, f.Library+" "+f.Version)
	}
	t.Found = strings.Join(found, ", ") + ", " + r.Confinement
	switch {
	case r.Error != "":
		t.Err = hint.Add(errors.New(r.Error), codec.Hint)
	case len(missing) > 0:
		t.Err = hint.Add(fmt.Errorf("no decoder for %s: such images are refused", strings.Join(missing, ", ")), codec.Hint)
	}
	return t
}

func tryDisk(c configs.Config) Tried {
	t := Tried{What: "disk"}
	dir, _, err := existing(c.Node.DataDir)
	var s unix.Statfs_t
	if err == nil {
		err = unix.Statfs(dir, &s)
	}
	if err != nil {
		t.Err = err
		return t
	}
	free := int64(s.Bavail) * s.Bsize >> 20
	t.Found = fmt.Sprintf("%d MiB free, retention keeps %d free", free, c.Retention.MinFreeMiB)
	if free < c.Retention.MinFreeMiB {
		t.Err = hint.Add(fmt.Errorf("%d MiB free, retention: {min_free_mib: %d} requires more", free, c.Retention.MinFreeMiB), "finished objects would go before they expire")
	}
	return t
}

// tryName resolves the host name of a peer that has one.
func tryName(ctx context.Context, p configs.Peer) []Tried {
	if _, named := p.Admits(netip.Addr{}); !named {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", p.Host())
	if err != nil {
		err = hint.Add(err, "the peer is not admitted while its name does not resolve: write its IP address")
	}
	return []Tried{{"name of peer " + p.Name, fmt.Sprintf("%s is %v", p.Host(), found), err}}
}

func tryEcho(ctx context.Context, c configs.Config, p configs.Peer) Tried {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	note := ""
	took, err := scu.Destination{Config: c, Peer: p, Note: func(err error) { note = "; " + err.Error() }}.Echo(ctx)
	return Tried{"C-ECHO to peer " + p.Name, fmt.Sprintf("%s answers in %.1f ms", p.Address, took.Seconds()*1000) + note, err}
}

// tryCommitment negotiates storage commitment with a peer that has storage_commitment or
// commitment_by.
func tryCommitment(ctx context.Context, c configs.Config, p configs.Peer) Tried {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	t := Tried{What: "storage commitment with peer " + p.Name}
	role, err := scu.Destination{Config: c, Peer: p}.CommitmentRoles(ctx)
	asks, answers := role&scp.SCURole != 0, role&scp.SCPRole != 0
	switch {
	case err != nil:
		t.Err = err
	case p.StorageCommitment && !asks:
		t.Err = hint.Add(errors.New("the peer does not let this node be SCU of it"), "the peer must take N-ACTION from "+c.Node.AETitle)
	case p.CommitmentBy != "" && !answers:
		// Peers that do not answer role selection often accept the report nevertheless.
		t.Found = "accepted; the peer grants no SCP role by role selection, it may refuse answers on an association of this node"
	default:
		t.Found = fmt.Sprintf("accepted; it may be asked: %s; it may be answered on an association of this node: %s", yes(asks), yes(answers))
	}
	return t
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
