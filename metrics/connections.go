package metrics

// connectionSeries show the connections that the program opens.
type connectionSeries struct {
	opened counter
}

// ToAWS is the place of the connections to the services of AWS. Channels and targets that call AWS share them.
const ToAWS = "aws"

// ToChannel returns the place of the connections of a channel.
func ToChannel(name string) string { return "channels/" + name }

// ToTarget returns the place of the connections of a target.
func ToTarget(name string) string { return "targets/" + name }

func newConnectionSeries(b *builder, config Config) connectionSeries {
	to := b.configuredLabel("to", config, func(c Config) []string {
		var places []string
		for _, name := range c.Channels {
			places = append(places, ToChannel(name))
		}
		for _, name := range c.Targets {
			places = append(places, ToTarget(name))
		}
		return places
	}, ToAWS)
	return connectionSeries{
		opened: b.newCounter("outgoing_connections_total",
			"Connections opened to a channel, to a target, or to AWS. Connections are kept between calls, so under load "+
				"there are far fewer than calls.", to),
	}
}

// ConnectionOpened counts a connection to a place.
func (m *Metrics) ConnectionOpened(to string) { m.connections.opened.inc(to) }
