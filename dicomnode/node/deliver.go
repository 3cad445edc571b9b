package node

import (
	"context"
	"fmt"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
)

// segOutput is the SEG of one image, addressed to the destinations of its route.
// An image whose attributes cannot be carried over is not worth another try.
func (n *Node) segOutput(c *configs.Config, route configs.Route, img *decode.Image, res *segment.Result) (archive.Output, error) {
	s, err := seg.New(img, res, pipeline.SEGOptions(*c, n.version))
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
func (n *Node) deliver(ctx context.Context, o archive.Object, destination string) (archive.Answer, error) {
	peer, ok := n.config.Load().Peer(destination)
	if !ok || !peer.Callable() {
		return archive.Answer{}, fmt.Errorf("deliver: no callable peer is named %q in the configuration", destination)
	}
	begun := time.Now()
	status, err := n.associations.store(ctx, peer, o)
	if err != nil {
		return archive.Answer{}, quarantine(fmt.Errorf("deliver to %s: %w", destination, err))
	}
	answer := archive.Answer{Status: int(status), Words: status.String()}
	if verdict, err := scu.Judge(status); err != nil {
		return answer, refusal(verdict, fmt.Errorf("deliver to %s: %w", destination, err))
	}
	n.log.Info("object delivered", "object", o.ID, "destination", destination, "status", fmt.Sprintf("%04X", uint16(status)), "took", time.Since(begun))
	return answer, nil
}

// refusal keeps the queue from trying again what the peer takes no other time.
func refusal(v scu.Verdict, err error) error {
	if v == scu.Refused {
		return archive.Permanent(err)
	}
	return err
}
