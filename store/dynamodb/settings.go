package dynamodb

import "github.com/approval-relay/approval-relay/setup"

// Settings are the settings of a table.
type Settings struct {
	Table    string `yaml:"table" doc:"name of the table; it holds nothing else"`
	Create   bool   `yaml:"create" doc:"make the table if it does not exist, billed by request; otherwise it must exist"`
	Shards   int    `yaml:"shards" doc:"smallest number of partitions of each index, at most 512; a table begins with 8, and gets more by itself when they become warm. It never shrinks"`
	Region   string `yaml:"region" doc:"region; empty takes aws.region"`
	Endpoint string `yaml:"endpoint" doc:"endpoint, for emulators; empty takes aws.endpoint"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(common setup.Common) {
	setup.Default(&s.Region, common.Region)
	setup.Default(&s.Endpoint, common.Endpoint)
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	if s.Table == "" {
		c.Fault("table", "is missing: the name of the table")
	}
	if s.Shards < 0 || s.Shards > MaxShards {
		c.Fault("shards", "must be between 1 and %d", MaxShards)
	}
}
