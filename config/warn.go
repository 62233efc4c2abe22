package config

import "github.com/approval-relay/approval-relay/setup"

// warn reports the settings that are most likely mistakes. It runs on a configuration without faults.
func (c *Config) warn(*setup.Check) {}
