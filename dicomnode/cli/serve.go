package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dicomnode/configs"
)

func serveCmd() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "serve [--config FILE]", Short: "receive, segment and deliver until stopped",
		Long: `Run the node: receive images from the peers of the configuration, segment
them, deliver the SEG to the PACS of their route. SIGTERM finishes open
associations and running jobs first. SIGHUP reads peers, routes and retention
again without dropping associations; a file with problems is reported and
changes nothing.
` + exitCodes,
		Example: "  dicomnode serve --config dicomnode.yaml",
		Args:    wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(path)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, path, newLog(c.Log, cmd.ErrOrStderr()))
		},
	}
	configFlag(cmd, &path)
	return cmd
}

func serve(ctx context.Context, c configs.Config, path string, log *slog.Logger) (err error) {
	n, err := openNode(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	ln, err := net.Listen("tcp", c.Node.Listen)
	if err != nil {
		return hinted(fmt.Errorf("listen: %w", err), "is another program using the port? see node: {listen: …}")
	}
	stop := n.reloadOnHangup(path)
	defer stop()
	log.Info("listening", "address", ln.Addr().String(), "ae_title", c.Node.AETitle, "peers", len(c.Peers), "routes", len(c.Routes))
	if len(c.Peers) == 0 {
		log.Warn("nobody may associate: the configuration lists no peers")
	}
	return n.Serve(ctx, ln)
}

// reloadOnHangup reads the configuration again on each SIGHUP until stop.
func (n *node) reloadOnHangup(path string) (stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer close(done)
		for range hangups {
			n.reloadFile(path)
		}
	}()
	return func() { signal.Stop(hangups); close(hangups); <-done }
}

// reloadFile takes over a good file and leaves everything as it is for a bad one.
func (n *node) reloadFile(path string) {
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
		n.reload(c)
	}
}

// newLog writes to w as the configuration says.
func newLog(c configs.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // validated before; an empty value means info
	}
	opt := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}
