package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/hint"
	"dicomnode/scp"
)

// peerFlags are the flags of verbs that call a peer.
type peerFlags struct{ config, calling string }

func (f *peerFlags) add(cmd *cobra.Command) {
	command.ConfigFlag(cmd, &f.config)
	cmd.Flags().StringVar(&f.calling, "calling", "", "calling AE title (default: node.ae_title)")
}

// find resolves a peer name by the configuration, and AET@host:port without one. What the
// destination notes is printed.
func (f *peerFlags) find(cmd *cobra.Command, arg string) (scu.Destination, error) {
	d, err := f.resolve(cmd, arg)
	d.Note = func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "note: %v\n", err) }
	return d, err
}

func (f *peerFlags) resolve(cmd *cobra.Command, arg string) (scu.Destination, error) {
	c, err := configs.Load(f.config)
	direct := strings.Contains(arg, "@")
	if direct && errors.Is(err, os.ErrNotExist) && !cmd.Flags().Changed("config") {
		c, err = configs.Default(), nil
	}
	if errors.Is(err, os.ErrNotExist) {
		err = hint.Add(err, "name the file with --config, or the peer as AET@host:port")
	}
	if err != nil {
		return scu.Destination{}, err
	}
	if f.calling != "" {
		c.Node.AETitle = f.calling
	}
	if direct {
		return directly(c, arg)
	}
	p, ok := c.Peer(arg)
	if !ok {
		return scu.Destination{}, command.Usagef("list it under peers: or write AET@host:port", "no peer is named %q in %s", arg, f.config)
	}
	if !p.Callable() {
		return scu.Destination{}, command.Usagef("add the port it listens on to its address", "peer %q cannot be called: its address %s has no port", arg, p.Address)
	}
	return scu.Destination{Config: c, Peer: p}, nil
}

func directly(c configs.Config, arg string) (scu.Destination, error) {
	addr, err := scp.ParseAddr(arg)
	if err != nil {
		return scu.Destination{}, command.Usagef("write AET@host:port, for example PACS@10.0.0.5:104", "%w", err)
	}
	return scu.Destination{Config: c, Peer: configs.Peer{Name: arg, AETitle: addr.AETitle, Address: addr.Host}}, nil
}
