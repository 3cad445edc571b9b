package configs_test

import (
	"regexp"
	"testing"

	"dicomnode/configs"
)

// TestNoSecrets: no key of the configuration asks for a secret: those stand in files or
// in the environment.
func TestNoSecrets(t *testing.T) {
	if found := regexp.MustCompile(`(?im)^[^#\n]*(password|passphrase|secret|token|credential)[a-z_]*:.*$`).FindAll(configs.DefaultYAML, -1); found != nil {
		t.Errorf("keys that ask for a secret: %q", found)
	}
}
