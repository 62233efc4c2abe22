package sqstarget

import (
	"crypto/fips140"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of the queues in an account and region to which answers are sent.
type Settings struct {
	setup.AWS            `yaml:",inline"`
	callback.RateSetting `yaml:",inline"`
	Queues               map[string]string `yaml:"queues" doc:"name or URL of each queue that requests may choose, by a name of your own"`
	Default              string            `yaml:"default" doc:"queue of tokens that choose none: a name in queues; a single queue is the default"`
}

// SetDefaults implements setup.Defaulter. The rate is below the quota of a FIFO queue, 300 calls a second.
func (s *Settings) SetDefaults(common setup.Common) {
	if len(s.Queues) == 1 {
		for name := range s.Queues {
			setup.Default(&s.Default, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Queues)) {
		setup.Default(&s.Region, regionOf(s.Queues[name]))
	}
	s.AWS.SetDefaults(common)
	s.SetRate(100, 100)
}

var (
	// nameForm is the form of a queue's name in the settings. A colon ends the name in a token.
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,80}$`)
	queueForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,75}(\.fifo)?$|^[A-Za-z0-9_-]{1,80}$`)
	// hostForm is the form of the host in the URL of a queue at AWS.
	hostForm = regexp.MustCompile(`^sqs(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.|api\.aws)`)
)

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	s.AWS.Validate(c)
	s.RateSetting.Validate(c)
	names := slices.Sorted(maps.Keys(s.Queues))
	if len(names) == 0 {
		c.Fault("queues", "is missing: requests choose among the queues that it names")
	}
	for _, name := range names {
		field, queue := "queues."+name, s.Queues[name]
		region := regionOf(queue)
		switch {
		case !nameForm.MatchString(name):
			c.Fault(field, "is not a name of at most 80 characters of A-Z, a-z, 0-9, ., _ and -")
		case strings.Contains(queue, "/"):
			c.BaseURL(field, queue)
		case !queueForm.MatchString(queue):
			c.Fault(field, "must be the name or the URL of a queue")
		}
		if region != "" && region != s.Region {
			c.Fault(field, "is in the region %s, and the target calls %s: give each region a target of its own",
				region, s.Region)
		}
	}
	if s.Default != "" && len(names) > 0 {
		c.OneOf("default", s.Default, names...)
	}
}

// regionOf returns the region of a queue's URL, or the empty text for a name and for a URL that is not one of AWS.
func regionOf(queue string) string {
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	if found := hostForm.FindStringSubmatch(u.Host); found != nil {
		return found[1]
	}
	return ""
}

// Address implements callback.Settings.
func (*Settings) Address() callback.Address { return callback.TaskToken }

// AWSOperations implements setup.AWSCaller.
func (*Settings) AWSOperations() []string { return outbound.OperationNames[API](sqs.ServiceID) }

// Open implements callback.Settings.
func (s *Settings) Open(env setup.Env) (callback.Target, error) {
	config, err := env.AWS(s.AWS)
	if err != nil {
		return nil, err
	}
	limit := env.Limiter("sqs/"+env.Name, s.Rate, s.Burst)
	client := sqs.NewFromConfig(config, func(o *sqs.Options) {
		o.DisableMessageChecksumValidation = fips140.Enforced() // they are MD5, which FIPS 140 does not admit; TLS has its own
	})
	return NewTarget(newCalls(client), Config{Settings: *s, Limit: limit, Timeout: env.Timeout}), nil
}
