// Package audittest holds audit messages against the schema of PS3.15 A.5.1.1, for tests.
package audittest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// An element of the schema: its attributes with what their values match, those that must
// be there, and its children in their order, as a pattern over "name " each.
type element struct {
	attributes map[string]string
	required   []string
	children   string
}

const (
	any      = `(?s).*`
	dicomUID = `[0-2](\.(0|[1-9][0-9]*))+`
	base64   = `[A-Za-z0-9+/]*={0,2}`
)

var (
	code   = element{attributes: map[string]string{"csd-code": any, "codeSystemName": any, "displayName": any, "originalText": any}, required: []string{"csd-code", "codeSystemName", "originalText"}}
	schema = map[string]element{
		"AuditMessage": {children: `EventIdentification (ActiveParticipant )+AuditSourceIdentification (ParticipantObjectIdentification )*`},
		"EventIdentification": {attributes: map[string]string{"EventActionCode": `[CRUDE]`, "EventDateTime": any, "EventOutcomeIndicator": `0|4|8|12`},
			required: []string{"EventDateTime", "EventOutcomeIndicator"}, children: `EventID (EventTypeCode )*(EventOutcomeDescription )?`},
		"EventID": code, "EventTypeCode": code, "RoleIDCode": code, "ParticipantObjectIDTypeCode": code, "AuditSourceTypeCode": code, "EventOutcomeDescription": {},
		"ActiveParticipant": {attributes: map[string]string{"UserID": any, "AlternativeUserID": any, "UserName": any, "UserIsRequestor": `true|false|1|0`,
			"NetworkAccessPointID": any, "NetworkAccessPointTypeCode": `[1-5]`}, required: []string{"UserID", "UserIsRequestor"}, children: `(RoleIDCode )*(MediaIdentifier )?`},
		"MediaIdentifier": {children: `MediaType `}, "MediaType": code,
		"AuditSourceIdentification": {attributes: map[string]string{"AuditEnterpriseSiteID": any, "AuditSourceID": any}, required: []string{"AuditSourceID"}, children: `(AuditSourceTypeCode )*`},
		"ParticipantObjectIdentification": {attributes: map[string]string{"ParticipantObjectID": any, "ParticipantObjectTypeCode": `[1-4]`,
			"ParticipantObjectTypeCodeRole": `[1-9]|1[0-9]|2[0-6]`, "ParticipantObjectDataLifeCycle": `[1-9]|1[0-5]`, "ParticipantObjectSensitivity": any},
			required: []string{"ParticipantObjectID"},
			children: `ParticipantObjectIDTypeCode (ParticipantObjectName |ParticipantObjectQuery )(ParticipantObjectDetail )*(ParticipantObjectDescription )*`},
		"ParticipantObjectName": {}, "ParticipantObjectQuery": {},
		"ParticipantObjectDetail":      {attributes: map[string]string{"type": any, "value": base64}, required: []string{"type", "value"}},
		"ParticipantObjectDescription": {children: `(SOPClass )*`},
		"SOPClass":                     {attributes: map[string]string{"UID": dicomUID, "NumberOfInstances": `[0-9]+`}, required: []string{"NumberOfInstances"}, children: `(Instance )*`},
		"Instance":                     {attributes: map[string]string{"UID": dicomUID}, required: []string{"UID"}},
	}
)

// Check tells what of a message is not as the schema has it; nil for a valid one.
func Check(message []byte) error {
	d := xml.NewDecoder(strings.NewReader(string(message)))
	var open, children []string // elements, and the children each has so far
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(children) == 0:
			return errors.New("no message")
		case errors.Is(err, io.EOF):
			return matches("the document", "elements", `AuditMessage `, children[0])
		case err != nil:
			return err
		}
		if len(children) == 0 {
			children = []string{""}
		}
		switch token := token.(type) {
		case xml.StartElement:
			if err := attributes(token); err != nil {
				return err
			}
			children[len(children)-1] += token.Name.Local + " "
			open, children = append(open, token.Name.Local), append(children, "")
		case xml.EndElement:
			last := len(open) - 1
			if err := matches(open[last], "children", schema[open[last]].children, children[last+1]); err != nil {
				return err
			}
			open, children = open[:last], children[:last+1]
		}
	}
}

func attributes(e xml.StartElement) error {
	name := e.Name.Local
	want, ok := schema[name]
	if !ok || e.Name.Space != "" {
		return fmt.Errorf("%s is no element of the schema", name)
	}
	have := map[string]bool{}
	for _, a := range e.Attr {
		pattern, ok := want.attributes[a.Name.Local]
		if !ok {
			return fmt.Errorf("%s has an attribute %s", name, a.Name.Local)
		}
		if err := matches(name, a.Name.Local, pattern, a.Value); err != nil {
			return err
		}
		if a.Name.Local == "EventDateTime" {
			if _, err := time.Parse(time.RFC3339, a.Value); err != nil {
				return err
			}
		}
		have[a.Name.Local] = true
	}
	for _, a := range want.required {
		if !have[a] {
			return fmt.Errorf("%s has no attribute %s", name, a)
		}
	}
	return nil
}

func matches(where, what, pattern, have string) error {
	if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(have) {
		return fmt.Errorf("%s: %s are %q, want %s", where, what, have, pattern)
	}
	return nil
}
