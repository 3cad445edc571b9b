package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/dicomnode/node"
	"dicomnode/internal/hint"
)

func serveCmd(version string) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "serve [--config FILE]", Short: "receive, segment and deliver until stopped",
		Long: `Run the node: receive images from the peers of the configuration, segment
them, and deliver the results to the destinations of their route. On SIGTERM it
finishes open associations and running jobs. On SIGHUP it reloads peers, routes and
retention without dropping associations; an invalid file is reported and changes
nothing.
` + command.ExitCodes,
		Example: "  dicomnode serve --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := command.LoadConfig(path)
			if err != nil {
				return err
			}
			log := newLog(c.Log, cmd.ErrOrStderr())
			if _, warnings, err := configs.Inspect(path); err == nil {
				for _, w := range warnings {
					log.Warn("configuration: "+w.String(), "hint", w.Hint)
				}
			}
			return serve(cmd.Context(), node.Options{Config: c, Version: version, Log: log}, path)
		},
	}
	command.ConfigFlag(cmd, &path)
	return cmd
}

func serve(ctx context.Context, o node.Options, path string) (err error) {
	c, log := o.Config, o.Log
	if err := inspect.Writable(c); err != nil { // before anything in the data folder is read
		return fmt.Errorf("node: data_dir: %w", err)
	}
	n, err := node.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	listeners, err := listen(c, n)
	if err != nil {
		return err
	}
	m := manager{log}
	stop := reloadOnHangup(m, n, path)
	defer stop()
	log.Info("listening", "address", addresses(listeners), "ae_title", c.Node.AETitle, "peers", len(c.Peers), "routes", len(c.Routes))
	if len(c.Peers) == 0 {
		log.Warn("no association will be accepted: the configuration lists no peers")
	}
	m.tell(ready)
	return supervised(ctx, m, n, listeners)
}

// supervised runs the node, and reports to the service manager that it is alive, until the last
// job has ended, and when it begins to stop.
func supervised(ctx context.Context, m manager, n *node.Node, listeners []net.Listener) error {
	serving, ended := context.WithCancel(context.WithoutCancel(ctx))
	defer ended()
	defer context.AfterFunc(ctx, func() { m.tell(stopping) })()
	go m.watch(serving, n.Alive)
	return n.Serve(ctx, listeners...)
}

// listen opens the ports of the configuration: plain DICOM, DICOM TLS, or both.
func listen(c configs.Config, n *node.Node) (listeners []net.Listener, err error) {
	for _, port := range []struct {
		key, address string
		secure       func(net.Listener) net.Listener
	}{
		{"node", c.Node.Listen, func(ln net.Listener) net.Listener { return ln }},
		{"tls", c.TLS.Listen, n.Secure},
	} {
		if port.address == "" {
			continue
		}
		ln, err := net.Listen("tcp", port.address)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close()
			}
			return nil, listenHint(fmt.Errorf("%s: listen: %w", port.key, err))
		}
		listeners = append(listeners, port.secure(ln))
	}
	return listeners, nil
}

func addresses(listeners []net.Listener) string {
	var all []string
	for _, ln := range listeners {
		all = append(all, ln.Addr().String())
	}
	return strings.Join(all, ", ")
}

// listenHints are hints for a port that cannot be opened.
var listenHints = []struct {
	err  error
	text string
}{
	{syscall.EADDRINUSE, "another program, or another node, uses the port; see listen: under node: or tls:"},
	{syscall.EACCES, "a port below 1024 requires the capability CAP_NET_BIND_SERVICE (AmbientCapabilities= in the systemd unit); or listen on 11112: node: {listen: \":11112\"}"},
	{syscall.EADDRNOTAVAIL, "no interface of this machine has that address; \":11112\" listens on all of them: node: {listen: \":11112\"}"},
}

func listenHint(err error) error {
	for _, h := range listenHints {
		if errors.Is(err, h.err) {
			return hint.Add(err, h.text)
		}
	}
	return hint.Add(err, "see listen: under node: or tls:")
}

// reloadOnHangup reloads the configuration on each SIGHUP until stop.
func reloadOnHangup(m manager, n *node.Node, path string) (stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer close(done)
		for range hangups {
			m.reloading(func() { n.ReloadFile(path) })
		}
	}()
	return func() { signal.Stop(hangups); close(hangups); <-done }
}

// withUnits writes a duration with its unit, because a bare number of nanoseconds is hard to
// read in JSON.
func withUnits(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// newLog is a logger to w as configured.
func newLog(c configs.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // validated before; an empty value means info
	}
	opt := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		opt.ReplaceAttr = withUnits
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}
