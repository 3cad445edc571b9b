package node

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/configs"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/audit"
	"dicomnode/internal/codec"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

var cell = regexp.MustCompile(`\s*\|\s*`)

// conformanceTable returns the cells of the rows of the first table after the
// text, without its heading.
func conformanceTable(t *testing.T, doc, after string) [][]string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, after)
	if !ok {
		t.Fatalf("docs/conformance.md lacks %q", after)
	}
	var rows [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		rows = append(rows, cell.Split(strings.Trim(line, "| "), -1))
	}
	if len(rows) < 3 {
		t.Fatalf("no table follows %q", after)
	}
	return rows[2:]
}

func column(rows [][]string, i int) []string {
	values := make([]string, len(rows))
	for k, r := range rows {
		values[k] = r[i]
	}
	return values
}

func conformance(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the statement says is what the server is given to negotiate.
func TestConformanceDoc(t *testing.T) {
	doc := conformance(t)
	c := configs.Default()
	server := newServer(c, nil, codec.All(), nil)

	var classes []string
	for _, context := range server.Contexts {
		classes = append(classes, context.AbstractSyntax)
	}
	said := column(conformanceTable(t, doc, "### SOP classes accepted"), 1)
	if d := cmp.Diff(sorted(classes), sorted(said)); d != "" {
		t.Errorf("SOP classes (-code +doc):\n%s", d)
	}
	syntaxes := column(conformanceTable(t, doc, "### Transfer syntaxes accepted"), 1)
	for _, context := range server.Contexts {
		if context.AbstractSyntax == uid.Verification || context.AbstractSyntax == uid.StorageCommitmentPushModel {
			continue
		}
		if d := cmp.Diff(context.TransferSyntaxes, syntaxes); d != "" {
			t.Errorf("transfer syntaxes of %s (-code +doc):\n%s", context.AbstractSyntax, d)
		}
	}
}

func sorted(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }

func TestConformanceDocLimits(t *testing.T) {
	server := newServer(configs.Default(), nil, nil, nil)
	dialer := scu.NewDialer(configs.Default())
	want := map[string]string{
		"network.max_pdu_length":            fmt.Sprint(server.MaxPDULength),
		"network.max_associations":          fmt.Sprint(server.MaxAssociations),
		"network.max_associations_per_peer": fmt.Sprint(server.MaxAssociationsPerPeer),
		"network.request_timeout":           server.AssociationTimeout.String(),
		"network.idle_timeout":              server.IdleTimeout.String(),
		"network.read_timeout":              server.ReadTimeout.String(),
		"network.response_timeout":          dialer.ResponseTimeout.String(),
		"network.write_timeout":             server.WriteTimeout.String(),
		"network.connect_timeout":           dialer.DialTimeout.String(),
		"network.commitment_wait":           configs.Default().Network.CommitmentWait.String(),
	}
	got := map[string]string{}
	for _, row := range conformanceTable(t, conformance(t), "### 4.4 Configuration") {
		got[row[1]] = row[2]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("limits (-code +doc):\n%s", d)
	}
}

func TestConformanceDocIdentity(t *testing.T) {
	doc := conformance(t)
	for _, want := range []string{uid.Implementation, uid.ImplementationVersionName} {
		if !strings.Contains(doc, "| "+want+" |") {
			t.Errorf("docs/conformance.md does not say %s", want)
		}
	}
}

// Each status the node may answer, and what it does about each it hears.
func TestConformanceDocStatuses(t *testing.T) {
	doc := conformance(t)
	said := column(conformanceTable(t, doc, "### C-STORE statuses"), 0)
	for _, s := range storeStatuses {
		if code := fmt.Sprintf("%04X", uint16(s.status)); !slices.Contains(said, code) {
			t.Errorf("status %s is answered but not in docs/conformance.md", code)
		}
	}
	rows := conformanceTable(t, doc, "#### 4.2.1.3 Association initiation\n")
	if rows[0][1] != uid.SegmentationStorage {
		t.Errorf("the SCU's first SOP class is %s, want %s", rows[0][1], uid.SegmentationStorage)
	}
}

// What is negotiated for storage commitment, and what each Failure Reason leads to.
func TestConformanceDocCommitment(t *testing.T) {
	doc := conformance(t)
	for _, row := range conformanceTable(t, doc, "#### 4.2.1.3 Association initiation\n") {
		if row[1] != uid.StorageCommitmentPushModel {
			continue
		}
		if got := strings.Split(row[2], ", "); got[0] != uid.Name(commitmentProposal.TransferSyntaxes[0]) || got[1] != uid.Name(commitmentProposal.TransferSyntaxes[1]) || len(got) != len(commitmentProposal.TransferSyntaxes) {
			t.Errorf("storage commitment is proposed in %v, the statement says %v", commitmentProposal.TransferSyntaxes, got)
		}
	}
	for _, context := range supportedContexts(configs.Default(), nil) {
		if commits := context.AbstractSyntax == uid.StorageCommitmentPushModel; commits != (context.PeerRoles == scp.SCURole|scp.SCPRole) {
			t.Errorf("%s: roles %b of the peer", uid.Name(context.AbstractSyntax), context.PeerRoles)
		}
	}
	words := map[scu.CommitmentVerdict]string{scu.SendAgain: "is sent again", scu.RequestAgain: "is requested again under a new Transaction UID", scu.NeverCommitted: "is quarantined"}
	rows := conformanceTable(t, doc, "##### Request commitment")
	if len(rows) != 8 {
		t.Errorf("%d Failure Reasons in the statement", len(rows))
	}
	for _, row := range rows {
		reason := scu.NoReason
		if row[0] == "any other" {
			reason = 0x0999
		} else if !strings.HasPrefix(row[0], "none") {
			if _, err := fmt.Sscanf(row[0], "%04X", &reason); err != nil {
				t.Fatal(err)
			}
		}
		if verdict, _ := scu.JudgeCommitment(reason); !strings.HasPrefix(row[1], words[verdict]) {
			t.Errorf("%s: the statement says %q, the node does %q", row[0], row[1], words[verdict])
		}
	}
}

// Every event that the audit trail knows is in the statement, and no other.
func TestConformanceDocAudit(t *testing.T) {
	var said []string
	for _, row := range conformanceTable(t, conformance(t), "### 7.2 Audit trail") {
		said = append(said, strings.Fields(row[0])[0])
		for _, code := range strings.Split(row[1], ", ") {
			if code != "" {
				said = append(said, strings.Fields(code)[0])
			}
		}
	}
	slices.Sort(said)
	if d := cmp.Diff(sorted(audit.Events()), slices.Compact(said)); d != "" {
		t.Errorf("audit events (-code +doc):\n%s", d)
	}
}

// The limits that package scp has of its own are those of the default configuration.
func TestDefaultTimeouts(t *testing.T) {
	if got, want := configs.Default().Network.IdleTimeout, scp.DefaultIdleTimeout; got != want {
		t.Errorf("idle time-out of the configuration is %v, of package scp %v", got, want)
	}
}
