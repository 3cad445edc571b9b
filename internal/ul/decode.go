package ul

import (
	"encoding/binary"
	"strings"
)

// Decode decodes the body of a PDU of the given type, that is the bytes after its six-byte
// header. Its errors are *ProtocolError.
func Decode(pduType byte, body []byte) (PDU, error) {
	switch pduType {
	case typeAssociateRQ, typeAssociateAC:
		return decodeAssociate(pduType == typeAssociateAC, body)
	case typePData:
		return decodePData(body)
	}
	if pduType < typeAssociateRQ || pduType > typeAbort {
		return nil, &ProtocolError{ReasonUnrecognizedPDU, "unrecognized PDU type"}
	}
	if len(body) != 4 {
		return nil, invalid("PDU type %d of %d bytes: want 4", pduType, len(body))
	}
	switch pduType {
	case typeAssociateRJ:
		return &Reject{body[1], body[2], body[3]}, nil
	case typeAbort:
		return &Abort{body[2], body[3]}, nil
	}
	return &Release{Response: pduType == typeReleaseRP}, nil
}

func decodeAssociate(accept bool, body []byte) (*Associate, error) {
	if len(body) < 68 {
		return nil, invalid("A-ASSOCIATE of %d bytes: want at least 68", len(body))
	}
	p := &Associate{Accept: accept, ProtocolVersion: binary.BigEndian.Uint16(body)}
	p.Called, p.Calling = decodeTitle(body[4:20]), decodeTitle(body[20:36])
	if !accept { // in an AC these fields shall not be tested (PS3.8 Table 9-17)
		p.fixed = [64]byte(body[4:68])
	}
	if err := eachItem(body[68:], p.decodeItem); err != nil {
		return nil, err
	}
	return p, p.check()
}

// decodeTitle removes leading and trailing spaces, which are not significant (PS3.5 6.2, AE),
// and trailing zero bytes, which some peers use as padding.
func decodeTitle(b []byte) string {
	return strings.Trim(strings.TrimRight(string(b), "\x00 "), " ")
}

// check checks the required items of an A-ASSOCIATE. Context IDs must be odd (PS3.8 9.3.2.2)
// and unique.
func (p *Associate) check() error {
	if p.ApplicationContext == "" {
		return invalid("A-ASSOCIATE without application context")
	}
	if len(p.Contexts) == 0 {
		return invalid("A-ASSOCIATE without presentation context")
	}
	var seen [256]bool
	for _, c := range p.Contexts {
		if c.ID%2 == 0 {
			return invalid("presentation context ID %d is even", c.ID)
		}
		if seen[c.ID] {
			return invalid("presentation context ID %d is used twice", c.ID)
		}
		seen[c.ID] = true
	}
	return nil
}

// eachItem calls visit for each item: type, reserved byte, 16-bit length, value.
func eachItem(b []byte, visit func(item byte, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return invalid("item header of %d bytes: want 4", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b)-4 {
			return invalid("item %02XH of %d bytes: %d remain", b[0], n, len(b)-4)
		}
		if err := visit(b[0], b[4:4+n]); err != nil {
			return err
		}
		b = b[4+n:]
	}
	return nil
}

func (p *Associate) decodeItem(item byte, value []byte) (err error) {
	switch {
	case item == itemApplicationContext:
		if p.ApplicationContext != "" {
			return &ProtocolError{ReasonUnexpectedItem, "second application context"}
		}
		p.ApplicationContext, err = decodeUID("application context", value)
	case item == p.contextItem():
		var c Context
		if c, err = decodeContext(p.Accept, value); err == nil {
			p.Contexts = append(p.Contexts, c)
		}
	case item == itemUserInformation:
		err = eachItem(value, p.User.decodeItem)
	}
	return err // PS3.8 9.3.1: unrecognized items are ignored
}

