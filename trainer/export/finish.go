package export

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dicomnode/internal/durable"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/deidentify/leak"
)

// nnunetFolder is the folder of the nnU-Net v2 data set inside a set.
const nnunetFolder = "nnunet/Dataset001_Radiographs"

// Folds is the number of folds of cross-validation, by patient.
const Folds = 5

// finish moves the staged files into the set and writes the tables of the whole set.
func (e *run) finish() error {
	staged, err := e.state.stagedRecords()
	if err != nil {
		return err
	}
	e.withoutRevoked(staged)
	finished, err := ReadManifest(e.Out)
	if err != nil {
		return err
	}
	all := maps.Clone(finished)
	maps.Copy(all, staged)
	if len(all) == 0 {
		return errors.New("nothing to export: see what was refused and filtered")
	}
	tables, err := tables(all)
	if err != nil {
		return err
	}
	project, err := e.project()
	if err == nil {
		tables["project.json"], err = json.Marshal(project)
	}
	if err != nil {
		return err
	}
	for _, r := range all { // the tables contain hashes and pseudonyms
		e.own(slices.Collect(maps.Values(r.Files))...)
		e.own(r.ID, r.Patient, r.Study, r.Series, r.Instance)
		if r.Label != nil {
			e.own(r.Label.ModelDigest, r.Label.ConfigDigest)
		}
	}
	for _, checker := range []*leak.Checker{e.originals.Checker(), e.dates.all.Checker()} {
		for path, b := range tables {
			e.report.Hits = append(e.report.Hits, checker.File(path, b)...)
		}
	}
	if len(e.report.Hits) > 0 {
		return errors.Join(ErrLeak, e.discard())
	}
	return e.publish(staged, tables)
}

