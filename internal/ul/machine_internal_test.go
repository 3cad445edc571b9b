package ul

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestTable910 compares the machine with a copy of the standard's table: all 13 states and 19
// events, including cells that cannot occur. It sets states directly, so it is in the package.
func TestTable910(t *testing.T) {
	f, err := os.Open("testdata/table9-10.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cells := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if strings.HasPrefix(fields[0], "#") {
			continue
		}
		var event Event
		if _, err := fmt.Sscanf(fields[0], "Evt%d", &event); err != nil || len(fields) != 14 {
			t.Fatalf("line %q: want an event and 13 cells (%v)", lines.Text(), err)
		}
		for i, want := range fields[1:] {
			cells++
			if got := describe(event, State(i+1)); got != want {
				t.Errorf("%v in %v: got %s, want %s", event, State(i+1), got, want)
			}
		}
	}
	if cells != 13*19 {
		t.Errorf("table has %d cells, want %d", cells, 13*19)
	}
}

// describe formats a transition of the machine as in the table.
func describe(e Event, s State) string {
	first, second := Machine{s}, Machine{s}
	action, err := first.Step(e, false)
	if err != nil {
		if first.State() != s {
			return "state changed by an event that cannot occur"
		}
		return "-"
	}
	if _, err := second.Step(e, true); err != nil {
		return err.Error()
	}
	cell := fmt.Sprintf("%s/%d", action, first.State())
	if second.State() != first.State() {
		cell += fmt.Sprintf(",%d", second.State())
	}
	return cell
}

func TestEveryActionExists(t *testing.T) {
	used := map[Action]bool{}
	for event, row := range transitions {
		for state, cell := range row {
			used[cell.action] = true
			if actions[cell.action] == nil {
				t.Errorf("%v in %v: action %s is missing", event, state, cell.action)
			}
		}
	}
	for action := range actions {
		if !used[action] {
			t.Errorf("action %s is used nowhere", action)
		}
	}
}
