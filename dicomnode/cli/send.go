package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"dicomnode/internal/part10"
	"dicomnode/scp"
)

func sendCmd() *cobra.Command {
	var flags peerFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "send PEER|AET@host:port FILES… [--json]", Short: "send DICOM files to a peer (C-STORE)",
		Long: `Send DICOM files, or all of a folder, over one association, each in the
transfer syntax it is stored in. Files that a peer refuses are listed; the
others are sent all the same.
` + exitCodes,
		Example: "  dicomnode send PACS@10.0.0.5:104 study/",
		Args:    wantArgs(2, -1, "a peer and files or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := flags.find(cmd, args[0])
			if err != nil {
				return err
			}
			files, err := expand(args[1:])
			if err != nil {
				return err
			}
			return d.sendFiles(cmd, files, asJSON)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// sent is what became of one file.
type sent struct {
	File   string `json:"file"`
	Status string `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}

func (d destination) sendFiles(cmd *cobra.Command, files []string, asJSON bool) error {
	bar := newProgress(cmd.ErrOrStderr(), len(files), "sending")
	results, err := d.storeFiles(cmd.Context(), files, func() { _ = bar.Add(1) }) // cosmetic
	if results == nil {
		return err
	}
	return errors.Join(err, reportSent(cmd, results, asJSON))
}

// storeFiles sends the files over one association and calls step after each.
// Without results nothing was sent.
func (d destination) storeFiles(ctx context.Context, files []string, step func()) ([]sent, error) {
	headers, results := readHeaders(files)
	client, err := d.dial(ctx, proposalsFor(headers)...)
	if err != nil {
		return nil, err
	}
	defer client.Abort() // no effect after Release
	for i, path := range files {
		if results[i].Error == "" {
			results[i] = sendFile(ctx, client, path, headers[i])
		}
		step()
	}
	return results, client.Release(ctx)
}

// readHeaders reads what identifies each file, and notes those that cannot be read.
func readHeaders(files []string) ([]part10.Header, []sent) {
	headers, results := make([]part10.Header, len(files)), make([]sent, len(files))
	for i, path := range files {
		results[i].File = path
		h, err := readHeader(path)
		if err != nil {
			results[i].Error = err.Error()
		}
		headers[i] = h
	}
	return headers, results
}

func readHeader(path string) (part10.Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return part10.Header{}, err
	}
	defer f.Close()
	return part10.ReadHeader(f)
}

// proposalsFor proposes each SOP class in the transfer syntaxes its files have.
func proposalsFor(headers []part10.Header) []scp.Proposal {
	var proposals []scp.Proposal
	for _, h := range headers {
		p := scp.Proposal{AbstractSyntax: h.SOPClassUID, TransferSyntaxes: []string{h.TransferSyntaxUID}}
		known := slices.ContainsFunc(proposals, func(q scp.Proposal) bool {
			return q.AbstractSyntax == p.AbstractSyntax && q.TransferSyntaxes[0] == p.TransferSyntaxes[0]
		})
		if h.SOPClassUID != "" && !known {
			proposals = append(proposals, p)
		}
	}
	return proposals
}

func sendFile(ctx context.Context, client *scp.Client, path string, h part10.Header) sent {
	s := sent{File: path}
	if !client.Accepted(h.SOPClassUID, h.TransferSyntaxUID) {
		s.Error = fmt.Sprintf("the peer does not accept SOP class %s in transfer syntax %s", h.SOPClassUID, h.TransferSyntaxUID)
		return s
	}
	status, err := storeFile(ctx, client, path, h)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Status = fmt.Sprintf("%04X", uint16(status))
	if err := deliveryResult(status); err != nil {
		s.Error = err.Error()
	}
	return s
}

func storeFile(ctx context.Context, client *scp.Client, path string, h part10.Header) (scp.Status, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(h.DatasetOffset, io.SeekStart); err != nil {
		return 0, err
	}
	status, err := client.Store(ctx, scp.StoreRequest{SOPClassUID: h.SOPClassUID, SOPInstanceUID: h.SOPInstanceUID, TransferSyntaxUID: h.TransferSyntaxUID}, f)
	var refused *scp.StatusError
	if errors.As(err, &refused) {
		err = nil // judged by its status
	}
	return status, err
}

func reportSent(cmd *cobra.Command, results []sent, asJSON bool) error {
	failed := 0
	for _, s := range results {
		if s.Error != "" {
			failed++
		}
	}
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), results); err != nil {
			return err
		}
	} else {
		for _, s := range results {
			if s.Error != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", s.File, s.Error)
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d of %d files sent\n", len(results)-failed, len(results))
	}
	if failed > 0 {
		return fmt.Errorf("send: %d of %d files were not stored", failed, len(results))
	}
	return nil
}
