package ul

import (
	"encoding/binary"
	"fmt"
	"math"

	"dicomnode/internal/uid"
)

// Encode returns the bytes of a PDU (PS3.8 9.3.1: type, reserved, 32-bit
// length, then the body).
func Encode(p PDU) ([]byte, error) {
	b := make([]byte, 6, 512)
	b[0] = p.pduType()
	b, err := p.appendBody(b)
	if err != nil {
		return nil, err
	}
	if len(b)-6 > math.MaxUint32 {
		return nil, fmt.Errorf("encode PDU: %d bytes", len(b)-6)
	}
	binary.BigEndian.PutUint32(b[2:], uint32(len(b)-6))
	return b, nil
}

// PS3.8 9.3.2: protocol version, 2 reserved, called and calling AE title padded
// with spaces, 32 reserved, items.
func (p *Associate) appendBody(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint16(b, p.ProtocolVersion)
	b = append(b, 0, 0)
	fixed, err := p.titles()
	if err != nil {
		return nil, err
	}
	b = append(b, fixed[:]...)
	b = appendItem(b, itemApplicationContext, []byte(p.ApplicationContext))
	for _, c := range p.Contexts {
		b = appendItem(b, p.contextItem(), c.body(p.Accept))
	}
	b = appendItem(b, itemUserInformation, p.User.body())
	if len(b) > MaxAssociateLength {
		return nil, fmt.Errorf("encode A-ASSOCIATE: %d bytes, at most %d are allowed", len(b), MaxAssociateLength)
	}
	return b, nil
}

// titles returns bytes 11 to 74 of the PDU. An answer repeats those of the request.
func (p *Associate) titles() (fixed [64]byte, err error) {
	if p.Accept && p.fixed != fixed {
		return p.fixed, nil
	}
	for i, title := range []string{p.Called, p.Calling} {
		if err := uid.CheckAETitle(title); err != nil {
			return fixed, err
		}
		copy(fixed[16*i:], fmt.Sprintf("%-16s", title))
	}
	return fixed, nil
}

func (p *Associate) contextItem() byte {
	if p.Accept {
		return itemContextAC
	}
	return itemContextRQ
}

func (c Context) body(accept bool) []byte {
	b := []byte{c.ID, 0, 0, 0}
	if accept {
		b[2] = c.Result
	} else {
		b = appendItem(b, itemAbstractSyntax, []byte(c.AbstractSyntax))
	}
	for _, ts := range c.TransferSyntaxes {
		b = appendItem(b, itemTransferSyntax, []byte(ts))
	}
	return b
}

func (u UserInformation) body() []byte {
	b := appendItem(nil, itemMaximumLength, binary.BigEndian.AppendUint32(nil, u.MaximumLength))
	if u.ImplementationClassUID != "" {
		b = appendItem(b, itemImplementationClass, []byte(u.ImplementationClassUID))
	}
	if w := u.Window; w != nil {
		both := binary.BigEndian.AppendUint16(nil, w.Invoked)
		b = appendItem(b, itemAsynchronousWindow, binary.BigEndian.AppendUint16(both, w.Performed))
	}
	for _, r := range u.Roles {
		b = appendItem(b, itemRoleSelection, r.body())
	}
	if u.ImplementationVersionName != "" {
		b = appendItem(b, itemImplementationName, []byte(u.ImplementationVersionName))
	}
	return b
}

// body encodes UID length, SOP class UID, SCU role, SCP role (PS3.7 Table D.3-9).
func (r Role) body() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(r.SOPClassUID)))
	b = append(b, r.SOPClassUID...)
	for _, offered := range []bool{r.SCU, r.SCP} {
		if offered {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

// appendItem encodes type, reserved byte, 16-bit length and value. It truncates a value that is
// too long for the length field, because a wrong length would make the peer misread all that
// follows; the peer then refuses the truncated value. Such values can only come from the node's
// own configuration.
func appendItem(b []byte, item byte, value []byte) []byte {
	value = value[:min(len(value), math.MaxUint16)]
	b = append(b, item, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

func (p *Reject) appendBody(b []byte) ([]byte, error) {
	return append(b, 0, p.Result, p.Source, p.Reason), nil
}

func (p *Release) appendBody(b []byte) ([]byte, error) { return append(b, 0, 0, 0, 0), nil }

func (p *Abort) appendBody(b []byte) ([]byte, error) {
	return append(b, 0, 0, p.Source, p.Reason), nil
}

func (p *PData) appendBody(b []byte) ([]byte, error) {
	for _, v := range p.Values {
		b = appendPDVHeader(b, v.ContextID, v.Command, v.Last, len(v.Data))
		b = append(b, v.Data...)
	}
	return b, nil
}

// appendPDVHeader encodes item length, presentation context ID and message control header: bit
// 0 command, bit 1 last fragment (PS3.8 E.2).
func appendPDVHeader(b []byte, context byte, command, last bool, n int) []byte {
	var control byte
	if command {
		control |= 1
	}
	if last {
		control |= 2
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n+2))
	return append(b, context, control)
}
