package trainercmd

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/importer"
)

// segFlags are those of trainer dataset import-seg.
type segFlags struct {
	in      importer.Segmented
	key     string
	classes []string
	rest    string
	asJSON  bool
}

// classWords are the classes as they are written on the command line.
var classWords = map[string]uint8{"open-beam": dataset.OpenBeam, "soft-tissue": dataset.SoftTissue, "bone": dataset.Bone, "ignore": dataset.Ignore}

func trainerSEGCmd() *cobra.Command {
	f := &segFlags{}
	cmd := &cobra.Command{
		Use: "import-seg IN… --out DATASET", Short: "import radiographs with their DICOM segmentations",
		Long: `Make a data set folder of radiographs and BINARY DICOM segmentations of them,
such as "dicomnode segment" writes and people corrected. IN are files and folders
with both. A segment's class is given by --class, by its Segmented Property Type
or by its label; pixels in no segment are ignored. Images are stored as the
network is shown them: open beam bright, raw linear signals as their logarithm.
No name or number of a patient reaches the folder: the columns id and patient hold
pseudonyms, made with a key that is forgotten, or with --key kept in a file, so
that several imports give a patient the same one. Names burned into pixels are
not found; images that say they have some are refused.
` + importCodes,
		Example: "  dicomnode trainer dataset import-seg study/ results/ --out data/ours",
		Args:    command.WantArgs(1, -1, "files or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.in.Inputs = args
			if err := f.complete(cmd); err != nil {
				return err
			}
			codecs, err := pipeline.OpenCodecs(configs.Default(), nil)
			if err != nil {
				return err
			}
			f.in.Codecs = codecs
			return errors.Join(runImport(cmd, f.in.Out, f.asJSON, f.in.Run), codecs.Close())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.in.Out, "out", "o", "", "folder to write")
	flags.StringVar(&f.key, "key", "", "file of the key of the pseudonyms; made when it is not there")
	flags.StringArrayVar(&f.classes, "class", nil, "class of a segment by label or number: 'LABEL=bone', open-beam, soft-tissue or ignore (repeatable)")
	flags.StringVar(&f.rest, "rest", "ignore", "class of pixels in no segment: ignore or open-beam")
	flags.BoolVar(&f.in.BurnedIn, "burned-in", false, "take images that say that names are burned into their pixels")
	flags.IntVar(&f.in.Workers, "threads", 0, "images read at a time; 0 is one per core")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *segFlags) complete(cmd *cobra.Command) (err error) {
	if f.in.Out == "" {
		return command.Usagef("for example --out data/ours", "missing option: --out")
	}
	var known bool
	if f.in.Rest, known = classWords[f.rest]; !known {
		return command.Usagef("ignore or open-beam", "unknown value %q of --rest", f.rest)
	}
	f.in.Classes = map[string]uint8{}
	for _, c := range f.classes {
		i := strings.LastIndex(c, "=")
		class, known := classWords[c[i+1:]]
		if i < 1 || !known {
			return command.Usagef("for example --class 'Femur=bone'", "--class %q names none of open-beam, soft-tissue, bone, ignore", c)
		}
		f.in.Classes[c[:i]] = class
	}
	f.in.Key = importer.NewKey()
	if f.key != "" {
		f.in.Key, err = importer.LoadKey(f.key)
	}
	return err
}
