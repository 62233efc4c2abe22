package sandbox

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// object is a mapping of a YAML file.
type object = map[string]any

// readConfig reads relay.yaml. All addresses in it are replaced by addresses of the sandbox; everything else stays.
func (s *Sandbox) readConfig() (*config.Config, error) {
	text, err := os.ReadFile(s.filePath("relay.yaml"))
	if err != nil {
		return nil, err
	}
	var file object
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	s.redirectAddresses(file)
	if text, err = yaml.Marshal(file); err != nil {
		return nil, err
	}
	c, _, err := config.Parse(s.filePath("relay.yaml"), text, Environment)
	return c, err
}

// redirectAddresses replaces the addresses in a configuration.
func (s *Sandbox) redirectAddresses(file object) {
	public, operator := mappingIn(file, "public"), mappingIn(file, "operator")
	public["listen"], public["url"] = strings.TrimPrefix(s.Public, "http://"), s.Public
	operator["listen"] = strings.TrimPrefix(s.Operator, "http://")
	operator["tokens"] = object{"sandbox": OperatorToken()}
	mappingIn(operator, "api_tokens")["sandbox"] = Environment("SANDBOX_API_TOKEN")
	file["store"] = object{"sqlite": filepath.Join(s.work, "relay.db")}
	file["keys"] = object{"file": filepath.Join(s.work, "relay.keys")}
	file["aws"] = object{"region": emulator.Region, "endpoint": s.AWS.URL()}
	if provider, ok := public["oidc"].(object); ok {
		provider["issuer"] = s.Provider.URL
	}
	for _, channel := range mappingIn(file, "channels") {
		s.redirectChannel(channel.(object))
	}
	for _, target := range mappingIn(file, "targets") {
		if settings, ok := target.(object)["http"].(object); ok {
			delete(settings, "allowed_hosts")
			settings["allow_http"], settings["allow_internal"] = true, true
		}
	}
	for _, person := range mappingIn(file, "people") {
		absences, _ := person.(object)["away"].([]any)
		for _, absence := range absences { // begins and ends around now
			absence.(object)["from"] = time.Now().Add(-time.Hour).Format(time.RFC3339)
			absence.(object)["until"] = time.Now().Add(time.Hour).Format(time.RFC3339)
		}
	}
}

func (s *Sandbox) redirectChannel(channel object) {
	for kind, settings := range channel {
		settings := settings.(object)
		switch kind {
		case "smtp":
			host, port, _ := net.SplitHostPort(s.mail.address)
			channel[kind] = object{
				"host": host,
				"port": port,
				"tls":  "none",
				"from": settings["from"],
			}
		case "slack":
			settings["api_url"] = s.Slack.APIURL()
			if settings["webhook_url"] != nil {
				settings["webhook_url"] = s.Slack.WebhookURL()
			}
		case "webhook":
			settings["url"], settings["allow_internal"] = s.posts.URL+notificationsPath, true
		}
	}
}

// mappingIn returns a mapping within a mapping. It is added if it does not exist.
func mappingIn(of object, name string) object {
	inner, ok := of[name].(object)
	if !ok {
		inner = object{}
		of[name] = inner
	}
	return inner
}

// OperatorToken returns the operator's token of every sandbox.
func OperatorToken() string { return Environment("SANDBOX_OPERATOR_TOKEN") }

// namedPeople returns the approvers that a configuration names.
func namedPeople(c *config.Config) []string {
	people := map[string]bool{}
	add := func(ids []string) {
		for _, id := range ids {
			if !strings.Contains(id, ":") {
				people[id] = true
			}
		}
	}
	for _, members := range c.Groups {
		add(members)
	}
	for _, w := range c.Workflows {
		add(w.Approvers)
		for _, e := range w.Escalations {
			add(e.To)
		}
	}
	return slices.Sorted(maps.Keys(people))
}
