package frompacs

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/export"
)

// Attributes of Identifiers (PS3.4 C.6.2.1).
const (
	tagStudyDate         part10.Tag = 0x00080020
	tagAccession         part10.Tag = 0x00080050
	tagLevel             part10.Tag = 0x00080052
	tagModality          part10.Tag = 0x00080060
	tagModalitiesInStudy part10.Tag = 0x00080061
	tagClass             part10.Tag = 0x00080016
	tagInstance          part10.Tag = 0x00080018
	tagPatientID         part10.Tag = 0x00100020
	tagIssuer            part10.Tag = 0x00100021
	tagBodyPart          part10.Tag = 0x00180015
	tagStudy             part10.Tag = 0x0020000D
	tagSeries            part10.Tag = 0x0020000E
)

// identifier is a data set with text attributes only.
type identifier map[part10.Tag]string

// encode encodes it in implicit VR little endian (PS3.5 A.1).
func (id identifier) encode() []byte {
	var b []byte
	for _, t := range slices.Sorted(maps.Keys(id)) {
		v := id[t]
		if len(v)%2 == 1 {
			pad := " "
			if t == tagStudy || t == tagSeries || t == tagInstance || t == tagClass { // PS3.5 6.2: UI
				pad = "\x00"
			}
			v += pad
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(t>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(t))
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return b
}

// decode decodes a PACS's response up to a sequence of undefined length, which was not
// requested.
func decode(b []byte) identifier {
	out := identifier{}
	for e, err := range part10.Elements(b, uid.ImplicitVRLittleEndian) {
		if err != nil {
			break
		}
		out[e.Tag] = strings.Trim(string(e.Value), " \x00")
	}
	return out
}

type study struct {
	uid, patient string
	series       []series
}

type series struct {
	uid, modality string
	instances     []instance
	mixed         bool // the series has other objects that are not wanted
}

type instance struct{ uid, class string }

func (s study) size() int { return s.count(func(string) bool { return true }) }

func (s study) count(ok func(instance string) bool) (n int) {
	for _, se := range s.series {
		n += se.count(ok)
	}
	return n
}

func (s study) all(ok func(string) bool) bool { return s.count(ok) == s.size() }

func (s series) count(ok func(string) bool) (n int) {
	for _, i := range s.instances {
		if ok(i.uid) {
			n++
		}
	}
	return n
}

// radiographs are the modalities to query if none is given; companion are those of objects that
// refer to images (PS3.3 C.7.3.1.1.1).
var (
	radiographs = []string{"CR", "DX", "MG", "IO", "PX", "XA", "RF", "OT"}
	companion   = map[string]bool{"SEG": true, "SR": true}
)

// find returns the studies that the filter accepts, as far as the PACS can tell.
func (s *Source) find(ctx context.Context) ([]study, error) {
	if s.Filter.From == "" && s.Filter.To == "" && len(s.Filter.Accessions) == 0 {
		return nil, ErrUnbounded
	}
	c, err := s.Dialer.Dial(ctx, s.PACS, scp.Proposal{AbstractSyntax: uid.StudyRootQueryRetrieveFind, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	if err != nil {
		return nil, err
	}
	defer c.Abort() // no effect after Release
	s.refused = map[string]int{}
	f := finder{ctx: ctx, client: c, source: s}
	studies, err := f.studies()
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", s.PACS.AETitle, err)
	}
	_ = c.Release(ctx) // the answers are here
	return studies, nil
}

type finder struct {
	ctx    context.Context
	client *scp.Client
	source *Source
}

// each performs one C-FIND.
func (f finder) each(keys identifier, take func(identifier)) error {
	q := scp.Query{SOPClassUID: uid.StudyRootQueryRetrieveFind, TransferSyntaxUID: uid.ImplicitVRLittleEndian, Identifier: keys.encode()}
	if err := f.source.asks(q); err != nil {
		return err
	}
	return f.client.Find(f.ctx, q, func(b []byte) error {
		take(decode(b))
		return nil
	})
}

// studies sends a query for each modality and accession number, because a PACS need not support
// matching a list of values (PS3.4 C.2.2.2).
func (f finder) studies() ([]study, error) {
	filter := f.source.Filter
	modalities, accessions := radiographs, filter.Accessions
	if len(filter.Modalities) > 0 {
		modalities = nil
		for _, m := range filter.Modalities {
			modalities = append(modalities, strings.ToUpper(m)) // in the PACS they are in upper case
		}
	}
	if len(accessions) == 0 {
		accessions = []string{""}
	}
	dates := ""
	if filter.From != "" || filter.To != "" {
		dates = filter.From + "-" + filter.To
	}
	found := map[string]study{}
	for _, accession := range accessions {
		for _, modality := range modalities {
			keys := identifier{tagLevel: "STUDY", tagStudyDate: dates, tagAccession: accession, tagModalitiesInStudy: modality,
				tagStudy: "", tagPatientID: "", tagIssuer: ""}
			err := f.each(keys, func(id identifier) {
				if uid.Check(id[tagStudy]) == nil {
					found[id[tagStudy]] = study{uid: id[tagStudy], patient: id[tagIssuer] + "\\" + id[tagPatientID]}
				}
			})
			if err != nil {
				return nil, err
			}
		}
	}
	out := make([]study, 0, len(found))
	for _, key := range slices.Sorted(maps.Keys(found)) {
		st := found[key]
		if err := f.series(&st, modalities); err != nil {
			return nil, err
		}
		if len(st.series) > 0 {
			out = append(out, st)
		}
	}
	return out, nil
}

// series adds the wanted series of a study and their instances; none if there is no image among
// them.
func (f finder) series(st *study, modalities []string) error {
	var all []series
	images := 0
	err := f.each(identifier{tagLevel: "SERIES", tagStudy: st.uid, tagSeries: "", tagModality: "", tagBodyPart: ""}, func(id identifier) {
		se := series{uid: id[tagSeries], modality: id[tagModality]}
		part := id[tagBodyPart] == "" || export.Filter{BodyParts: f.source.Filter.BodyParts}.Accepts("", "", id[tagBodyPart], "")
		image := slices.Contains(modalities, se.modality) && part
		if uid.Check(se.uid) != nil || !image && !(f.source.Companions && companion[se.modality]) {
			return
		}
		if image {
			images++
		}
		all = append(all, se)
	})
	if err != nil || images == 0 {
		return err
	}
	for i := range all {
		keys := identifier{tagLevel: "IMAGE", tagStudy: st.uid, tagSeries: all[i].uid, tagInstance: "", tagClass: ""}
		err := f.each(keys, func(id identifier) {
			class := id[tagClass]
			_, known := profile.Supported[class]
			switch {
			case uid.Check(id[tagInstance]) != nil:
			case known || class == "": // a PACS need not return it
				f.source.untold = f.source.untold || class == ""
				all[i].instances = append(all[i].instances, instance{id[tagInstance], class})
			default:
				all[i].mixed = true
				f.source.refused[deidentify.UnknownClass(class)]++
			}
		})
		if err != nil {
			return err
		}
	}
	st.series = all
	return nil
}
