package approval

import (
	"encoding/json"
	"testing"
)

// A typical order, with two approvers, two channels and a few details, is decided and marshalled as a store does it.
func BenchmarkDecideAndMarshal(b *testing.B) {
	o, _ := pendingOrder(b, withApprovers("ann@example.com", "bob@example.com"), func(a *Request) {
		a.Title, a.Requester, a.Channels = "Pay 1,200.00 to ACME", "eve@example.com", []string{"mail", "chat"}
		a.Details = []Field{
			{Name: "Amount", Value: "1,200.00"},
			{Name: "Supplier", Value: "ACME"},
			{Name: "Cost centre", Value: "4711"},
		}
	})
	before := marshalOrder(b, o)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		o := &Order{}
		if err := json.Unmarshal([]byte(before), o); err != nil {
			b.Fatal(err)
		}
		o.Approvals[0].Token = NewToken("t1")
		b.StartTimer()
		if _, _, err := o.Decide(approveDecision("d1", by("ann@example.com")), testRetention, envAt(1)); err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(o); err != nil {
			b.Fatal(err)
		}
	}
}