func decodeContext(accept bool, value []byte) (Context, error) {
	if len(value) < 4 {
		return Context{}, invalid("presentation context of %d bytes: want at least 4", len(value))
	}
	c := Context{ID: value[0]}
	if accept {
		c.Result = value[2]
	}
	err := eachItem(value[4:], func(item byte, v []byte) (err error) {
		switch item {
		case itemAbstractSyntax:
			if c.AbstractSyntax != "" {
				return &ProtocolError{ReasonUnexpectedItem, "second abstract syntax of a presentation context"}
			}
			c.AbstractSyntax, err = decodeUID("abstract syntax", v)
			if !accept {
				err = nil // an invalid proposal does not affect the others
			}
		case itemTransferSyntax:
			if accept && c.Result != Acceptance {
				return nil // not significant and not to be tested (PS3.8 9.3.3.2)
			}
			var ts string
			if ts, err = decodeUID("transfer syntax", v); err == nil {
				c.TransferSyntaxes = append(c.TransferSyntaxes, ts)
			} else if !accept {
				err = nil
			}
		}
		return err
	})
	if err != nil {
		return c, err
	}
	if accept {
		c.AbstractSyntax = ""
		return c, checkAnswer(c)
	}
	return c, nil
}

func checkAnswer(c Context) error {
	if c.Result == Acceptance && len(c.TransferSyntaxes) != 1 {
		return invalid("accepted presentation context %d with %d transfer syntaxes", c.ID, len(c.TransferSyntaxes))
	}
	return nil
}

func (u *UserInformation) decodeItem(item byte, value []byte) (err error) {
	switch item {
	case itemMaximumLength:
		if len(value) != 4 {
			return invalid("maximum length item of %d bytes: want 4", len(value))
		}
		u.MaximumLength = binary.BigEndian.Uint32(value)
	case itemImplementationClass:
		u.ImplementationClassUID, _ = decodeUID("implementation class", value) // "" if it is not a UID, because it is only informative
	case itemAsynchronousWindow:
		if len(value) != 4 {
			return invalid("asynchronous operations window of %d bytes: want 4", len(value))
		}
		u.Window = &Window{binary.BigEndian.Uint16(value), binary.BigEndian.Uint16(value[2:])}
	case itemRoleSelection:
		role, err := decodeRole(value)
		if err != nil {
			return err
		}
		if role.SOPClassUID != "" {
			u.Roles = append(u.Roles, role)
		}
	case itemImplementationName:
		u.ImplementationVersionName = decodeName(value)
	}
	return err
}

// decodeRole decodes UID length, SOP class UID, SCU role and SCP role (PS3.7 Table D.3-9 and
// D.3-10). If the UID is invalid, SOPClassUID is empty and the caller ignores the role, as it
// does the presentation context.
func decodeRole(value []byte) (Role, error) {
	if len(value) < 4 || int(binary.BigEndian.Uint16(value)) != len(value)-4 {
		return Role{}, invalid("role selection of %d bytes does not hold its SOP class and two roles", len(value))
	}
	end := len(value) - 2
	class, _ := decodeUID("SOP class of a role selection", value[2:end])
	return Role{SOPClassUID: class, SCU: value[end] == 1, SCP: value[end+1] == 1}, nil
}

// decodeName decodes an implementation version name (PS3.7 D.3.3.2.3). It is only informative,
// so a name of more than 16 characters is truncated, and one with unprintable characters is
// dropped.
func decodeName(value []byte) string {
	name := strings.TrimRight(string(value[:min(len(value), 16)]), " \x00")
	if !printable(name) {
		return ""
	}
	return name
}

// decodeUID accepts two deviations that real peers have: padding by a zero byte or space, which
// PS3.8 F forbids, and leading zeros of components.
func decodeUID(what string, value []byte) (string, error) {
	s := strings.TrimRight(string(value), "\x00 ")
	if len(s) == 0 || len(s) > 64 || strings.Trim(s, "0123456789.") != "" {
		return "", invalid("%s is no UID", what)
	}
	return s, nil
}

func decodePData(body []byte) (*PData, error) {
	if len(body) == 0 {
		return nil, invalid("P-DATA-TF without PDV")
	}
	p := &PData{}
	for len(body) > 0 {
		if len(body) < 6 {
			return nil, invalid("PDV header of %d bytes: want 6", len(body))
		}
		n := binary.BigEndian.Uint32(body)
		if n < 2 || uint64(n) > uint64(len(body)-4) {
			return nil, invalid("PDV of %d bytes: %d remain", n, len(body)-4)
		}
		p.Values = append(p.Values, PDV{body[4], body[5]&1 != 0, body[5]&2 != 0, body[6 : 4+n]})
		body = body[4+n:]
	}
	return p, nil
}
