// Package e2e runs the node as its users meet it: as a process of its own, killed and
// reloaded, and between the DICOM programs of others. What needs neither is tested beside
// the code. Most of the time its tests wait: for retries, for other programs, for a node that
// starts. So they run together.
package e2e

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
)

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "4"); err != nil { // the command line may say otherwise
		panic(err)
	}
	nodetest.Main(m, func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := cli.Program{Version: "test"}.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	})
}

// testNode is a node in this process.
type testNode struct {
	*node.Node
	nodetest.Running
}

// startNode runs a node on loopback until the test ends.
func startNode(t *testing.T, c configs.Config) *testNode {
	t.Helper()
	nodetest.RequireModel(t)
	codecs, err := codec.Open(codec.Options{Command: []string{codectest.Program(t)}})
	if err != nil {
		t.Fatal(err)
	}
	n := &testNode{}
	n.Running = nodetest.Run(t, func(log *slog.Logger) (_ nodetest.Server, err error) {
		n.Node, err = node.Open(t.Context(), node.Options{Config: c, Version: "test", Codecs: codecs, Log: log})
		return n.Node, err
	})
	return n
}
