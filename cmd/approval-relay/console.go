package main

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/web/console"
)

// console makes the operator's console.
func (r *relay) console() (*console.Console, error) {
	tokens, err := operators(r.config)
	if err != nil {
		return nil, err
	}
	c := console.Config{
		Tokens:      map[string]console.Secret{},
		MAC:         r.ring,
		Orders:      r.store,
		Counter:     r.store,
		Decider:     r.decider,
		DeadLetters: r.store,
		Redriver:    r.redriver,
		Queues:      sorted(r.redriver.Queues),
		Now:         r.transitions.Now,
		Log:         r.log,
	}
	for name, token := range tokens {
		c.Tokens[name] = token
	}
	return console.New(c)
}

// operators returns the tokens of operators by name. The one in the token file is
// nobody's in particular.
func operators(c *Config) (map[string]secret.Text, error) {
	if len(c.Operator.Tokens) > 0 {
		return c.Operator.Tokens, nil
	}
	token, err := operatorToken(c.Operator.TokenFile)
	return map[string]secret.Text{"operator": secret.New(token)}, err
}
