package node

import (
	"dicomnode/configs"
	"errors"
)

// ReloadFile takes over a good file and leaves everything as it is for a bad one.
func (n *Node) ReloadFile(path string) {
	c, err := configs.Load(path)
	var problems configs.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			n.log.Error("configuration not reloaded: "+p.String(), "hint", p.Hint)
		}
	case err != nil:
		n.log.Error("configuration not reloaded", "error", err)
	default:
		n.Reload(c)
	}
}

// Reload takes over peers, routes and retention; open associations go on.
func (n *Node) Reload(c configs.Config) {
	old := n.config.Load()
	merged := *old
	merged.Peers, merged.Routes, merged.Retention = c.Peers, c.Routes, c.Retention
	n.config.Store(&merged)
	n.associations.close()
	n.destinations.forget()
	n.unrouted.forget()
	n.log.Info("configuration reloaded", "peers", len(c.Peers), "routes", len(c.Routes))
}
