package config

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/setup"
)

// settingsMethods are the methods by which settings take part. The compiler finds a missing method if it is required; a
// misspelt optional method compiles and is never called.
var settingsMethods = []string{
	"Open", "Audience", "Address", "Scheme", "SetDefaults", "Validate", "TakesEvents", "Unreachable", "AWSOperations",
}

// TestOptionalMethodsAreSpelt looks for methods of settings that are almost one of the above.
func TestOptionalMethodsAreSpelt(t *testing.T) {
	t.Parallel()
	for _, kinds := range [][]Choice{new(Channel).Choices(), new(Target).Choices(), new(Scheme).Choices()} {
		for _, kind := range kinds {
			for _, fault := range misspeltMethods(kind.Settings) {
				t.Errorf("%s: %s", kind.Name, fault)
			}
		}
	}
	if got := misspeltMethods(misspelt{}); len(got) != 1 || got[0] != `Valdate; did you mean "Validate"?` {
		t.Errorf("the misspelt method is not found: %v", got)
	}
}

// misspelt is a struct with a misspelt method, a known one, and one of its own.
type misspelt struct{}

func (misspelt) Valdate()     {}
func (misspelt) SetDefaults() {}
func (misspelt) HasButtons()  {}

// misspeltMethods returns the exported methods that are almost a known method.
func misspeltMethods(settings any) []string {
	var faults []string
	for method := range reflect.TypeOf(settings).Methods() {
		if slices.Contains(settingsMethods, method.Name) {
			continue
		}
		if hint := setup.DidYouMean(method.Name, settingsMethods); hint != "" {
			faults = append(faults, method.Name+hint)
		}
	}
	return faults
}

// TestAudienceOfEveryKind lists who reads the messages of each kind. A new kind of channel needs a line here, because
// its audience decides whether a link in its messages decides.
func TestAudienceOfEveryKind(t *testing.T) {
	t.Parallel()
	want := map[string]notify.Audience{
		"log":         notify.AudienceApprover,
		"smtp":        notify.AudienceApprover,
		"ses":         notify.AudienceApprover,
		"slack":       notify.AudienceApprover, // by a bot; see TestAudience in package slack
		"teams":       notify.AudienceApprover, // see its setting readers
		"discord":     notify.AudienceGroup,
		"googlechat":  notify.AudienceGroup,
		"webhook":     notify.AudienceApprover,
		"sns":         notify.AudiencePrograms,
		"eventbridge": notify.AudiencePrograms,
	}
	got := map[string]notify.Audience{}
	for _, kind := range ChannelKinds() {
		settings := kind.New()
		if d, ok := settings.(setup.Defaulter); ok {
			d.SetDefaults(setup.Common{})
		}
		got[kind.Name] = settings.Audience()
	}
	if !maps.Equal(got, want) {
		t.Errorf("audiences are %v, want %v", got, want)
	}
}
