package node

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
		{archive.ErrUnreadable, scp.CannotUnderstand}, {archive.ErrDuplicate, otherPixels},
	} {
		var got *scp.StatusError
		if !errors.As(storeStatus(fmt.Errorf("receive: %w", c.err)), &got) || got.Status != c.want {
			t.Errorf("%v gives %v, want %v", c.err, got, c.want)
		}
	}
	missing := &archive.IdentityError{Attribute: 0x0020000D, Problem: "absent"}
	var said *scp.StatusError
	if !errors.As(storeStatus(missing), &said) || said.Status != scp.DataSetMismatch || said.Comment != "(0020,000D) StudyInstanceUID: absent" {
		t.Errorf("no Study Instance UID gives %+v", said)
	}
	other := errors.New("database is locked")
	var status *scp.StatusError
	if err := storeStatus(other); errors.As(err, &status) || !errors.Is(err, other) {
		t.Errorf("an unknown error became %v", err)
	}
}
