package exportcmd

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/scu"
	"dicomnode/dicomnode/trail"
	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
	"dicomnode/internal/hint"
	"dicomnode/scp"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/fromnode"
	"dicomnode/trainer/export/frompacs"
)

// openSource opens the node's archive, or describes the PACS, where that is the
// source.
func (f *exportFlags) openSource(cmd *cobra.Command, opt *export.Options) (closeSource func() error, err error) {
	nothing := func() error { return nil }
	switch {
	case f.PACS != "":
		opt.Source, err = f.pacs(cmd, opt)
		return nothing, err
	case !f.Node:
		return nothing, nil
	}
	c, err := command.LoadConfig(f.Config)
	if err != nil {
		return nil, err
	}
	s, err := fromnode.Open(cmd.Context(), c.Node.ArchiveDir(), opt.Filter)
	if err != nil {
		return nil, hint.Add(err, "--config names the node whose archive is exported")
	}
	notes, err := trail.Open(c)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if notes != nil && !f.dryRun {
		s.Note = func(all []archive.Object) error { return notes.Exported(f.Out, all...) }
	}
	opt.Source = s
	return s.Close, nil
}

// pacs is the PACS of --from-pacs as a source.
func (f *exportFlags) pacs(cmd *cobra.Command, opt *export.Options) (*frompacs.Source, error) {
	c, err := f.config()
	if err != nil {
		return nil, err
	}
	if f.Calling != "" {
		c.Node.AETitle = f.Calling
	}
	peer, err := f.peer(c)
	if err != nil {
		return nil, err
	}
	id, err := scu.Identity(c.TLS)
	if err != nil {
		return nil, err
	}
	s := &frompacs.Source{
		Dialer: *scu.Secure(scu.NewDialer(c), id, peer), PACS: scu.Addr(peer), Filter: opt.Filter, Local: f.finishing,
		Companions: slices.Contains(opt.Formats, export.DICOM), Folder: filepath.Join(filepath.Clean(f.Out)+".work", "retrieved"),
	}
	if s.Receive, err = receiver(f.Receive); err != nil {
		return nil, err
	}
	if err := noted(s, c, peer); err != nil {
		return nil, err
	}
	finished, err := export.ReadManifest(f.Out)
	if err != nil {
		return nil, err
	}
	s.Have = func(instance string) bool {
		_, ok := finished[opt.Deidentify.Key.ID("instance", instance)]
		return ok
	}
	if !f.asJSON {
		bar := command.NewProgress(cmd.ErrOrStderr(), 1000, "retrieving")
		s.Progress = func(done, total int) { _ = bar.Set(1000 * done / max(1, total)) } // cosmetic
	}
	return s, nil
}

// noted records in the audit trail, if the configuration has one, what a PACS is asked and
// what it sends.
func noted(s *frompacs.Source, c configs.Config, peer configs.Peer) error {
	notes, err := trail.Open(c)
	if notes == nil || err != nil {
		return err
	}
	us, pacs := audit.AE{Title: c.Node.AETitle}, audit.AE{Title: peer.AETitle, Address: peer.Host()}
	s.Asks = func(q scp.Query) error {
		return notes.Queries(audit.Query{From: us, To: pacs, SOPClassUID: q.SOPClassUID, TransferSyntaxUID: q.TransferSyntaxUID, Identifier: q.Identifier})
	}
	s.Retrieved = func(files []string) error { return notes.Retrieved(pacs, us, files) }
	return nil
}

// peer resolves --from-pacs.
func (f *exportFlags) peer(c configs.Config) (configs.Peer, error) {
	if strings.Contains(f.PACS, "@") {
		addr, err := scp.ParseAddr(f.PACS)
		if err != nil {
			return configs.Peer{}, command.Usagef("write AET@host:port, for example PACS@10.0.0.5:104", "%w", err)
		}
		return configs.Peer{Name: f.PACS, AETitle: addr.AETitle, Address: addr.Host}, nil
	}
	p, ok := c.Peer(f.PACS)
	if !ok || !p.Callable() {
		return p, command.Usagef("list it under peers: with address and port, or write AET@host:port", "no peer that can be called is named %q in %s", f.PACS, f.Config)
	}
	return p, nil
}

// receiver reads --receive.
func receiver(text string) (*frompacs.Receiver, error) {
	if text == "" {
		return nil, nil
	}
	addr, err := scp.ParseAddr(text)
	if err != nil {
		return nil, command.Usagef("for example --receive XNETEXPORT@0.0.0.0:11113", "%w", err)
	}
	return &frompacs.Receiver{Title: addr.AETitle, Listen: addr.Host}, nil
}

// count says what a PACS has, for --dry-run.
func (f *exportFlags) count(cmd *cobra.Command, s *frompacs.Source) error {
	found, err := s.Count(cmd.Context())
	if err != nil {
		return hintedExport(err, f.Out)
	}
	refused := 0
	for _, n := range s.Refused() {
		refused += n
	}
	if f.asJSON {
		return command.PrintJSON(cmd.OutOrStdout(), map[string]int{
			"patients": found.Patients, "studies": found.Studies, "images": found.Images, "objects": found.Companions, "refused": refused,
		})
	}
	_, err = io.WriteString(cmd.OutOrStdout(), fmt.Sprintf("the PACS has %s of %s in %s, %s, %d of classes that are not exported; nothing was retrieved\n", command.Plural(found.Images, "image"),
		command.Plural(found.Patients, "patient"), command.Plural(found.Studies, "study"), command.Plural(found.Companions, "other object"), refused))
	return err
}
