package main

import (
	"context"
	"fmt"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
)

// segOutput is the SEG of one image, addressed to the destinations of its route.
// An image whose attributes cannot be carried over is not worth another try.
func segOutput(c *configs.Config, route configs.Route, img *decode.Image, res *segment.Result) (archive.Output, error) {
	s, err := seg.New(img, res, segOptions(*c))
	if err != nil {
		return archive.Output{}, archive.Permanent(err)
	}
	return archive.Output{
		SOPClassUID: uid.SegmentationStorage, SOPInstanceUID: s.UID(),
		TransferSyntaxUID: uid.ExplicitVRLittleEndian, Destinations: route.SendTo, Write: s.Encode,
	}, nil
}

// deliver does a deliver job: C-STORE to the destination. Only a success or a
// warning is done (PS3.4 B.2.3).
func (n *node) deliver(ctx context.Context, o archive.Object, destination string) error {
	peer, ok := n.config.Load().Peer(destination)
	if !ok || !peer.Callable() {
		return fmt.Errorf("deliver: no callable peer is named %q in the configuration", destination)
	}
	begun := time.Now()
	status, err := n.lines.store(ctx, peer, o)
	if err != nil {
		return quarantine(fmt.Errorf("deliver to %s: %w", destination, err))
	}
	if err := deliveryResult(status); err != nil {
		return fmt.Errorf("deliver to %s: %w", destination, err)
	}
	n.log.Info("object delivered", "object", o.ID, "destination", destination, "status", fmt.Sprintf("%04X", uint16(status)), "took", time.Since(begun))
	return nil
}

// deliveryResults says what to do about a C-STORE status; the first line that
// matches status&mask counts (PS3.4 Table B.2-1, PS3.7 annex C).
var deliveryResults = []struct {
	mask, status scp.Status
	result       func(error) error // nil: delivered
	words        string
}{
	{0xFFFF, 0x0000, nil, "success"},
	{0xF000, 0xB000, nil, "warning: stored with coercion or discarded elements"},
	{0xFFFF, 0x0001, nil, "warning"},
	{0xFFFF, 0x0107, nil, "warning: attribute list error"},
	{0xFFFF, 0x0116, nil, "warning: attribute value out of range"},
	{0xFFFF, 0x0111, nil, "duplicate SOP instance: it has the object already"},
	{0xFF00, 0xA700, retry, "out of resources"},
	{0xFFFF, 0x0110, retry, "processing failure"},
	{0xFFFF, 0x0213, retry, "resource limitation"},
	{0xFFFF, 0x0124, retry, "refused: not authorized"},
	{0xFFFF, 0xFE00, retry, "cancelled"},
	{0xFFFF, 0x0122, archive.Permanent, "SOP class not supported"},
	{0xFF00, 0xA900, archive.Permanent, "data set does not match SOP class"},
	{0xF000, 0xC000, archive.Permanent, "cannot understand"},
	{0x0000, 0x0000, archive.Permanent, "failure"},
}

func retry(err error) error { return err }

func deliveryResult(status scp.Status) error {
	for _, r := range deliveryResults {
		if status&r.mask != r.status {
			continue
		}
		if r.result == nil {
			return nil
		}
		return r.result(fmt.Errorf("status %04X (%s)", uint16(status), r.words))
	}
	return nil
}
