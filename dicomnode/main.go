// Command dicomnode is a DICOM node for X-ray images: it receives them by
// C-STORE (PS3.4 B), segments them with XNet into open beam, soft tissue and
// bone, and sends the result back as a Segmentation (PS3.3 A.51).
//
// This package only joins the verbs of the node and of the trainer. It is not a
// medical device; what it writes is not for diagnostic use.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli"
	"dicomnode/dicomnode/trainercmd"
	"dicomnode/internal/codec"
	"dicomnode/internal/codec/native"
)

// version is set by the linker (see the Makefile).
var version = "development"

func main() {
	codec.Become(native.Libraries{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := program().Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func program() cli.Program {
	return cli.Program{Version: version, Verbs: []*cobra.Command{trainercmd.Command(version)}}
}
