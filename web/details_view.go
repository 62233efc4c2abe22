package web

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/language"
)

// detailsView is the data of the template "details".
type detailsView struct {
	Items       []detailView
	Asides      []detailView // notes that are shown on request
	AsidesLabel string
}

// detailView is a detail on the page.
type detailView struct {
	details.Shown
	Open string // the address that opens a picture or document; empty if it cannot be opened
}

// newDetailsView returns the details for a reader.
func newDetailsView(fields []approval.Field, words language.Words, zone *time.Location) detailsView {
	view := detailsView{AsidesLabel: words.Text("detail.asides")}
	for _, d := range (details.Reader{Words: words, Zone: zone}).Show(fields) {
		if d.IsAside {
			view.Asides = append(view.Asides, detailView{Shown: d})
		} else {
			view.Items = append(view.Items, detailView{Shown: d})
		}
	}
	return view
}
