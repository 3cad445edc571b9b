package scp_test

import (
	"bytes"
	"testing"

	"dicomnode/internal/dimse"
	"dicomnode/internal/ul"
	"dicomnode/scp/scptest"
)

// TestBadBytes sends invalid bytes. Each time the server answers with an A-ABORT as service
// provider and closes the connection.
func TestBadBytes(t *testing.T) {
	addr, _ := serve(t, &backend{})
	twice := request()
	twice.Contexts[1].ID = 1
	encoded := func(p ul.PDU) []byte {
		b, err := ul.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	item := encoded(request())
	item[6+68+2], item[6+68+3] = 0xFF, 0xFF
	huge := append([]byte{1, 0, 0xFF, 0xFF, 0xFF, 0xFF}, item[6:]...)
	command := func(c *dimse.Command, context byte) []byte { return encoded(commandPDU(t, c, context)) }
	for name, c := range map[string]struct {
		associated bool
		bytes      []byte
	}{
		"HTTP":                           {false, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		"TLS":                            {false, []byte{0x16, 3, 1, 2, 0, 1, 0, 1}},
		"request of 0xFFFFFFFF bytes":    {false, huge},
		"item longer than the request":   {false, item},
		"presentation context twice":     {false, encoded(twice)},
		"release before association":     {false, encoded(&ul.Release{})},
		"data before association":        {false, encoded(&ul.PData{})},
		"second request":                 {true, encoded(request())},
		"P-DATA of 0xFFFFFFFF bytes":     {true, []byte{4, 0, 0xFF, 0xFF, 0xFF, 0xFF}},
		"P-DATA over the announced":      {true, []byte{4, 0, 0, 2, 0, 1}},
		"PDV longer than the PDU":        {true, []byte{4, 0, 0, 0, 0, 10, 0, 0, 0xFF, 0xFF, 1, 3, 1, 2, 3, 4}},
		"PDV of 0xFFFFFFFF bytes":        {true, []byte{4, 0, 0, 0, 0, 10, 0xFF, 0xFF, 0xFF, 0xFF, 1, 3, 1, 2, 3, 4}},
		"PDV without control header":     {true, []byte{4, 0, 0, 0, 0, 6, 0, 0, 0, 1, 1, 3}},
		"PDV header cut":                 {true, []byte{4, 0, 0, 0, 0, 3, 0, 0, 0}},
		"garbage as command set":         {true, encoded(&ul.PData{Values: []ul.PDV{{ContextID: 1, Command: true, Last: true, Data: []byte("garbage")}}})},
		"data set without command":       {true, encoded(&ul.PData{Values: []ul.PDV{{ContextID: 1, Last: true, Data: []byte("xx")}}})},
		"context that was not accepted":  {true, command(echoRQ(), 99)},
		"response to no request":         {true, command(&dimse.Command{Field: dimse.CEchoRSP, DataSetType: dimse.NoDataset, Present: dimse.CommandField | dimse.CommandDataSetType | dimse.MessageIDBeingRespondedTo | dimse.StatusElement}, 3)},
		"endless command set":            {true, bytes.Repeat(encoded(&ul.PData{Values: []ul.PDV{{ContextID: 1, Command: true, Data: make([]byte, 8000)}}}), 3)},
		"A-ABORT of wrong size":          {true, []byte{7, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0}},
		"unexpected A-RELEASE-RP":        {true, encoded(&ul.Release{Response: true})},
		"command set without message ID": {true, command(&dimse.Command{Field: dimse.CEchoRQ, DataSetType: dimse.NoDataset, Present: dimse.CommandField | dimse.CommandDataSetType}, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := scptest.Dial(t, addr)
			if c.associated {
				p.SendPDU(request())
				scptest.Expect[*ul.Associate](p)
			}
			p.Send(c.bytes)
			if got := scptest.Expect[*ul.Abort](p); got.Source != ul.SourceProvider {
				t.Errorf("got A-ABORT of source %d, want %d", got.Source, ul.SourceProvider)
			}
			p.ExpectClosed()
		})
	}
}
