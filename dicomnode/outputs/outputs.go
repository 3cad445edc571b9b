// Package outputs makes the objects of a segmented image: which kinds a route requests, in
// which form for each destination, and the objects themselves. It neither segments, stores nor
// sends.
package outputs

import (
	"errors"
	"fmt"
	"io"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/capture"
	"dicomnode/segment/decode"
	"dicomnode/segment/gsps"
	"dicomnode/segment/seg"
	"dicomnode/sr"
)

// Object is a result that can be written.
type Object struct {
	Form           string // one of those of package configs
	SOPClassUID    string
	SOPInstanceUID string
	Destinations   []string
	Encode         func(io.Writer) error // the data set in Explicit VR Little Endian
}

// Maker makes the objects of one image.
type Maker struct {
	config  configs.Config
	version string
	img     *decode.Image
	res     *segment.Result
	binary  *seg.SEG // made once, because the report refers to it
}

// New prepares the objects of a segmented image; version is that of the program. The image must
// have its time of arrival, from which the objects get their dates.
func New(c configs.Config, version string, img *decode.Image, res *segment.Result) *Maker {
	return &Maker{config: c, version: version, img: img, res: res}
}

// makers make an object of each form.
var makers = map[string]func(*Maker) (Object, error){
	configs.Binary:     func(m *Maker) (Object, error) { return m.segmentation(seg.Binary) },
	configs.Fractional: func(m *Maker) (Object, error) { return m.segmentation(seg.Fractional) },
	configs.Labelmap:   func(m *Maker) (Object, error) { return m.segmentation(seg.Labelmap) },
	configs.SR:         (*Maker).report,
	configs.SC:         (*Maker).capture,
	configs.GSPS:       (*Maker).presentation,
}

// Route makes the objects of a route, each form once for all its destinations. If some objects
// cannot be made, it returns the others and an error that names form and attribute.
func (m *Maker) Route(r configs.Route) ([]Object, error) {
	var objects []Object
	var failed []error
	for _, want := range m.wanted(r) {
		o, err := m.Make(want.form)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		o.Destinations = want.destinations
		objects = append(objects, o)
	}
	return objects, errors.Join(failed...)
}

// Make makes one object, without destinations.
func (m *Maker) Make(form string) (Object, error) {
	make, known := makers[form]
	if !known {
		return Object{}, fmt.Errorf("make output: no form is named %q", form)
	}
	o, err := make(m)
	if err != nil {
		return Object{}, fmt.Errorf("make output %s: %w", form, err)
	}
	o.Form = form
	return o, nil
}

// wanted is a form and its destinations.
type wanted struct {
	form         string
	destinations []string
}

// wanted lists the forms of a route in the order of its kinds.
func (m *Maker) wanted(r configs.Route) (list []wanted) {
	for _, kind := range r.Kinds() {
		for _, name := range r.SendTo {
			form := kind
			if kind == configs.SEG {
				peer, _ := m.config.Peer(name) // the configuration was checked
				form = peer.SegmentationForms()[0]
			}
			list = add(list, form, name)
		}
	}
	return list
}

// add adds a destination to its form, once.
func add(list []wanted, form, destination string) []wanted {
	for i := range list {
		if list[i].form != form {
			continue
		}
		for _, d := range list[i].destinations {
			if d == destination {
				return list
			}
		}
		list[i].destinations = append(list[i].destinations, destination)
		return list
	}
	return append(list, wanted{form, []string{destination}})
}

func (m *Maker) segmentation(form seg.Form) (Object, error) {
	opt := pipeline.SEGOptions(m.config, m.version)
	opt.Form = form
	s, err := seg.New(m.img, m.res, opt)
	if err != nil {
		return Object{}, err
	}
	if form == seg.Binary {
		m.binary = s
	}
	return Object{SOPClassUID: s.SOPClassUID(), SOPInstanceUID: s.UID(), Encode: s.Encode}, nil
}

func (m *Maker) capture() (Object, error) {
	c, err := capture.New(m.img, m.res, m.product(), m.created())
	if err != nil {
		return Object{}, err
	}
	return Object{SOPClassUID: uid.SecondaryCaptureImageStorage, SOPInstanceUID: c.UID(), Encode: c.Encode}, nil
}

func (m *Maker) presentation() (Object, error) {
	s, err := gsps.New(m.img, m.res, m.product(), m.created())
	if err != nil {
		return Object{}, err
	}
	return Object{SOPClassUID: gsps.SOPClassUID, SOPInstanceUID: s.UID(), Encode: s.Encode}, nil
}

func (m *Maker) report() (Object, error) {
	if m.binary == nil {
		if _, err := m.segmentation(seg.Binary); err != nil {
			return Object{}, err
		}
	}
	d, err := sr.New(m.measurements())
	if err != nil {
		return Object{}, err
	}
	return Object{SOPClassUID: uid.ComprehensiveSRStorage, SOPInstanceUID: d.UID(), Encode: d.Encode}, nil
}

// product describes this program as the manufacturer of an object.
func (m *Maker) product() iod.Equipment { return pipeline.Product(m.config, m.version) }

func (m *Maker) created() time.Time { return m.img.Received }
