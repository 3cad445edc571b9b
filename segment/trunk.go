package segment

import (
	"context"
	"strings"
	"unicode"

	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// Variant is a model with the settings that belong to it.
type Variant struct {
	Predictor Predictor
	Model     Model
	Config    Config
}

// place is where in the body an image is from, as far as its Body Part Examined (0018,0015) says.
type place uint8

const (
	elsewhere    place = iota // or unknown: the general model's sureness decides
	thinLimb                  // the general model segments it however sure it is: it was trained mostly on such images
	trunkAndHead              // Pipeline.Trunk segments it
)

// places are the defined terms of Body Part Examined (PS3.16 Annex L), words that devices write
// instead (KUB: kidney, ureter, bladder), and words beside HEAD and NECK that say it is not that of
// the body. Shoulder and clavicle are missing: in their images the arm or the chest may be what matters.
var places = wordsAt(map[place]string{
	trunkAndHead: `ABDOMEN ABDOMENPELVIS CHEST CHESTABDOMEN COCCYX CSPINE CTSPINE HEAD HEADNECK HIP JAW LSPINE LSSPINE MAXILLA NECK ORBIT
		PELVIS RIB SACRUM SINUS SKULL SPINE SSPINE STERNUM THORAX TLSPINE TSPINE WHOLESPINE ZYGOMA
		ABD CERVICAL KUB LUMBAR RIBS THORACIC`,
	thinLimb: `ANKLE CALCANEUS ELBOW FINGER FOOT FOREARM HAND KNEE LOWERLEG PATELLA THUMB TIBIA TIBIAFIBULA TOE WRIST
		FIBULAR METACARPAL METATARSAL RADIAL ULNAR`,
	elsewhere: `HUMERAL HUMERUS`,
})

func wordsAt(of map[place]string) map[string]place {
	out := map[string]place{}
	for at, words := range of {
		for _, w := range strings.Fields(words) {
			out[w] = at
		}
	}
	return out
}

// unsure is the sureness of the general model in the whole picture below which the model of trunk
// and head segments an image. It was chosen on pictures of both (docs/model-card.md).
const unsure = 0.80

// placeOf looks for the first word of a body part that is in the table: devices write
// "HAND_PA" or "Left wrist" too, and data sets "forearm+hand" or "neck of femur", which is a hip.
func placeOf(bodyPart string) place {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, word := range strings.FieldsFunc(strings.ToUpper(bodyPart), notLetter) {
		if at, ok := places[word]; ok {
			return at
		}
	}
	return elsewhere
}

// MayChoose reports by which models an image of a body part (0018,0015) may be segmented where
// there is a model of trunk and head: the general one, that one, or either.
func MayChoose(bodyPart string) (general, trunk bool) {
	at := placeOf(bodyPart)
	return at != trunkAndHead, at != thinLimb
}

// choose returns the model for an image of a body part: that of trunk and head if the body part
// belongs to them, or if the general model is unsure of the whole picture and the body part is not
// known to be a thin limb. v gets the general model's answer if that is used.
func (p *Pipeline) choose(ctx context.Context, bodyPart string, v *view, field picture.Mask) (*Variant, error) {
	general := &Variant{p.Predictor, p.Model, p.Config}
	at := placeOf(bodyPart)
	if p.Trunk == nil || at == thinLimb {
		return general, nil
	}
	if at != trunkAndHead {
		if err := general.predictWhole(ctx, v); err != nil || sureness(v.answer, v.geo.Exposed(field)) >= unsure {
			return general, err
		}
	}
	v.answer, v.trunk = nil, true
	if err := p.Trunk.predictWhole(ctx, v); err != nil {
		return nil, err
	}
	v.answer.Second = at != trunkAndHead
	return p.Trunk, nil
}

// sureness is the mean probability of the most probable class in the exposed field, minus the
// mean disagreement of the mirror images if there are any, as in Quality.Figure.
func sureness(a *scales.Answer, share []float32) float64 {
	return confidence(a.WholeMap, share) - max(0, meanOver(a.MirrorDoubt, share))
}

// Predict predicts a picture of a body part, as Run does; other attributes it has none. pix has
// rows×cols values row by row in arbitrary units, open beam bright. trunk reports whether p.Trunk
// was chosen.
func (p *Pipeline) Predict(ctx context.Context, bodyPart string, pix []float32, rows, cols int) (a *scales.Answer, trunk bool, err error) {
	x, geo := picture.Canonical(pix, rows, cols)
	v := &view{pix: pix, x: x, geo: geo}
	var field picture.Mask
	if p.Trunk != nil {
		if field, _, err = p.findField(ctx, &decode.Image{Rows: rows, Columns: cols}, pix, x, geo); err != nil {
			return nil, false, err
		}
	}
	use, err := p.choose(ctx, bodyPart, v, field)
	if err != nil {
		return nil, false, err
	}
	err = use.predict(ctx, v)
	return v.answer, use == p.Trunk, err
}

// predictWhole predicts the whole picture, unless that was done.
func (u *Variant) predictWhole(ctx context.Context, v *view) (err error) {
	if v.answer == nil {
		v.answer, err = u.Config.Effort.PredictWhole(ctx, u.Predictor, v.x, v.geo)
	}
	return err
}

// predict runs the predictions that were not made yet.
func (u *Variant) predict(ctx context.Context, v *view) error {
	if err := u.predictWhole(ctx, v); err != nil {
		return err
	}
	return u.Config.Effort.PredictParts(ctx, u.Predictor, scales.Picture{Pix: v.pix, Rows: v.geo.Rows, Columns: v.geo.Columns}, v.answer)
}

// describe records in a result which model made it, with which settings.
func (u *Variant) describe(res *Result) {
	res.Model, res.ConfigDigest, res.Effort = u.Model, u.Config.Digest(), u.Config.Effort
	res.SoftTissueThreshold = u.Config.SoftTissue.At(res.BodyPart)
	if u.Config.Guided != nil {
		res.Guided = new(u.Config.Guided.WithDefaults())
	}
}
