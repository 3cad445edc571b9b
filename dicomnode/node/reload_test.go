package node

import (
	"strings"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/uid"
)

// A reload says what was taken and what waits for a restart.
func TestReloadReports(t *testing.T) {
	n, log := keeper(t, configs.Retention{Keep: time.Hour})
	c := *n.config.Load()
	c.Retention.Keep, c.Node.AETitle, c.Log.Level = 2*time.Hour, "OTHER", "debug"
	n.Reload(c)
	for _, want := range []string{`msg="configuration reloaded" peers=0 routes=0 changed=retention`, `level=WARN msg="changes wait for a restart" keys="node log"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %s:\n%s", want, log)
		}
	}
	if n.config.Load().Node.AETitle == "OTHER" {
		t.Error("the AE title changed without a restart")
	}
}

// Every class that is kept is one of the standard.
func TestOtherClassesAreTheStandards(t *testing.T) {
	for _, class := range otherSOPClasses {
		if uid.Name(class) == class {
			t.Errorf("%s is no SOP class of PS3.6", class)
		}
	}
}