// publish moves the files and then replaces the tables, the manifest last, so that an
// interrupted run can be repeated.
func (e *run) publish(staged map[string]Record, tables map[string][]byte) error {
	for _, r := range staged {
		for path := range r.Files {
			from, to := filepath.Join(e.state.staged(), filepath.FromSlash(path)), filepath.Join(e.Out, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := os.Rename(from, to); err != nil && !(errors.Is(err, fs.ErrNotExist) && exists(to)) {
				return err
			}
		}
	}
	if err := writeTables(e.Out, tables); err != nil {
		return err
	}
	return os.RemoveAll(e.Work)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func writeTables(out string, tables map[string][]byte) error {
	paths := slices.SortedFunc(maps.Keys(tables), func(a, b string) int {
		return cmp.Or(cmp.Compare(boolInt(a == ManifestName), boolInt(b == ManifestName)), cmp.Compare(a, b))
	})
	for _, path := range paths {
		full := filepath.Join(out, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if path == "LICENCE.txt" && exists(full) {
			continue // keep the text that the holder of the set has written
		}
		err := durable.Clean(full) // removes temporary files of a killed run
		if err == nil {
			err = durable.ReplaceBytes(full, 0o644, tables[path])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tables returns the tables of a whole set, by path.
func tables(all map[string]Record) (map[string][]byte, error) {
	records := slices.SortedFunc(maps.Values(all), func(a, b Record) int { return cmp.Compare(a.ID, b.ID) })
	out := map[string][]byte{"LICENCE.txt": []byte(licence)}
	var manifest bytes.Buffer
	for _, r := range records {
		b, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		manifest.Write(append(b, '\n'))
	}
	out[ManifestName] = manifest.Bytes()
	out["README.md"] = []byte(readme(records))
	if b, err := datasetTable(records); err != nil || b != nil {
		if err != nil {
			return nil, err
		}
		out[dataset.Table] = b
	}
	if err := layouts(records, out); err != nil {
		return nil, err
	}
	return out, nil
}

// datasetTable returns dataset.csv, nil if no image has a label of the data set.
func datasetTable(records []Record) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err := w.Write(append(slices.Clone(dataset.Columns), dataset.PatientColumn, dataset.SpacingColumn))
	n := 0
	for _, r := range records {
		image, label := "images/"+r.ID+".png", "labels/"+r.ID+".png"
		if r.Files[image] == "" || r.Files[label] == "" {
			continue
		}
		n++
		spacing := ""
		if r.SpacingMM > 0 {
			spacing = strconv.FormatFloat(r.SpacingMM, 'g', -1, 64)
		}
		err = errors.Join(err, w.Write([]string{r.ID, image, label, strings.ToLower(r.BodyPart), r.Polarity, "", "0", "export", r.Patient, spacing}))
	}
	w.Flush()
	if n == 0 {
		return nil, err
	}
	return b.Bytes(), errors.Join(err, w.Error())
}

// foldsOf assigns patients to folds by a hash of their pseudonyms, so that patients usually
// keep their fold when a set grows. An empty fold gets a patient of the largest.
func foldsOf(records []Record) map[string]int {
	fold, count := map[string]int{}, make([]int, Folds)
	patients := map[string]bool{}
	for _, r := range records {
		patients[r.Patient] = true
	}
	sorted := slices.Sorted(maps.Keys(patients))
	for _, p := range sorted {
		sum := sha256.Sum256([]byte(p))
		fold[p] = int(binary.BigEndian.Uint32(sum[:]) % Folds)
		count[fold[p]]++
	}
	for f := range Folds {
		if count[f] > 0 || len(sorted) < Folds {
			continue
		}
		largest := slices.Index(count, slices.Max(count))
		p := sorted[slices.IndexFunc(sorted, func(p string) bool { return fold[p] == largest })]
		fold[p] = f
		count[f], count[largest] = 1, count[largest]-1
	}
	return fold
}

// layouts adds the tables of nnU-Net and MONAI if there are files for them, and the palette of
// painted labels.
func layouts(records []Record, out map[string][]byte) error {
	fold := foldsOf(records)
	add := func(path string, v any) error {
		b, err := json.MarshalIndent(v, "", " ")
		out[path] = append(b, '\n')
		return err
	}
	var cases []Record
	for _, r := range records {
		if r.Files["colours/"+r.ID+".png"] != "" {
			out["colours.gpl"] = []byte(legend())
		}
		if r.Files[nnunetFolder+"/labelsTr/"+r.ID+".png"] != "" {
			cases = append(cases, r)
		}
	}
	if len(cases) > 0 {
		if err := errors.Join(add(nnunetFolder+"/dataset.json", nnunetJSON(len(cases))), add(nnunetFolder+"/splits_final.json", splits(cases, fold))); err != nil {
			return err
		}
	}
	if list := monaiJSON(records, fold); list != nil {
		return add("monai.json", list)
	}
	return nil
}

// nnunetJSON returns dataset.json of nnU-Net v2. By its rules label 0 is "background" and the
// ignore label is the highest; the channel's name selects z-score normalisation.
func nnunetJSON(n int) any {
	return map[string]any{
		"channel_names": map[string]string{"0": "radiograph"},
		"labels":        map[string]int{"background": dataset.OpenBeam, "soft_tissue": dataset.SoftTissue, "bone": dataset.Bone, "ignore": dataset.Classes},
		"numTraining":   n, "file_ending": ".png",
	}
}

func splits(cases []Record, fold map[string]int) any {
	type split struct {
		Train []string `json:"train"`
		Val   []string `json:"val"`
	}
	out := make([]split, Folds)
	for f := range out {
		out[f] = split{[]string{}, []string{}}
		for _, r := range cases {
			if fold[r.Patient] == f {
				out[f].Val = append(out[f].Val, r.ID)
			} else {
				out[f].Train = append(out[f].Train, r.ID)
			}
		}
	}
	return out
}

// monaiJSON returns a datalist of MONAI, nil if no image has a label.
func monaiJSON(records []Record, fold map[string]int) any {
	type entry struct {
		Image string `json:"image"`
		Label string `json:"label"`
		Fold  int    `json:"fold"`
	}
	var training []entry
	for _, r := range records {
		image, label := "images/"+r.ID+".png", "labels/"+r.ID+".png"
		if r.Files[image] != "" && r.Files[label] != "" {
			training = append(training, entry{image, label, fold[r.Patient]})
		}
	}
	if training == nil {
		return nil
	}
	return map[string]any{
		"labels":   map[string]string{"0": dataset.ClassNames[0], "1": dataset.ClassNames[1], "2": dataset.ClassNames[2], "255": "ignore"},
		"training": training, "validation": []entry{}, "test": []entry{}, "numTraining": len(training),
	}
}

// legend returns a GIMP palette with the colours of painted labels.
func legend() string {
	var b strings.Builder
	b.WriteString("GIMP Palette\nName: dicomnode labels\nColumns: 1\n#\n")
	for i, name := range append(slices.Clone(dataset.ClassNames[:]), "ignore") {
		c := Palette[i]
		fmt.Fprintf(&b, "%3d %3d %3d\t%s\n", c.R, c.G, c.B, name)
	}
	return b.String()
}

func init() {
	leak.Vocabulary(readmeText)
	leak.Vocabulary(licence)
	leak.Vocabulary(ManifestName + " " + dataset.Table + " " + strings.Join(dataset.Columns, " ") + " " + nnunetFolder + ` images labels colours tiff png dicom
		dataset.json splits_final.json monai.json colours.gpl project.json readme.md licence.txt imagestr labelstr numtraining channel_names file_ending
		radiograph background soft_tissue bone ignore training validation basic kind patient study_uid series_uid instance_uid sop_class_uid body_part view rows
		columns bits_stored transfer_syntax_uid lossy spacing_mm polarity air_bright air_dark chain pixels stored corrected canonical steps offset scale
		revoked burned_in found done nothing kept blanked reviewed label draft model_digest config_digest profile edition name options project files export
		gimp palette name dicomnode labels columns open beam soft tissue
		dark correction: none estimated dark frames polarity: for processing, linear, less beam is higher lower sign absent as displayed monochrome inverse
		patient device institution uids full_dates modified_dates descriptors safe_private graphics removed`)
}
