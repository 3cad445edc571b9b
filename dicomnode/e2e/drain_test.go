package e2e

import (
	"errors"
	"strings"
	"testing"

	"dicomnode/dicomnode/cli"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// TestDrainWaits: "dicomnode drain" has further associations refused, for the moment,
// and waits for the open one.
func TestDrainWaits(t *testing.T) {
	t.Parallel()
	k := nodetest.NewProcess(t, "peers:\n  - {name: modality, ae_title: MODALITY, address: 127.0.0.1}\n")
	k.Start(t)
	open, err := k.As("MODALITY").Dial(t.Context(), scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Abort()
	var out, errOut nodetest.Buffer
	code := make(chan int, 1)
	go func() {
		code <- cli.Program{}.Run(t.Context(), []string{"drain", "--config", k.Config, "--timeout", "60s"}, &out, &errOut)
	}()
	nodetest.Until(t, "the open association", func() bool { return strings.Contains(out.String(), "1 association open") })
	var refused *scp.RejectError
	if _, err := k.As("MODALITY").Echo(t.Context()); !errors.As(err, &refused) || !refused.Transient() {
		t.Errorf("another association: %v, want it refused for the moment", err)
	}
	if strings.Contains(out.String(), "drained") {
		t.Errorf("drained with an association open: %s", out.String())
	}
	if err := open.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := <-code; c != 0 || !strings.Contains(out.String(), "drained") {
		t.Errorf("exit code %d: %s%s", c, out.String(), errOut.String())
	}
	k.Stop(t)
	k.Start(t)
	if _, err := k.As("MODALITY").Echo(t.Context()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	k.Stop(t)
}
