package operate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/trail"
	"dicomnode/internal/archive"
	"dicomnode/internal/hint"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// eraseFlags are the flags of erase.
type eraseFlags struct {
	config, study, patient, reason string
	yes, again                     bool
}

func archiveEraseCmd() *cobra.Command {
	var f eraseFlags
	cmd := &cobra.Command{
		Use: "erase --study UID|--patient ID --reason WORDS [--yes]", Short: "permanently remove images, versions and results",
		Long: `Permanently remove the images of a study or of a patient, with all their versions,
results and tombstones. Without --yes it prints the number of objects and removes
none. User and reason are recorded. Objects at a destination are not removed: remove
them there. A backup that is restored later does not bring the images back, as long
as the file "erased" stays in the archive's folder. --again removes erased objects
that came back with an older copy of the folder.
` + command.ExitCodes,
		Example: "  dicomnode archive erase --study 1.2.840.99.7 --reason \"request 17\" --yes",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	command.ConfigFlag(cmd, &f.config)
	cmd.Flags().StringVar(&f.study, "study", "", "Study Instance UID (0020,000D)")
	cmd.Flags().StringVar(&f.patient, "patient", "", "Patient ID (0010,0020)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the record; no patient's name")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&f.again, "again", false, "erase objects that were erased before and came back with a backup")
	cmd.MarkFlagsMutuallyExclusive("study", "patient", "again")
	return cmd
}

func (f eraseFlags) run(cmd *cobra.Command) error {
	switch {
	case f.study == "" && f.patient == "" && !f.again:
		return command.Usagef("dicomnode archive erase --study UID --reason WORDS", "missing --study or --patient")
	case f.reason == "" && !f.again:
		return command.Usagef("--reason \"request of the patient\"", "missing --reason")
	}
	return withArchive(cmd.Context(), f.config, func(a *archive.Archive) error {
		ctx := archive.WithReason(cmd.Context(), f.reason)
		if f.again {
			n, err := a.EraseAgain(ctx)
			return errors.Join(err, printErased(cmd, n))
		}
		ids, err := objectIDs(ctx, a, f.matches)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return hint.Add(errors.New("archive erase: nothing stored matches"), "the value must be the whole UID or ID, as the images have it")
		}
		if !f.yes {
			fmt.Fprintf(cmd.OutOrStdout(), "%d received objects, and their results, would be erased; --yes does it\n", len(ids))
			return nil
		}
		notes, err := f.note(ctx, a, ids)
		if err != nil {
			return err
		}
		n, err := a.Erase(ctx, ids...)
		if err != nil {
			err = errors.Join(err, notes.Erased(false))
		}
		if errors.Is(err, archive.ErrRunning) {
			return hint.Add(err, "it is being segmented or delivered; nothing was erased")
		}
		return errors.Join(err, printErased(cmd, n))
	})
}

// note records in the audit trail, if there is one, what is about to be erased.
func (f eraseFlags) note(ctx context.Context, a *archive.Archive, ids []int64) (*trail.Trail, error) {
	c, err := command.LoadConfig(f.config)
	if err != nil {
		return nil, err
	}
	notes, err := trail.Open(c)
	if err != nil || notes == nil {
		return nil, err
	}
	var all []archive.Object
	for _, id := range ids {
		o, err := a.Object(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return notes, notes.Erased(true, all...)
}

func printErased(cmd *cobra.Command, n int) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d objects erased\n", n)
	return err
}

// matches reports whether a stored object is to be erased.
func (f eraseFlags) matches(o archive.Object) (bool, error) {
	if f.study != "" {
		return o.StudyInstanceUID == f.study, nil
	}
	id, err := patientID(o)
	if err != nil {
		return false, hint.Add(fmt.Errorf("read Patient ID of object %d: %w", o.ID, err), "nothing was erased; see \"dicomnode archive check\"")
	}
	return id == f.patient, nil
}

// patientID reads Patient ID (0010,0020) of a stored object, without padding.
func patientID(o archive.Object) (string, error) {
	r, err := o.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	if r.Size() > decode.MaxFile {
		return "", fmt.Errorf("object of %d bytes, at most %d", r.Size(), decode.MaxFile)
	}
	file, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	read, err := part10.Read(file)
	if err != nil {
		return "", err
	}
	var plain bytes.Buffer
	err = part10.WriteMeta(&plain, part10.Meta{SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: uid.ExplicitVRLittleEndian})
	if err != nil {
		return "", err
	}
	plain.Write(read.Elements)
	ds, err := dicom.Parse(&plain, int64(plain.Len()), nil, dicom.AllowUnknownSpecificCharacterSet())
	if err != nil {
		return "", errors.New("value and value representation do not agree") // errors of the library may quote values
	}
	e, err := ds.FindElementByTag(tag.PatientID)
	if err != nil {
		return "", nil // it has none
	}
	if values, ok := e.Value.GetValue().([]string); ok && len(values) > 0 {
		return strings.Trim(values[0], " \x00"), nil
	}
	return "", nil
}
