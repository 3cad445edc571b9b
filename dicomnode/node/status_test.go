package main

import (
	"errors"
	"fmt"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/scp"
)

func TestStoreStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want scp.Status
	}{
		{archive.ErrNoSpace, scp.OutOfResources}, {archive.ErrMismatch, scp.DataSetMismatch},
		{archive.ErrUnreadable, scp.CannotUnderstand}, {archive.ErrDuplicate, scp.DuplicateSOPInstance},
	} {
		var got *scp.StatusError
		if !errors.As(storeStatus(fmt.Errorf("receive: %w", c.err)), &got) || got.Status != c.want {
			t.Errorf("%v gives %v, want %v", c.err, got, c.want)
		}
	}
	other := errors.New("database is locked")
	var status *scp.StatusError
	if err := storeStatus(other); errors.As(err, &status) || !errors.Is(err, other) {
		t.Errorf("an unknown error became %v", err)
	}
}

func TestDeliveryResult(t *testing.T) {
	permanent := archive.Permanent(errors.New("x"))
	for _, c := range []struct {
		status scp.Status
		want   string
	}{
		{0x0000, "done"}, {0xB000, "done"}, {0xB006, "done"}, {0xB007, "done"}, {0x0111, "done"}, {0x0107, "done"},
		{0xA700, "retry"}, {0xA7FF, "retry"}, {0x0110, "retry"}, {0x0213, "retry"}, {0x0124, "retry"},
		{0xA900, "permanent"}, {0xA9FF, "permanent"}, {0xC000, "permanent"}, {0xCFFF, "permanent"}, {0x0122, "permanent"}, {0x0117, "permanent"}, {0xA800, "permanent"},
	} {
		err := deliveryResult(c.status)
		got := "done"
		if err != nil {
			got = "retry"
			if fmt.Sprintf("%T", err) == fmt.Sprintf("%T", permanent) {
				got = "permanent"
			}
		}
		if got != c.want {
			t.Errorf("status %04X: %s (%v), want %s", uint16(c.status), got, err, c.want)
		}
	}
}
