package main

import (
	"os"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/native"
)

// codecWorker becomes a codec worker, if the node started this process as one. It is
// no verb for people: it comes before the command line, which it has no part in.
func codecWorker() {
	if len(os.Args) > 1 && os.Args[1] == codec.WorkerArgument {
		os.Exit(codec.Work(native.Libraries{}, os.Args[2:], os.Stdin, os.Stdout))
	}
}
