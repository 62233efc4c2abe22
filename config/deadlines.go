package config

import (
	"math"
	"time"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/setup"
)

// DeadlineWave is how many approvals of a workflow may have their deadline at the same moment: a worker sends so many
// answers before the end of their tasks.
type DeadlineWave struct {
	Workflow string  `json:"workflow"`
	Target   string  `json:"target"`
	Answers  int     `json:"answers"`
	Rate     float64 `json:"rate"`   // calls a second
	Burst    int     `json:"burst"`  // calls at once before the rate limit applies
	Margin   string  `json:"margin"` // time between the deadlines and the end of the tasks
}

// DeadlineWaves returns the wave of every workflow whose target has a rate limit, in the order of their names.
func (c *Config) DeadlineWaves() []DeadlineWave {
	var waves []DeadlineWave
	for _, name := range sortedNames(c.Workflows) {
		if wave, limited := c.deadlineWave(name); limited {
			waves = append(waves, wave)
		}
	}
	return waves
}

// deadlineWave returns the wave of a workflow, and reports whether a rate limit bounds it.
func (c *Config) deadlineWave(workflow string) (DeadlineWave, bool) {
	w := c.Workflows[workflow]
	target, ok := c.Targets[w.Callback.TokenTarget]
	if !ok || !target.IsSet() {
		return DeadlineWave{}, false
	}
	limited, ok := target.Settings().(callback.RateLimited)
	if !ok {
		return DeadlineWave{}, false
	}
	rate, burst := limited.RateLimit()
	margin := w.answerMargin()
	return DeadlineWave{
		Workflow: workflow,
		Target:   w.Callback.TokenTarget,
		Answers:  burst + int(rate*margin.Seconds()),
		Rate:     rate,
		Burst:    burst,
		Margin:   setup.FormatDuration(margin),
	}, true
}

// answerMargin returns the time between the deadline of an approval and the end of its task, as far as the configuration
// states it.
func (w Workflow) answerMargin() time.Duration {
	if w.TaskTimeout == 0 {
		return w.Margin
	}
	return handlers.AnswerMargin(w.Margin, w.TaskTimeout)
}

// warnDeadlines reports that more approvals may share a deadline than can be answered in time.
func (w workflowCheck) warnDeadlines(name string) {
	wave, limited := w.config.deadlineWave(name)
	if !limited || w.ExpectedDeadlines <= wave.Answers {
		return
	}
	seconds := math.Ceil(float64(w.ExpectedDeadlines-wave.Burst) / wave.Rate)
	needed := time.Duration(seconds) * time.Second
	w.check.Warn("expected_deadlines", "is %d, but target %s answers only %d within the margin of %s "+
		"(%g calls a second, after %d at once): a margin of %s is enough",
		w.ExpectedDeadlines, wave.Target, wave.Answers, wave.Margin, wave.Rate, wave.Burst, setup.FormatDuration(needed))
}
