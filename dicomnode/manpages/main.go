// Command manpages writes a manual page for each verb of dicomnode into the folder that
// it is called with, from the same text as --help. It is no part of the program.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"dicomnode/dicomnode/cli"
	"dicomnode/dicomnode/trainercmd"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: manpages FOLDER VERSION")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

// write makes the folder and fills it with dicomnode.1, dicomnode-serve.1 and so on.
func write(dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cli.Program{Version: version, Verbs: []*cobra.Command{trainercmd.Command(version)}}.Root()
	root.DisableAutoGenTag = true // else every build differs
	return doc.GenManTree(root, &doc.GenManHeader{Title: "DICOMNODE", Section: "1", Source: "dicomnode " + version, Manual: "dicomnode"}, dir)
}
