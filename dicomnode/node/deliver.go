package node

import (
	"context"
	"fmt"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

// outputs are the objects of one image, addressed to the destinations of its route. One
// that cannot be made does not hold up the others; an image of which nothing can be made
// is not worth another try.
func (n *Node) outputs(c *configs.Config, route configs.Route, o archive.Object, img *decode.Image, res *segment.Result) ([]archive.Output, error) {
	objects, err := outputs.New(*c, n.version, img, res).Route(route)
	if err != nil && len(objects) == 0 {
		return nil, archive.Permanent(err)
	}
	if err != nil {
		n.log.Error("output not made", "object", o.ID, "route", route.Name, "error", err)
	}
	out := make([]archive.Output, len(objects))
	for i, m := range objects {
		out[i] = archive.Output{
			SOPClassUID: m.SOPClassUID, SOPInstanceUID: m.SOPInstanceUID,
			TransferSyntaxUID: uid.ExplicitVRLittleEndian, Destinations: m.Destinations, Write: m.Encode,
		}
	}
	return out, nil
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
