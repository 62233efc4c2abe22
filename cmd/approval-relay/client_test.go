package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The error of a refused token names its origin.
func TestTokenOrigin(t *testing.T) {
	for want, c := range map[string]struct {
		client    client
		variables map[string]string
	}{
		"the flag --token":                                           {client{Token: "a"}, nil},
		"the variable APPROVAL_RELAY_TOKEN":                          {client{Token: "a"}, map[string]string{"APPROVAL_RELAY_TOKEN": "a"}},
		"the file approval-relay.token, the default of --token-file": {client{TokenFile: "approval-relay.token"}, nil},
		"the file x, which --token-file names":                       {client{TokenFile: "x"}, nil},
		"the file x, which the variable APPROVAL_RELAY_TOKEN_FILE names": {
			client{TokenFile: "x"}, map[string]string{"APPROVAL_RELAY_TOKEN_FILE": "x"},
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Setenv("APPROVAL_RELAY_TOKEN", "")
			t.Setenv("APPROVAL_RELAY_TOKEN_FILE", "")
			for name, value := range c.variables {
				t.Setenv(name, value)
			}
			require.Equal(t, want, c.client.tokenOrigin())
		})
	}
	t.Setenv("APPROVAL_RELAY_TOKEN", "b")
	flag := client{Token: "a"}
	require.Equal(t, "the flag --token", flag.tokenOrigin(), "a flag comes before a variable")
}
