package web

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/language"
)

// detailsView is the data of the template "details".
type detailsView struct {
	Items       []details.Shown
	Asides      []details.Shown // notes that are shown on request
	AsidesLabel string
}

// newDetailsView returns the details for a reader.
func newDetailsView(fields []approval.Field, words language.Words, zone *time.Location) detailsView {
	view := detailsView{AsidesLabel: words.Text("detail.asides")}
	for _, d := range (details.Reader{Words: words, Zone: zone}).Show(fields) {
		if d.IsAside {
			view.Asides = append(view.Asides, d)
		} else {
			view.Items = append(view.Items, d)
		}
	}
	return view
}
