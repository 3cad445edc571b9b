package scu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"dicomnode/internal/part10"
	"dicomnode/scp"
)

// Sent is the result of sending one file.
type Sent struct {
	File   string `json:"file"`
	Status string `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	Final  bool   `json:"-"` // it was refused: sending it again fails again
}

// StoreFiles sends the files over one association and calls step after each. No results means
// that nothing was sent.
func (d Destination) StoreFiles(ctx context.Context, files []string, step func()) ([]Sent, error) {
	headers, results := readHeaders(files)
	proposals := Proposals(headers)
	if len(proposals) == 0 { // no file can be read; see the results
		return results, nil
	}
	client, err := d.Dial(ctx, proposals...)
	if err != nil {
		return nil, err
	}
	defer client.Abort() // no effect after Release
	for i, path := range files {
		if results[i].Error == "" {
			results[i] = StoreFile(ctx, client, path, headers[i])
		}
		step()
	}
	d.release(ctx, client)
	return results, nil
}

// readHeaders reads the identifying attributes of each file, and records those that cannot be
// read.
func readHeaders(files []string) ([]part10.Header, []Sent) {
	headers, results := make([]part10.Header, len(files)), make([]Sent, len(files))
	for i, path := range files {
		results[i].File = path
		h, err := ReadHeader(path)
		if err != nil {
			results[i].Error = err.Error()
		}
		headers[i] = h
	}
	return headers, results
}

// ReadHeader reads the identifying attributes of a Part 10 file.
func ReadHeader(path string) (part10.Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return part10.Header{}, err
	}
	defer f.Close()
	return part10.ReadHeader(f)
}

// Proposals proposes each SOP class in the transfer syntaxes of its files, and in those to
// which they can be converted.
func Proposals(headers []part10.Header) []scp.Proposal {
	var proposals []scp.Proposal
	for _, h := range headers {
		if h.SOPClassUID == "" {
			continue
		}
		p := Proposal(h.SOPClassUID, h.TransferSyntaxUID)
		i := slices.IndexFunc(proposals, func(q scp.Proposal) bool { return q.AbstractSyntax == p.AbstractSyntax })
		if i < 0 {
			proposals = append(proposals, p)
			continue
		}
		for _, ts := range p.TransferSyntaxes {
			if !slices.Contains(proposals[i].TransferSyntaxes, ts) {
				proposals[i].TransferSyntaxes = append(proposals[i].TransferSyntaxes, ts)
			}
		}
	}
	return proposals
}

// StoreFile sends a file, of which h is the header, over an association.
func StoreFile(ctx context.Context, client *scp.Client, path string, h part10.Header) Sent {
	s := Sent{File: path}
	if refused := Refusal(client, h.SOPClassUID, h.TransferSyntaxUID); refused != nil {
		s.Error, s.Final = refused.Error(), !refused.Transient()
		return s
	}
	status, err := store(ctx, client, path, h)
	var answered *scp.StatusError
	if err != nil && !errors.As(err, &answered) {
		s.Error = err.Error()
		return s
	}
	s.Status = fmt.Sprintf("%04X", uint16(status))
	if verdict, err := Judge(status); err != nil {
		s.Error, s.Final = err.Error(), verdict == Refused
		if answered != nil && answered.Comment != "" {
			s.Error += fmt.Sprintf(", Error Comment %q", answered.Comment)
		}
	}
	return s
}

func store(ctx context.Context, client *scp.Client, path string, h part10.Header) (scp.Status, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(h.DatasetOffset, io.SeekStart); err != nil {
		return 0, err
	}
	return Store(ctx, client, scp.StoreRequest{SOPClassUID: h.SOPClassUID, SOPInstanceUID: h.SOPInstanceUID, TransferSyntaxUID: h.TransferSyntaxUID}, f)
}
