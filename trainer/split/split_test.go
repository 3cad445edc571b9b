package split_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/split"
)

// paperTable is Table 1 of the paper. Its printed numbers add up to 149 and its
// total is 150: here the knee has the one more.
var paperTable = map[string]int{
	"ankle": 10, "arm": 3, "cervical": 1, "chest": 1, "elbow": 1, "femur": 3, "foot": 29, "hand": 4, "head": 11, "knee": 37,
	"leg": 1, "lumbar spine": 6, "neck of femur": 15, "pelvis": 2, "shoulder": 2, "thigh": 8, "thorax": 1, "tibia": 4, "wrist": 11,
}

// paper is a folder like the paper's: every fifth image is difficult.
func paper() *dataset.Folder {
	f := &dataset.Folder{}
	var parts []string
	for p := range paperTable {
		parts = append(parts, p)
	}
	slices.Sort(parts)
	for _, p := range parts {
		for k := range paperTable[p] {
			f.Items = append(f.Items, dataset.Item{ID: fmt.Sprintf("%s-%02d", p, k), BodyPart: p, Difficult: len(f.Items)%5 == 0})
		}
	}
	return f
}

func assign(t *testing.T, f *dataset.Folder, opt split.Options) *split.Plan {
	t.Helper()
	p, err := split.Assign(f, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func row(p *split.Plan, name string) split.Row {
	for _, r := range p.Rows {
		if r.Name == name {
			return r
		}
	}
	return split.Row{}
}

func TestPaper(t *testing.T) {
	for seed := range uint64(50) {
		f := paper()
		p := assign(t, f, split.Options{Seed: seed})
		if got := row(p, "all"); got != (split.Row{Name: "all", Train: 108, Validation: 21, Test: 21, All: 150}) {
			t.Fatalf("seed %d: %+v", seed, got)
		}
		for part, n := range paperTable {
			r := row(p, part)
			if n == 1 && r.Test != 1 || n > 1 && (r.Validation == 0 || r.Train == 0) || n > 2 && r.Test == 0 {
				t.Errorf("seed %d: %+v", seed, r)
			}
		}
		if d := row(p, "difficult"); d.Test != 9 {
			t.Errorf("seed %d: %d of 21 test images are difficult, of 150 %d; want 9", seed, d.Test, d.All)
		}
	}
}

// The same rows in another order, and another run, give the same division;
// another seed gives another.
func TestDeterministic(t *testing.T) {
	f := paper()
	want := map[string]string{}
	p := assign(t, f, split.Options{Seed: 3})
	for i, it := range f.Items {
		want[it.ID] = p.Splits[i]
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(f.Items), func(i, j int) { f.Items[i], f.Items[j] = f.Items[j], f.Items[i] })
	p, other := assign(t, f, split.Options{Seed: 3}), assign(t, f, split.Options{Seed: 4})
	differ := 0
	for i, it := range f.Items {
		if p.Splits[i] != want[it.ID] {
			t.Fatalf("%s: %s, want %s", it.ID, p.Splits[i], want[it.ID])
		}
		if other.Splits[i] != want[it.ID] {
			differ++
		}
	}
	if differ == 0 {
		t.Error("another seed divides alike")
	}
}

// random is a folder of patients with one to eight images of one to three body
// parts.
func random(r *rand.Rand) *dataset.Folder {
	f := &dataset.Folder{ExtraColumns: []string{"note", dataset.PatientColumn}}
	kinds, hard := 1+r.IntN(8), r.Float64()
	for patient := range 1 + r.IntN(60) {
		name := fmt.Sprintf("p%d", patient)
		if r.IntN(10) == 0 {
			name = "" // unknown: a patient of its own
		}
		own := 1 + r.IntN(3)
		parts := r.Perm(kinds)
		for range 1 + r.IntN(8) {
			f.Items = append(f.Items, dataset.Item{ID: fmt.Sprintf("i%d", len(f.Items)), BodyPart: fmt.Sprint(parts[r.IntN(min(own, kinds))]),
				Difficult: r.Float64() < hard, Extra: []string{"", name}})
		}
	}
	return f
}

// Whatever the data set: no patient is divided, a body part of one patient is
// never judged on what it was trained on, one of several stays in training, is
// validated or the plan says why not; sizes are met or explained.
func TestProperties(t *testing.T) {
	for seed := range uint64(400) {
		f := random(rand.New(rand.NewPCG(7, seed)))
		opt := split.Options{Seed: seed}
		p := assign(t, f, opt)
		of, patients := map[string]string{}, map[string]map[string]bool{}
		for i, it := range f.Items {
			who := it.Extra[1]
			if who == "" {
				who = it.ID
			}
			if s, ok := of[who]; ok && s != p.Splits[i] {
				t.Fatalf("seed %d: patient %s is in %s and in %s", seed, who, s, p.Splits[i])
			}
			of[who] = p.Splits[i]
			if patients[it.BodyPart] == nil {
				patients[it.BodyPart] = map[string]bool{}
			}
			patients[it.BodyPart][who] = true
		}
		if len(of) != p.Patients {
			t.Errorf("seed %d: %d patients, want %d", seed, p.Patients, len(of))
		}
		notes := strings.Join(p.Notes, "\n")
		for part, who := range patients {
			r := row(p, part)
			quoted := fmt.Sprintf("%q", part)
			if len(who) == 1 && r.Test != r.All && !strings.Contains(notes, quoted) {
				t.Errorf("seed %d: of one patient: %+v\n%s", seed, r, notes)
			}
			if len(who) > 1 && r.Train == 0 && !anyAlone(patients, who) {
				t.Errorf("seed %d: of several patients and not in training: %+v\n%s", seed, r, notes)
			}
			if len(who) > 1 && r.Validation == 0 && !strings.Contains(notes, quoted+" is not in val") {
				t.Errorf("seed %d: not validated: %+v\n%s", seed, r, notes)
			}
		}
		all := row(p, "all")
		n := float64(all.All)
		if want := int(n*split.PaperShare + 0.5); all.Test != want && !strings.Contains(notes, fmt.Sprintf("test holds %d images instead of %d", all.Test, want)) {
			t.Errorf("seed %d: %+v\n%s", seed, all, notes)
		}
		if all.Train+all.Validation+all.Test != all.All || all.All != len(f.Items) {
			t.Errorf("seed %d: %+v do not add up to %d", seed, all, len(f.Items))
		}
	}
}

// anyAlone reports whether one of who is the only patient of some body part, and
// so tested whatever else it shows.
func anyAlone(patients map[string]map[string]bool, who map[string]bool) bool {
	for _, of := range patients {
		for p := range of {
			if len(of) == 1 && who[p] {
				return true
			}
		}
	}
	return false
}

// Difficult images are a larger share of test than of the whole.
func TestDifficult(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(5, seed))
		f := &dataset.Folder{}
		for i := range 100 + r.IntN(300) {
			f.Items = append(f.Items, dataset.Item{ID: fmt.Sprint(i), BodyPart: fmt.Sprint(r.IntN(6)), Difficult: r.IntN(4) == 0})
		}
		d, all := row(assign(t, f, split.Options{Seed: seed}), "difficult"), row(assign(t, f, split.Options{Seed: seed}), "all")
		if 2*d.Test*all.All < 3*d.All*all.Test {
			t.Errorf("seed %d: test has %d difficult of %d, the whole %d of %d", seed, d.Test, all.Test, d.All, all.All)
		}
		if d.Train == 0 {
			t.Errorf("seed %d: no difficult image is left to train on", seed)
		}
	}
}

