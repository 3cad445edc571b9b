package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/scp"
)

// destination is what "PEER|AET@host:port" on the command line means.
type destination struct {
	config configs.Config
	peer   configs.Peer
}

// peerFlags are those of the verbs that call a peer.
type peerFlags struct{ config, calling string }

func (f *peerFlags) add(cmd *cobra.Command) {
	configFlag(cmd, &f.config)
	cmd.Flags().StringVar(&f.calling, "calling", "", "our AE title (default: node.ae_title)")
}

// find resolves a peer name by the configuration, and AET@host:port without one.
func (f *peerFlags) find(cmd *cobra.Command, arg string) (destination, error) {
	c, err := configs.Load(f.config)
	direct := strings.Contains(arg, "@")
	if direct && errors.Is(err, os.ErrNotExist) && !cmd.Flags().Changed("config") {
		c, err = configs.Default(), nil
	}
	if errors.Is(err, os.ErrNotExist) {
		err = hinted(err, "name the file with --config, or the peer as AET@host:port")
	}
	if err != nil {
		return destination{}, err
	}
	if f.calling != "" {
		c.Node.AETitle = f.calling
	}
	if direct {
		return directly(c, arg)
	}
	p, ok := c.Peer(arg)
	if !ok {
		return destination{}, usagef("list it under peers: or write AET@host:port", "no peer is named %q in %s", arg, f.config)
	}
	if !p.Callable() {
		return destination{}, usagef("add the port it listens on to its address", "peer %q cannot be called: its address %s has no port", arg, p.Address)
	}
	return destination{c, p}, nil
}

func directly(c configs.Config, arg string) (destination, error) {
	addr, err := scp.ParseAddr(arg)
	if err != nil {
		return destination{}, usagef("write AET@host:port, for example PACS@10.0.0.5:104", "%w", err)
	}
	return destination{c, configs.Peer{Name: arg, AETitle: addr.AETitle, Address: addr.Host}}, nil
}

// dial associates with the destination.
func (d destination) dial(ctx context.Context, proposals ...scp.Proposal) (*scp.Client, error) {
	client, err := newDialer(d.config).Dial(ctx, addrOf(d.peer), proposals...)
	if err != nil {
		return nil, hinted(fmt.Errorf("associate with %s: %w", d.peer.Name, err), dialHint(err, d))
	}
	return client, nil
}

// dialHint says where to look, by how far the association came.
func dialHint(err error, d destination) string {
	var rejected *scp.RejectError
	if errors.As(err, &rejected) {
		return fmt.Sprintf("%s answered but refused: does it know AE title %s and this machine's address?", d.peer.AETitle, d.config.Node.AETitle)
	}
	return fmt.Sprintf("is a DICOM service listening on %s, and does a firewall let us through?", d.peer.Address)
}

func addrOf(p configs.Peer) scp.Addr { return scp.Addr{AETitle: p.AETitle, Host: p.Address} }
