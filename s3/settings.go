package s3

import (
	"regexp"

	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of the buckets from which messages are read.
type Settings struct {
	Buckets   []string `yaml:"buckets" doc:"buckets that messages may name; a pointer to any other is refused"`
	setup.AWS `yaml:",inline"`
}

// bucketName is the form of a bucket's name (Amazon S3 User Guide, "General purpose bucket naming rules").
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	if len(s.Buckets) == 0 {
		c.Fault("buckets", "is missing: only messages in named buckets are read")
	}
	validateBuckets(c, s.Buckets)
	s.AWS.Validate(c)
}

func validateBuckets(c *setup.Check, buckets []string) {
	for _, bucket := range buckets {
		if !bucketName.MatchString(bucket) {
			c.Fault("buckets", "has %q, which is not the name of a bucket", bucket)
		}
	}
}

// FileSettings are the settings of the buckets from which approvers open the files of requests.
type FileSettings struct {
	Buckets   []string `yaml:"buckets" doc:"buckets that requests may name; whoever can send a request can show any object in them to its approvers. A file in any other bucket cannot be opened"`
	setup.AWS `yaml:",inline"`
}

// Validate implements setup.Validator.
func (s *FileSettings) Validate(c *setup.Check) {
	if len(s.Buckets) == 0 {
		c.Fault("buckets", "is missing: only files in named buckets are opened")
	}
	validateBuckets(c, s.Buckets)
	s.AWS.Validate(c)
}
