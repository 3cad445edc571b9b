// Package operate has the verbs for operating a running node: its state, the history of images,
// the queue, the archive. Each has flags, makes one call into dicomnode/inspect or
// internal/archive, and prints.
package operate

import "github.com/spf13/cobra"

// Commands are the verbs.
func Commands() []*cobra.Command {
	return []*cobra.Command{statusCmd(), findCmd(), resendCmd(), reprocessCmd(), queueCmd(), heldCmd(), drainCmd(), archiveCmd()}
}
