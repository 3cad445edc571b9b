package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/dicomtls"
)

func tlsCmd() *cobra.Command {
	return command.Group("tls", "make certificates for DICOM TLS", tlsInitCmd())
}

func tlsInitCmd() *cobra.Command {
	return &cobra.Command{
		Use: "init DIR NAME…", Short: "make a CA and certificates for a first test",
		Long: `Make a CA in DIR (ca.crt and ca.key) and, for each NAME (host name or IP address),
a certificate and its key, signed by that CA. The first NAME is this node's. If DIR
has a CA already, it signs the new names; nothing is overwritten. If your hospital
has a CA, use that instead. In either case do not keep ca.key on the node.
` + command.ExitCodes,
		Example: "  dicomnode tls init /etc/dicomnode/tls node.hospital.example pacs.hospital.example",
		Args:    command.WantArgs(2, -1, "a folder and the names of the node and its peers"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := dicomtls.Init(args[0], args[1:]...); err != nil {
				return fmt.Errorf("make certificates: %w", err)
			}
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), `Certificates are in %s. For the configuration of this node:

tls:
  listen: ":2762"
  certificate: %s
  key: %[3]s
  ca: %[4]s

Copy ca.crt and each peer's own NAME.crt and NAME.key to that peer, and write behind its
address: tls: {name: NAME}
`, dir, filepath.Join(dir, dicomtls.FileName(args[1])+".crt"), filepath.Join(dir, dicomtls.FileName(args[1])+".key"), filepath.Join(dir, "ca.crt"))
			return err
		},
	}
}
