package metrics

// tableSeries show the use of a DynamoDB table. The calls themselves are counted with all calls to AWS.
type tableSeries struct {
	units     counter
	conflicts counter
}

func newTableSeries(b *builder) tableSeries {
	kind := label{name: "kind", values: []string{"read", "write"}}
	return tableSeries{
		units: b.newCounter("dynamodb_units_total",
			"Capacity units that the calls to the DynamoDB table have used, with those of its indexes.", kind),
		conflicts: b.newCounter("dynamodb_conflicts_total",
			"Writes to the DynamoDB table that were computed again, because another worker had written the order."),
	}
}

// TableCalled counts the units of a call to the DynamoDB table.
func (m *Metrics) TableCalled(read, written float64, isConflict bool) {
	m.table.units.addUnits(read, "read")
	m.table.units.addUnits(written, "write")
	if isConflict {
		m.table.conflicts.inc()
	}
}
