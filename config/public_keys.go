package config

import "github.com/approval-relay/approval-relay/webhook"

// PublicKeys returns the public keys of everything that signs with private keys, by the part of the file, such as
// "targets.http".
func (c *Config) PublicKeys() map[string][]string {
	keys := map[string][]string{}
	add := func(part string, settings any) {
		signs, ok := settings.(interface{ Signer() *webhook.Signer })
		if !ok {
			return
		}
		if public := signs.Signer().PublicKeys(); len(public) > 0 {
			keys[part] = public
		}
	}
	for name, channel := range c.Channels {
		add("channels."+name, channel.Settings())
	}
	for name, target := range c.Targets {
		add("targets."+name, target.Settings())
	}
	return keys
}
