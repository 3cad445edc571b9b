package node

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"dicomnode/configs"
)

// ReloadFile uses a valid file; an invalid one changes nothing.
func (n *Node) ReloadFile(path string) {
	c, warnings, err := configs.Inspect(path)
	var problems configs.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			n.log.Error("configuration not reloaded: "+p.String(), "hint", p.Hint)
		}
	case err != nil:
		n.log.Error("configuration not reloaded", "error", err)
	default:
		for _, w := range warnings {
			n.log.Warn("configuration: "+w.String(), "hint", w.Hint)
		}
		n.Reload(c)
	}
}

// Reload replaces peers, routes, retention and certificates; open associations continue. It
// logs what has changed, what waits for a restart, and which deliveries have lost their
// destination.
func (n *Node) Reload(c configs.Config) {
	old := n.config.Load()
	merged := *old
	merged.Peers, merged.Routes, merged.Retention = c.Peers, c.Routes, c.Retention
	n.reloadCertificates(&merged, c)
	n.config.Store(&merged)
	n.associations.close()
	n.destinations.forget()
	n.unrouted.forget()
	changed := differences(*old, c)
	taken := func(key string) bool { return slices.Contains(reloaded, key) }
	attrs := []any{"peers", len(c.Peers), "routes", len(c.Routes)}
	if list := slices.DeleteFunc(slices.Clone(changed), func(k string) bool { return !taken(k) }); len(list) > 0 {
		attrs = append(attrs, "changed", strings.Join(list, " "))
	}
	n.log.Info("configuration reloaded", attrs...)
	n.trail.Configured("configuration reloaded; changed: " + strings.Join(changed, " "))
	if list := slices.DeleteFunc(changed, taken); len(list) > 0 {
		n.log.Warn("changes wait for a restart", "keys", strings.Join(list, " "))
	}
	n.warnStranded(&merged)
	n.reportHeld()
}

// reportHeld logs the number of held deliveries: neither a start nor other routes release them.
func (n *Node) reportHeld() {
	held, err := n.archive.Held(context.Background())
	if err != nil {
		n.log.Error("cannot list held results", "error", err)
		return
	}
	if len(held) > 0 {
		n.log.Warn("deliveries are held", "deliveries", len(held), "hint", "dicomnode held list")
	}
}

// reloaded are the keys of the configuration that Reload replaces.
var reloaded = []string{"peers", "routes", "retention", "tls"}

// differences are the top-level keys in which two configurations differ.
func differences(a, b configs.Config) (keys []string) {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			key, _, _ := strings.Cut(va.Type().Field(i).Tag.Get("yaml"), ",")
			keys = append(keys, key)
		}
	}
	return keys
}

// warnStranded warns of deliveries whose destination is not in the configuration any more.
func (n *Node) warnStranded(c *configs.Config) {
	entries, err := n.archive.Queue(context.Background())
	if err != nil {
		n.log.Error("cannot look for deliveries without a destination", "error", err)
		return
	}
	waiting := map[string]int{}
	for _, e := range entries {
		if p, ok := c.Peer(e.Destination); e.Destination != "" && (!ok || !p.Callable()) {
			waiting[e.Destination]++
		}
	}
	for destination, jobs := range waiting {
		n.log.Warn("deliveries wait for a destination that the configuration no longer has", "destination", destination, "jobs", jobs,
			"hint", "write the peer back, or give them up: dicomnode queue drop "+destination)
	}
}
