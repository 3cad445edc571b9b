package outputs_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/internal/part10"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/segmenttest"
)

// site has peers that show the regions in different ways.
func site() configs.Config {
	c := configs.Default()
	c.Peers = []configs.Peer{
		{Name: "pacs", AETitle: "PACS", Address: "10.0.0.5:104"},
		{Name: "ohif", AETitle: "OHIF", Address: "10.0.0.6:104", Viewer: "ohif"},
		{Name: "old", AETitle: "OLD", Address: "10.0.0.7:104", Viewer: "legacy"},
		{Name: "lab", AETitle: "LAB", Address: "10.0.0.8:104", Forms: []string{configs.Fractional}},
	}
	return c
}

func segmented(t testing.TB) (*decode.Image, *segment.Result) {
	t.Helper()
	img, res := segmenttest.Radiograph(t, 64, 48)
	img.Received = segmenttest.Created
	p := make([]float32, picture.Classes*picture.Side*picture.Side)
	res.Probabilities = picture.NewGeometry(64, 48).Map(p).Upsampler()
	return img, res
}

// TestRoute: what a route sends to whom, each form once.
func TestRoute(t *testing.T) {
	for _, c := range []struct {
		outputs, to []string
		want        []string
	}{
		{nil, []string{"pacs"}, []string{"binary → pacs"}},
		{[]string{"seg"}, []string{"pacs", "ohif"}, []string{"binary → pacs ohif"}},
		{[]string{"seg"}, []string{"pacs", "old", "lab"}, []string{"binary → pacs", "sc → old", "fractional → lab"}},
		{[]string{"seg", "sr", "gsps"}, []string{"pacs"}, []string{"binary → pacs", "sr → pacs", "gsps → pacs"}},
		{[]string{"seg", "sc"}, []string{"old", "pacs"}, []string{"sc → old pacs", "binary → pacs"}},
	} {
		img, res := segmented(t)
		objects, err := outputs.New(site(), "1.2", img, res).Route(configs.Route{Outputs: c.outputs, SendTo: c.to})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range objects {
			got = append(got, o.Form+" → "+strings.Join(o.Destinations, " "))
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("outputs %v to %v: -want +got\n%s", c.outputs, c.to, diff)
		}
	}
}

// TestObjects: every form is what it says it is, once encoded, and the same again.
func TestObjects(t *testing.T) {
	for _, form := range []string{configs.Binary, configs.Fractional, configs.Labelmap, configs.SR, configs.SC, configs.GSPS} {
		var files [2]bytes.Buffer
		for i := range files {
			img, res := segmented(t)
			o, err := outputs.New(site(), "1.2", img, res).Make(form)
			if err != nil {
				t.Fatal(err)
			}
			meta := part10.Meta{SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: "1.2.840.10008.1.2.1"}
			if err := part10.WriteMeta(&files[i], meta); err != nil {
				t.Fatal(err)
			}
			if err := o.Encode(&files[i]); err != nil {
				t.Fatal(err)
			}
			h, err := part10.ReadHeader(bytes.NewReader(files[i].Bytes()))
			if err != nil || h.SOPClassUID != o.SOPClassUID || h.SOPInstanceUID != o.SOPInstanceUID {
				t.Errorf("%s: header %q %q, want %q %q (%v)", form, h.SOPClassUID, h.SOPInstanceUID, o.SOPClassUID, o.SOPInstanceUID, err)
			}
		}
		if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
			t.Errorf("%s: the same image gives other bytes", form)
		}
	}
}

// TestOneFailureLeavesTheOthers: a result without probabilities has no FRACTIONAL form.
func TestOneFailureLeavesTheOthers(t *testing.T) {
	img, res := segmented(t)
	res.Probabilities = nil
	objects, err := outputs.New(site(), "1.2", img, res).Route(configs.Route{SendTo: []string{"pacs", "lab"}})
	if len(objects) != 1 || err == nil || !strings.Contains(err.Error(), "fractional") {
		t.Errorf("%d objects, error %v: want the binary one, and an error that names fractional", len(objects), err)
	}
}

// BenchmarkForms says what each form costs.
func BenchmarkForms(b *testing.B) {
	for _, form := range []string{configs.Binary, configs.Fractional, configs.Labelmap, configs.SR, configs.SC, configs.GSPS} {
		b.Run(form, func(b *testing.B) {
			img, res := segmenttest.Radiograph(b, 2048, 2048)
			img.Received = segmenttest.Created
			res.Probabilities = picture.NewGeometry(2048, 2048).Map(make([]float32, picture.Classes*picture.Side*picture.Side)).Upsampler()
			for b.Loop() {
				o, err := outputs.New(site(), "1.2", img, res).Make(form)
				if err != nil {
					b.Fatal(err)
				}
				var n counter
				if err := o.Encode(&n); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(n))
			}
		})
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
