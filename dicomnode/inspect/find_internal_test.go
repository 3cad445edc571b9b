package inspect

import (
	"testing"

	"dicomnode/internal/archive/index"
)

// The state of an image is that of its least advanced delivery: one that the destination has
// stored is sent, and delivered only when it has been committed where that is wanted.
func TestStateOfDeliveries(t *testing.T) {
	for _, c := range []struct {
		deliveries []index.DeliveryState
		want       string
	}{
		{[]index.DeliveryState{index.Delivered, index.Delivered}, Delivered},
		{[]index.DeliveryState{index.Delivered, index.Sent}, Sent},
		{[]index.DeliveryState{index.Requested}, Sent},
		{[]index.DeliveryState{index.NotCommitted}, Sent},
		{[]index.DeliveryState{index.Sent, index.Failing}, Delivering},
		{[]index.DeliveryState{index.Sent, index.Refused}, Undelivered},
		{[]index.DeliveryState{index.Refused, index.Pending}, Delivering},
		{[]index.DeliveryState{index.Pending, index.Held}, Held},
	} {
		var h History
		for _, s := range c.deliveries {
			h.Results = append(h.Results, Result{Deliveries: []Delivery{{State: string(s)}}})
		}
		if h.State = h.state(); h.State != c.want {
			t.Errorf("%v: %s, want %s", c.deliveries, h.State, c.want)
		}
		if h.undelivered() == (c.want == Delivered) {
			t.Errorf("%v: undelivered is %t", c.deliveries, h.undelivered())
		}
	}
}
