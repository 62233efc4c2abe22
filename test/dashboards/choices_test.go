package dashboards

import (
	"fmt"
	"net/http"
)

// runChoices decides requests with choices and a form: one is edited, one returned, and some decisions are not valid.
// An operator reminds an approver.
func (w *world) runChoices() error {
	for _, order := range []string{"edited", "returned"} {
		if _, err := w.postRequest("refunds", order, fields{"limit": 100}); err != nil {
			return err
		}
	}
	reminders := "http://" + w.operator + "/v1/orders/edited/reminders"
	if status, text := w.callHTTP("POST", reminders, operatorToken, `{"reason": "load"}`); status != http.StatusOK {
		return fmt.Errorf("remind: %d %s", status, text)
	}
	for _, d := range []struct {
		order, by string
		more      fields
		want      int
	}{
		{"edited", "ann", fields{"choice": "approve", "values": fields{"limit": 900}}, http.StatusUnprocessableEntity},
		{"edited", "ann", fields{"choice": "approve", "shownDigest": "outdated"}, http.StatusConflict},
		{"edited", "ann", fields{"choice": "approve", "values": fields{"limit": 50}}, http.StatusOK},
		{"edited", "bob", fields{"choice": "abstain"}, http.StatusOK},
		{"returned", "ann", fields{"choice": "return"}, http.StatusOK},
	} {
		d.more["decisionId"] = fmt.Sprint(d.order, d.by, d.want)
		if err := w.postDecision("api", d.order, "", d.by, d.want, d.more); err != nil {
			return err
		}
	}
	return nil
}
