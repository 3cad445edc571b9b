package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/durable"
	"dicomnode/internal/hint"
)

// Tried is one thing that a node of a configuration needs.
type Tried struct {
	What  string
	Found string // when it is as it should be
	Err   error  // perhaps with a hint
}

// probeTime bounds each probe that asks the network.
const probeTime = 10 * time.Second

// Probe tries what can be tried from this machine for a configuration, and changes
// nothing.
func Probe(ctx context.Context, c configs.Config) []Tried {
	tried := []Tried{tryModel(c), tryFolder(c), tryDisk(c)}
	for _, p := range c.Peers {
		tried = append(tried, tryName(ctx, p)...)
		if p.Callable() {
			tried = append(tried, tryEcho(ctx, c, p))
		}
	}
	return tried
}

func tryModel(c configs.Config) Tried {
	t := Tried{What: "model"}
	s, m, err := pipeline.OpenModel(c)
	if err != nil {
		t.Err = err
		return t
	}
	t.Found = fmt.Sprintf("%s %s on %s", m.Name, m.Version, m.Device)
	if why := s.Fallback(); why != nil {
		t.Found += ", CUDA is not used: " + why.Error()
	}
	t.Err = s.Close()
	return t
}

// existing is the folder, or the nearest one above it that exists.
func existing(dir string) (string, fs.FileInfo, error) {
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir, info, err
		}
	}
}

func tryFolder(c configs.Config) Tried {
	t := Tried{What: "data folder", Found: c.Node.DataDir + " can be written into"}
	dir, info, err := existing(c.Node.DataDir)
	switch {
	case err != nil:
		t.Err = err
	case !info.IsDir():
		t.Err = hint.Add(fmt.Errorf("%s is a file", dir), "name a folder: node: {data_dir: …}")
	default:
		if err := durable.Ready(filepath.Join(dir, "probe")); err != nil {
			t.Err = hint.Add(err, "run this as the user that the node runs as; the folder must be that user's")
		}
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
		t.Err = hint.Add(fmt.Errorf("%d MiB free, retention: {min_free_mib: %d} wants more", free, c.Retention.MinFreeMiB), "finished objects would go before their time")
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
	took, err := scu.Destination{Config: c, Peer: p}.Echo(ctx)
	return Tried{"C-ECHO to peer " + p.Name, fmt.Sprintf("%s answers in %.1f ms", p.Address, took.Seconds()*1000), err}
}
