package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// unnamedHolder is the principal of a decision by a link that names no approver.
const unnamedHolder = "link holder"

// reader is the person in front of the page: the language and the zone of the page's texts.
type reader struct{ look.Reader }

// readerOf returns the reader of a request. The approver and the workflow are empty if they are unknown.
func (p *Page) readerOf(r *http.Request, approver, workflow string) reader {
	tag, zone := p.Preferences(approver, workflow, r.Header.Get("Accept-Language"))
	if zone == nil {
		zone = time.UTC
	}
	return reader{look.Reader{Words: language.For(tag), Zone: zone, Now: p.Now()}}
}

// text returns a text of the catalogue, see language.Words.
func (r reader) text(key string, namesAndValues ...string) string {
	return r.Words.Text(key, namesAndValues...)
}

// moment returns a time as the reader expects it.
func (r reader) moment(t time.Time) look.Moment { return r.Moment(t) }

// person returns a principal as the page shows it.
func (r reader) person(by string) string {
	if by == unnamedHolder {
		return r.text("page.somebody_with_link")
	}
	if name := strings.TrimPrefix(strings.TrimPrefix(by, "source:"), "api:"); name != by { // "source:api:shop" is an API token
		return r.text("page.a_system", "name", untrusted.SingleLine(name))
	}
	if name, ok := strings.CutPrefix(by, "operator:"); ok {
		return r.text("page.an_operator", "name", untrusted.SingleLine(name))
	}
	return untrusted.SingleLine(by)
}

// voter returns the maker of a vote. An operator is named as such.
func (r reader) voter(v approval.Vote) string {
	if v.Via == approval.ViaOperator {
		return r.text("page.an_operator", "name", untrusted.SingleLine(strings.TrimPrefix(v.By, "operator:")))
	}
	return r.person(v.By)
}
