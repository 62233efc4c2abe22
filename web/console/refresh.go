package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/remote"
	sessions "github.com/approval-relay/approval-relay/session"
)

// A list loads itself again, without a script: its answer has the header Refresh. An operator switches that off and on by
// a link, and a cookie keeps the choice. A page that loads itself again is without fields to type into, because the text in
// them would be lost: the filter and the search are a page of their own, which stays as it is. So do all but the first page of
// a list, and the pages of orders with their forms.
const (
	// refreshEvery is the time between two loads of a list.
	refreshEvery = 30 * time.Second
	// refreshChoice is how long the choice of an operator is kept.
	refreshChoice = 90 * 24 * time.Hour
	refreshCookie = "approval_relay_refresh"
	paramRefresh  = "refresh"
	refreshOff    = "off"
	refreshOn     = "on"
)

// setRefresh keeps the choice of an operator whether lists load themselves again. It reports whether the request made a
// choice; the request is then answered by the address without it.
func (c *Console) setRefresh(w http.ResponseWriter, r *http.Request) bool {
	v := r.URL.Query()
	switch v.Get(paramRefresh) {
	case refreshOff:
		refreshCookieOf(r).Set(w, refreshOff, int(refreshChoice.Seconds()))
	case refreshOn:
		refreshCookieOf(r).Set(w, "", -1)
	default:
		return false
	}
	v.Del(paramRefresh)
	w.Header().Set("Location", listPath(v))
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// refreshCookieOf returns the cookie of the choice.
func refreshCookieOf(r *http.Request) sessions.Cookie {
	c := sessions.Cookie{Base: refreshCookie, SameSite: http.SameSiteStrictMode}
	if remote.IsTLS(r) {
		c.Secure, c.Path = true, "/"
	}
	return c
}

// setRefreshHeader lets the first page of a list load itself again, unless the operator has switched that off. It
// returns the number of seconds until then, or the empty text.
func (c *Console) setRefreshHeader(w http.ResponseWriter, r *http.Request, q listQuery) string {
	choice, _ := refreshCookieOf(r).Value(r)
	if q.filtering || q.after != "" || choice == refreshOff {
		return ""
	}
	seconds := strconv.Itoa(int(c.RefreshEvery.Seconds()))
	w.Header().Set("Refresh", seconds)
	return seconds
}

// addRefresh lets a list load itself again if it may, and adds the link that changes this.
func (c *Console) addRefresh(w http.ResponseWriter, r *http.Request, p *listPage, q listQuery) {
	v := q.values()
	p.Refreshes = c.setRefreshHeader(w, r, q)
	switch {
	case p.Refreshes != "":
		p.Finder = false
		p.Find = q.filterPath()
		v.Set(paramRefresh, refreshOff)
	case q.filtering:
		p.Finder = false // the filter finds
		return
	case q.after != "":
		return
	default:
		v.Set(paramRefresh, refreshOn)
	}
	p.Refresh = listPath(v)
}
