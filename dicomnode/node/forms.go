package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
)

// refusedForms are the SOP classes that a destination has refused, as recorded in the archive:
// it gets the next of its forms instead.
type refusedForms struct {
	AETitle string    `json:"ae_title"` // whose configuration this is
	Address string    `json:"address"`
	Since   time.Time `json:"since"`
	Classes []string  `json:"sop_classes"`
}

// refusedFormsTime is how long a refusal counts; then the form is tried again, because the
// destination may have been upgraded.
const refusedFormsTime = 7 * 24 * time.Hour

func refusedFormsKey(peer configs.Peer) string { return "unwanted:" + peer.Name }

// refusedForms reads the recent refusals of a destination; none if they cannot be read.
func (n *Node) refusedForms(ctx context.Context, peer configs.Peer) refusedForms {
	var u refusedForms
	text, err := n.archive.Recall(ctx, refusedFormsKey(peer))
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &u)
	}
	if err != nil && ctx.Err() == nil {
		n.log.Warn("cannot read which forms a destination has refused", "destination", peer.Name, "error", err)
	}
	if err != nil || u.AETitle != peer.AETitle || u.Address != peer.Address || time.Since(u.Since) > refusedFormsTime {
		return refusedForms{AETitle: peer.AETitle, Address: peer.Address}
	}
	return u
}

// formsTaken is the configuration without the forms that the destinations of a route have
// refused; the last form stays.
func (n *Node) formsTaken(ctx context.Context, c configs.Config, r configs.Route) configs.Config {
	c.Peers = slices.Clone(c.Peers)
	for i, p := range c.Peers {
		if forms := p.SegmentationForms(); len(forms) > 1 && slices.Contains(r.SendTo, p.Name) {
			if left := outputs.FormsLeft(forms, n.refusedForms(ctx, p).Classes); len(left) > 0 {
				c.Peers[i].Forms, c.Peers[i].Viewer = left, ""
			}
		}
	}
	return c
}

// instead is the error of a result whose SOP class a destination refuses permanently. If the
// destination has another form, the result is sent in that form. It is logged once.
func (n *Node) instead(ctx context.Context, peer configs.Peer, o archive.Object, refusal error) error {
	forms := peer.SegmentationForms()
	class := []string{o.SOPClassUID}
	if o.ParentID == 0 || len(outputs.FormsLeft(forms, class)) == len(forms) { // not one of its forms
		return archive.Permanent(refusal)
	}
	u := n.refusedForms(ctx, peer)
	known := slices.Contains(u.Classes, o.SOPClassUID)
	left := outputs.FormsLeft(forms, append(class, u.Classes...))
	if len(left) == 0 {
		return archive.Permanent(refusal)
	}
	if !known {
		u.Classes, u.Since = append(u.Classes, o.SOPClassUID), time.Now()
		text, err := json.Marshal(u)
		if err == nil {
			err = n.archive.Remember(ctx, refusedFormsKey(peer), string(text))
		}
		if err != nil {
			return fmt.Errorf("remember that %w: %w", refusal, err)
		}
		n.log.Warn("destination refuses a form, it gets the next one instead", "destination", peer.Name, "object", o.ID,
			"refused", uid.Name(o.SOPClassUID), "instead", left[0], "error", refusal)
	}
	return archive.Instead(fmt.Errorf("%w; it gets the form %s instead", refusal, left[0]))
}
