package setup

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSimilar(t *testing.T) {
	t.Parallel()
	known := []string{"orders", "min_assurance", "hmac", "tls"}
	for name, want := range map[string]string{
		"oders":        "orders",
		"ordres":       "orders",
		"minAssurance": "min_assurance",
		"hmack":        "hmac",
		"tsl":          "tls",
		"refunds":      "",
		"x":            "",
		"":             "",
	} {
		require.Equal(t, want, Similar(name, known), name)
	}
	require.Equal(t, `; did you mean "orders"?`, DidYouMean("oders", known))
	require.Empty(t, DidYouMean("refunds", known))
}

// TestFieldsOfErrors checks that every part of a joined error becomes a fault of its own field.
func TestFieldsOfErrors(t *testing.T) {
	t.Parallel()
	var faults []string
	check := NewCheck("webhooks.erp", func(path string, severity Severity, message string) {
		require.Equal(t, Fault, severity)
		faults = append(faults, path+": "+message)
	})
	secrets := errors.Join(NewFieldError("[0]", "has %d bytes", 3), NewFieldError("[2]", "is empty"))
	check.Error("hmac", errors.Join(InField("secrets", secrets), NewFieldError("header", "is missing"), errors.New("is odd")))
	check.Error("hmac", nil)
	require.NoError(t, InField("secrets", nil))
	require.Equal(t, []string{
		"webhooks.erp.hmac.secrets[0]: has 3 bytes",
		"webhooks.erp.hmac.secrets[2]: is empty",
		"webhooks.erp.hmac.header: is missing",
		"webhooks.erp.hmac: is odd",
	}, faults)
}

func TestChecksOfValues(t *testing.T) {
	t.Parallel()
	settings := struct {
		Mode  string `yaml:"mode" enum:"fast,slow"`
		Other string `yaml:"other" enum:"a,b"`
	}{"fats", "b"}
	var faults []string
	check := NewCheck("", func(path string, _ Severity, message string) { faults = append(faults, path+": "+message) })
	check.Enums(&settings)
	check.AtLeast("wait", 90*time.Minute, 2*time.Hour)
	check.Between("visibility", time.Second, 2*time.Second, 12*time.Hour)
	check.Between("visibility", 2*time.Second, 2*time.Second, 12*time.Hour)
	require.Equal(t, []string{
		`mode: "fats" is not one of fast, slow; did you mean "fast"?`,
		"wait: is 1h30m, the least is 2h",
		"visibility: is 1s, must be 2s to 12h",
	}, faults)
}
