package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/ses/sestest"
)

// TestRole holds that a channel with a role sends as that role.
func TestRole(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "OWNKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	mail := sestest.StartServer(t)
	var signers []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signers = append(signers, signer(r))
		if r.URL.Path != "/" {
			mail.ServeHTTP(w, r)
			return
		}
		if r.FormValue("RoleArn") != "arn:aws:iam::111122223333:role/mail" {
			t.Errorf("asked for %v", r.Form)
		}
		_, _ = fmt.Fprint(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
			`<AccessKeyId>ROLEKEY</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>t</SessionToken>`+
			`<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	defer server.Close()
	c := parseConfig(t, `aws: {region: us-east-1, endpoint: "`+server.URL+`"}
channels: {mail: {ses: {from: relay@example.com, region: eu-west-1, role: "arn:aws:iam::111122223333:role/mail"}}}
`)
	channels, err := appOf(t, prometheus.NewRegistry(), c).openChannels(c, nil)
	require.NoError(t, err)
	ch := channels["mail"].Sender
	for range 2 {
		require.Equal(t, approval.ResultOK, approval.ResultOf(ch.Notify(t.Context(), notifytest.NewMessage())).Kind)
	}
	require.Equal(t, []string{"OWNKEY/eu-west-1/sts", "ROLEKEY/eu-west-1/ses", "ROLEKEY/eu-west-1/ses"}, signers)
	require.Len(t, mail.Emails(), 2)
}

// signer returns key, region and service of a signature (Signature Version 4).
func signer(r *http.Request) string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if parts := strings.Split(scope, "/"); len(parts) > 3 {
		return parts[0] + "/" + parts[2] + "/" + parts[3]
	}
	return "unsigned"
}
