package main

import (
	"reflect"
	"strings"
)

// Channels, schemes of webhooks and targets come in kinds. A kind is a struct of the
// configuration with the methods of channelKind, schemeKind or targetKind. To add one,
// write it, and name it in ChannelConfig, WebhookConfig or TargetConfig: by that line it
// is read, filled, checked, made and documented.

// choice is the kind that a part of the configuration names.
type choice[K any] struct {
	name string // of its field
	is   K
}

// chosen returns the kinds that are set in a part of the configuration, a struct with
// a pointer to each kind there is.
func chosen[K any](part any) []choice[K] {
	var out []choice[K]
	v := reflect.ValueOf(part)
	for i := range v.NumField() {
		if is, ok := reflect.TypeAssert[K](v.Field(i)); ok && !v.Field(i).IsNil() {
			out = append(out, choice[K]{v.Type().Field(i).Tag.Get("yaml"), is})
		}
	}
	return out
}

// kinds names all the kinds there are: "a, b and c".
func kinds[K any](part any) string {
	var names []string
	for f := range reflect.TypeOf(part).Fields() {
		if f.Type.Implements(reflect.TypeFor[K]()) {
			names = append(names, f.Tag.Get("yaml"))
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// only returns the one kind that is set, once that was checked.
func only[K any](part any) K { return chosen[K](part)[0].is }

// checked is what every kind can do: fill in its defaults, and say what is wrong with
// it. at is its place in the configuration.
type checked interface {
	fill(a AWSConfig)
	validate(l *loading, at string)
}

// fillKind fills in the defaults of the kind that a part names.
func fillKind[K checked](part any, a AWSConfig) {
	for _, k := range chosen[K](part) {
		k.is.fill(a)
	}
}

// validateKind checks that a part names one kind, and the kind.
func validateKind[K checked](l *loading, at string, part any, why string) {
	set := chosen[K](part)
	if len(set) != 1 {
		l.fault(at, "needs exactly one of %s%s", kinds[K](part), why)
	}
	for _, k := range set {
		k.is.validate(l, at+"."+k.name)
	}
}
