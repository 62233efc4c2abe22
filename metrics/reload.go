package metrics

import "time"

// reloadSeries are the metrics of the configuration, named as Prometheus names its own.
type reloadSeries struct {
	successful gauge
	lastTime   gauge
}

func newReloadSeries(b *builder) reloadSeries {
	return reloadSeries{
		successful: b.newGauge("config_last_reload_successful",
			"Whether the configuration was read successfully the last time, at the start or by a reload: "+
				"1 or 0. After a failure the worker runs with the configuration that it had."),
		lastTime: b.newGauge("config_last_reload_success_timestamp_seconds",
			"When the configuration was last read successfully, at the start or by a reload."),
	}
}

// ConfigRead records that the configuration was read, at the start or by a reload.
func (m *Metrics) ConfigRead(at time.Time, err error) {
	if err != nil {
		m.reload.successful.set(0)
		return
	}
	m.reload.successful.set(1)
	m.reload.lastTime.set(float64(at.UnixMilli()) / 1000)
}

// AddNames adds the names of a configuration that was reloaded, with their series at 0. Names that the configuration no
// longer has keep their series.
func (m *Metrics) AddNames(c Config) {
	m.setGroups(c)
	for _, names := range m.builder.configured {
		names.extend(c)
	}
	for _, create := range m.builder.create {
		create()
	}
}
