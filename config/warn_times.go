package config

import (
	"time"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/setup"
)

// warnTimes reports times that can never come.
func (w workflowCheck) warnTimes() {
	if w.TaskTimeout > 0 && w.Deadline > w.TaskTimeout && !w.unset.deadline {
		w.check.Warn("deadline", "is %s, but the task ends after %s (task_timeout)",
			setup.FormatDuration(w.Deadline), setup.FormatDuration(w.TaskTimeout))
	}
	longest := w.longestWait()
	if w.Heartbeat >= longest {
		w.check.Warn("heartbeat", "is %s, but an approval ends after %s, so no heartbeat is sent while it is pending",
			setup.FormatDuration(w.Heartbeat), setup.FormatDuration(longest))
	}
	if w.Heartbeat > 0 && !w.hasHeartbeats() {
		w.check.Warn("heartbeat", "has no effect, because its target has no heartbeats: only stepfunctions and lambda have")
	}
	if w.HeartbeatTimeout > w.Heartbeat && w.HeartbeatTimeout < 2*w.Heartbeat {
		w.check.Warn("heartbeat", "is %s, more than half of heartbeat_timeout, which is %s: a single heartbeat that fails ends "+
			"the task", setup.FormatDuration(w.Heartbeat), setup.FormatDuration(w.HeartbeatTimeout))
	}
	for i, m := range w.Reminders {
		if m.After >= longest || m.Before >= longest {
			w.check.Warn("reminders"+index(i), "is never sent, because an approval ends after %s", setup.FormatDuration(longest))
		}
	}
	for i, e := range w.Escalations {
		w.warnEscalation("escalations"+index(i), e, longest)
	}
	if w.Undeliverable == "escalate" && len(w.Escalations) == 0 {
		w.check.Warn("undeliverable", "is escalate, but there are no escalations")
	}
}

// hasHeartbeats reports whether a target of the workflow has heartbeats. A target that is not configured is a fault,
// which is reported elsewhere.
func (w workflowCheck) hasHeartbeats() bool {
	for _, name := range []string{w.Callback.TokenTarget, w.Callback.URLTarget} {
		target, found := w.config.Targets[name]
		if (name != "" && !found) || target.HasHeartbeats() {
			return true
		}
	}
	return false
}

// warnEscalation reports an escalation that never happens, or at once. An escalation after the deadline has a purpose
// if undeliverable approvals escalate.
func (w workflowCheck) warnEscalation(field string, e Escalation, longest time.Duration) {
	switch {
	case e.After >= longest && w.Undeliverable != "escalate":
		w.check.Warn(field, "never happens, because an approval ends after %s", setup.FormatDuration(longest))
	case e.Before >= longest:
		w.check.Warn(field, "happens at once, because an approval ends after %s; add these people to approvers",
			setup.FormatDuration(longest))
	}
}

// longestWait returns the longest time of an approval. A request can only shorten it.
func (w Workflow) longestWait() time.Duration {
	if w.TaskTimeout == 0 {
		return w.Deadline
	}
	return min(w.Deadline, w.TaskTimeout-handlers.AnswerMargin(w.Margin, w.TaskTimeout))
}
