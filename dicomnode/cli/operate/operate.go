// Package operate has the verbs for whoever looks after a node that runs: what it does,
// what became of an image, the queue, what is stored. Each is flags, one call into
// dicomnode/inspect or internal/archive, and what it prints.
package operate

import "github.com/spf13/cobra"

// Commands are the verbs.
func Commands() []*cobra.Command {
	return []*cobra.Command{statusCmd(), findCmd(), resendCmd(), reprocessCmd(), queueCmd(), heldCmd(), drainCmd(), archiveCmd()}
}
