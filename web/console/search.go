package console

import (
	"net/http"
)

// searchAll leads to the list of all approvals that contain a text.
func searchAll(w http.ResponseWriter, text string) {
	q := listQuery{state: mustState(stateAll), text: text}
	w.Header().Set("Location", q.path())
	w.WriteHeader(http.StatusSeeOther)
}
