// Package changelog owns the format of docs/changes, where each change that users notice has
// a file until it is released, and folds these files into CHANGELOG.md. It decides neither
// the version of a release nor its date.
package changelog

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Change is one file of docs/changes.
type Change struct {
	Name string // of the file, without its folder
	Text string // one paragraph of Markdown
}

// README is the file of the folder that is no change: it says what one looks like.
const README = "README.md"

// longest is the most bytes that a change may have: it is read by somebody who upgrades.
const longest = 700

var (
	fileName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*\.md$`)
	topic    = regexp.MustCompile(`^\*\*[^*]+\*\*`)
	release  = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
)

// Read returns the changes of a folder by the names of their files. The error names the
// first file that is not as README.md there asks.
func Read(folder string) ([]Change, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, e := range entries {
		if e.Name() == README {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		c := Change{Name: e.Name(), Text: strings.TrimSpace(string(text))}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func (c Change) check() error {
	switch {
	case !fileName.MatchString(c.Name):
		return fmt.Errorf("want a name of small letters, digits and hyphens that ends in .md")
	case !topic.MatchString(c.Text):
		return fmt.Errorf("want a text that begins with its topic in bold, as in **Export**: …")
	case !strings.HasSuffix(c.Text, "."):
		return fmt.Errorf("want whole sentences")
	case strings.Contains(c.Text, "\n\n") || strings.Contains(c.Text, "\n#") || strings.Contains(c.Text, "\n-"):
		return fmt.Errorf("want one paragraph")
	case len(c.Text) > longest:
		return fmt.Errorf("%d bytes, want at most %d", len(c.Text), longest)
	}
	return nil
}

// Fold returns the changelog with the section of a release before the others. Sections of
// the changelog begin with "## ".
func Fold(changelog string, changes []Change, version string, day time.Time) (string, error) {
	switch {
	case !release.MatchString(version):
		return "", fmt.Errorf("%q is no version: want three numbers, as in 1.2.0", version)
	case len(changes) == 0:
		return "", fmt.Errorf("there is no change to release")
	case strings.Contains(changelog, "\n## "+version+" "):
		return "", fmt.Errorf("the changelog has version %s already", version)
	}
	return Preview(changelog, changes, version, day), nil
}

// Preview is Fold for a build of any version, also one that is no release: it returns the
// changelog as it is when there is no change.
func Preview(changelog string, changes []Change, version string, day time.Time) string {
	if len(changes) == 0 {
		return changelog
	}
	var section strings.Builder
	fmt.Fprintf(&section, "## %s (%s)\n\n", version, day.Format(time.DateOnly))
	for _, c := range changes {
		fmt.Fprintf(&section, "- %s\n", strings.ReplaceAll(relocated(c.Text), "\n", "\n  "))
	}
	before, after, older := strings.Cut(changelog, "\n## ")
	if !older {
		return strings.TrimRight(before, "\n") + "\n\n" + section.String()
	}
	return before + "\n" + section.String() + "\n## " + after
}

var link = regexp.MustCompile(`\]\(([^):#\s]+)([)#])`) // within the repository

// relocated is the text of a change whose links lead from CHANGELOG.md where they led from
// docs/changes.
func relocated(text string) string {
	return link.ReplaceAllStringFunc(text, func(s string) string {
		m := link.FindStringSubmatch(s)
		return "](" + path.Join("docs", "changes", m[1]) + m[2]
	})
}
