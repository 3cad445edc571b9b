package export

import (
	"fmt"
	"strings"

	"dicomnode/trainer/deidentify/profile"
)

const readmeText = `# A de-identified set of radiographs

Made by dicomnode. manifest.jsonl has a line for each object: its pseudonyms, the
digest of each file, how its values were made and what was done about writing in
the pixels. Equal values of "patient" are one patient; whoever holds the key knows
who. Without the key nobody can, and nothing can be added to the set.

Objects follow PS3.15 Annex E. Images with "reviewed" true were looked at by
somebody; of the others nobody has claimed that no writing is left in them.

Labels, where there are any, are drafts of a model unless somebody corrected them:
0 open beam, 1 soft tissue, 2 bone, 255 not scored. In nnunet the last is 3.
`

const licence = `State here who may use this set and for what. Until then: nobody but its holder.
`

// readme returns the README of a set. It contains fixed text and numbers of this set.
func readme(records []Record) string {
	images, patients := 0, map[string]bool{}
	profiles := map[string]bool{}
	for _, r := range records {
		if r.Rows > 0 {
			images++
		}
		patients[r.Patient] = true
		profiles[r.Profile.Name] = true
	}
	var b strings.Builder
	b.WriteString(readmeText)
	fmt.Fprintf(&b, "\nImages: %d. Patients: %d. PS3.15 %s", images, len(patients), profile.Edition)
	for _, name := range []string{"training", "basic"} {
		if profiles[name] {
			fmt.Fprintf(&b, ", %s", name)
		}
	}
	b.WriteString(".\n")
	return b.String()
}
