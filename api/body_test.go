package api

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/metadata"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.String()
}

// TestBodiesReachTheHandlerPlain checks what the handler of a message gets, and that it learns the format from the way in.
func TestBodiesReachTheHandlerPlain(t *testing.T) {
	t.Parallel()
	in := NewIngress()
	var got *message.Message
	consume(t, in, "t", func(m *message.Message) error { got = m; return nil })
	auto := in.MessageHandler(fixedTopic("t"), SourcePolicy{Body: body.Auto, CoversRequest: true})
	form := in.MessageHandler(fixedTopic("t"), SourcePolicy{Body: body.Form})
	for _, c := range []struct {
		h                                    http.Handler
		sent, contentType, encoding, payload string
		format                               body.Format
	}{
		{auto, `{"a":1}`, "application/json", "", `{"a":1}`, body.JSON},
		{auto, gzipped(t, `{"a":1}`), "application/json", "gzip", `{"a":1}`, body.JSON},
		{auto, gzipped(t, "a=1"), "application/x-www-form-urlencoded", "gzip", "a=1", body.Form},
		{form, "a=1", "application/json", "", "a=1", body.Form},
		{form, gzipped(t, "a=1"), "text/html", "", "a=1", body.Form},
	} {
		resp := send(t, c.h, "POST", "/x", c.sent, "Content-Type", c.contentType, "Content-Encoding", c.encoding)
		require.Equal(t, http.StatusNoContent, resp.StatusCode, resp.text)
		require.Equal(t, c.payload, string(got.Payload))
		require.Equal(t, string(c.format), got.Metadata.Get(metadata.BodyFormat))
	}
}

// TestUnsupportedBodies checks the problem details and headers of RFC 9110, section 15.5.16.
func TestUnsupportedBodies(t *testing.T) {
	t.Parallel()
	in := NewIngress()
	consume(t, in, "t", func(*message.Message) error { t.Error("became a message"); return nil })
	h := in.MessageHandler(fixedTopic("t"), SourcePolicy{Body: body.Auto, CoversRequest: true, MaxBody: 100})
	resp := send(t, h, "POST", "/x", "{}", "Content-Encoding", "br")
	require.Equal(t, http.StatusUnsupportedMediaType, resp.StatusCode)
	require.Equal(t, "gzip, deflate", resp.Header.Get("Accept-Encoding"))
	require.Equal(t, "Content-Encoding", resp.problem.Field)
	resp = send(t, h, "POST", "/x", "<a/>", "Content-Type", "application/xml")
	require.Equal(t, http.StatusUnsupportedMediaType, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Accept"), "application/json")
	require.Equal(t, "Content-Type", resp.problem.Field)
	resp = send(t, h, "POST", "/x", gzipped(t, strings.Repeat(" ", 1000)), "Content-Encoding", "gzip")
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
	require.Contains(t, resp.problem.Detail, "larger than 100 bytes")
}

// TestOperatorsSendMarksAndGzip checks the calls of operators, which PowerShell makes with a byte order mark.
func TestOperatorsSendMarksAndGzip(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	const text = `{"outcome":"approve","by":"ops","reason":"by phone"}`
	for id, c := range map[string]struct {
		sent, encoding string
		status         int
	}{
		"mark":     {"\ufeff" + text, "", http.StatusOK},
		"gzip":     {gzipped(t, text), "gzip", http.StatusOK},
		"utf16":    {"\xff\xfe{\x00", "", http.StatusUnprocessableEntity},
		"unknown":  {text, "br", http.StatusUnsupportedMediaType},
		"two-mark": {"\ufeff\ufeff" + text, "", http.StatusUnprocessableEntity},
	} {
		ask(t, s, id, time.Now().Add(time.Hour))
		got := send(t, h.OperatorHandler(), "POST", "/v1/orders/"+id+"/decide", c.sent,
			"Authorization", "Bearer operator", "Content-Encoding", c.encoding)
		require.Equal(t, c.status, got.StatusCode, "%s: %s", id, got.text)
	}
}
