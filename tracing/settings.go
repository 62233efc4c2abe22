package tracing

import (
	"maps"
	"math"
	"regexp"
	"slices"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of tracing.
type Settings struct {
	SampleRatio float64       `yaml:"sample_ratio" doc:"share of the traces that begin here which is sampled, from 0 to 1; a trace that a request brings along keeps the choice of its sender"`
	ServiceName string        `yaml:"service_name" doc:"service.name of the spans"`
	OTLP        *OTLPSettings `yaml:"otlp" doc:"the OpenTelemetry collector; without it nothing is traced"`
}

// OTLPSettings are the settings of an OpenTelemetry collector, reached by OTLP over HTTP.
type OTLPSettings struct {
	Endpoint string                 `yaml:"endpoint" doc:"URL, such as http://collector:4318; without a path it is /v1/traces"`
	Headers  map[string]secret.Text `yaml:"headers" doc:"headers of every export, such as a collector's credential"`
}

// headerName and headerValue are the forms of a header: RFC 9110, sections 5.1 and 5.5.
var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	headerValue = regexp.MustCompile(`^[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$`)
)

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	if math.IsNaN(s.SampleRatio) || s.SampleRatio < 0 || s.SampleRatio > 1 {
		c.Fault("sample_ratio", "is %v, must be 0 to 1", s.SampleRatio)
	}
	if s.ServiceName == "" {
		c.Fault("service_name", "is empty")
	}
	if s.OTLP != nil {
		s.OTLP.validate(c.At("otlp"))
	}
}

func (s *OTLPSettings) validate(c *setup.Check) {
	c.BaseURL("endpoint", s.Endpoint)
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		switch text := s.Headers[name].Reveal(); {
		case !headerName.MatchString(name):
			c.Fault("headers."+name, "is not the name of a header")
		case !headerValue.MatchString(text):
			c.Fault("headers."+name, "is empty, or has a character that a header cannot have")
		}
	}
}

// headerTexts returns the headers with their secrets revealed.
func (s *OTLPSettings) headerTexts() map[string]string {
	texts := map[string]string{}
	for name, value := range s.Headers {
		texts[name] = value.Reveal()
	}
	return texts
}