func TestAgain(t *testing.T) {
	f := paper()
	first := assign(t, f, split.Options{Seed: 1})
	for i := range f.Items {
		f.Items[i].Split = first.Splits[i]
	}
	if _, err := split.Assign(f, split.Options{Seed: 2}); !errors.Is(err, split.ErrSplit) {
		t.Errorf("error %v, want ErrSplit", err)
	}
	// New images join; nothing that has a place moves.
	for k := range 30 {
		f.Items = append(f.Items, dataset.Item{ID: fmt.Sprintf("new-%d", k), BodyPart: "knee"})
	}
	kept := assign(t, f, split.Options{Seed: 2, Keep: true})
	for i := range first.Splits {
		if kept.Splits[i] != first.Splits[i] {
			t.Errorf("%s moved from %s to %s", f.Items[i].ID, first.Splits[i], kept.Splits[i])
		}
	}
	if got := row(kept, "all"); got.Validation != 25 || got.Test != 25 {
		t.Errorf("180 images give %+v", got)
	}
	again := assign(t, f, split.Options{Seed: 2, Replace: true})
	if slices.Equal(again.Splits[:150], first.Splits) {
		t.Error("replace changed nothing")
	}
}

// What was made from an image stays with it.
func TestOrigin(t *testing.T) {
	f := paper()
	f.ExtraColumns = []string{dataset.OriginColumn}
	for i := range f.Items {
		f.Items[i].Extra = []string{""}
	}
	for _, it := range f.Items {
		for k := range 2 {
			c := it
			c.ID, c.Extra = fmt.Sprintf("%s-copy-%d", it.ID, k), []string{it.ID}
			f.Items = append(f.Items, c)
		}
	}
	p := assign(t, f, split.Options{})
	if p.Patients != 150 {
		t.Errorf("%d groups, want 150", p.Patients)
	}
}

func TestRefused(t *testing.T) {
	divided := &dataset.Folder{ExtraColumns: []string{dataset.PatientColumn}, Items: []dataset.Item{
		{ID: "a", Split: "train", Extra: []string{"p"}}, {ID: "b", Split: "test", Extra: []string{"p"}}}}
	for name, c := range map[string]struct {
		f    *dataset.Folder
		opt  split.Options
		want string
	}{
		"empty":            {&dataset.Folder{}, split.Options{}, "no images"},
		"negative":         {paper(), split.Options{Test: -1}, "test -1"},
		"too large":        {paper(), split.Options{Validation: 0.6}, "validation 0.6"},
		"nothing to train": {paper(), split.Options{Validation: 0.5, Test: 0.5}, "nothing to train on"},
		"both":             {paper(), split.Options{Keep: true, Replace: true}, "exclude each other"},
		"divided patient":  {divided, split.Options{Keep: true}, `image "a" is in train and in test`},
	} {
		if _, err := split.Assign(c.f, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	f := &dataset.Folder{}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 20000 {
		f.Items = append(f.Items, dataset.Item{ID: fmt.Sprint(i), BodyPart: fmt.Sprint(r.IntN(20)), Difficult: r.IntN(5) == 0})
	}
	for b.Loop() {
		if _, err := split.Assign(f, split.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
