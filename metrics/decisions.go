package metrics

import (
	"cmp"

	"github.com/approval-relay/approval-relay/approval"
)

// decisionSeries show the decisions that come in.
type decisionSeries struct {
	received          counter
	bySource          counter
	unmatchedExpired  counter
	pageRequests      counter
	slackInteractions counter
	teamsInteractions counter
}

// Values of the label result.
const (
	resultAccepted = "accepted"
	resultClosed   = "closed"
	resultRefused  = "refused"
	resultFailed   = "failed"

	resultViewed    = "viewed"
	resultSubmitted = "submitted"
)

func newDecisionSeries(b *builder, config Config) decisionSeries {
	via := label{name: "via", values: texts(approval.AllVias())}
	verdict := label{name: "verdict", values: texts(approval.AllVerdicts())}
	outcome := label{name: "outcome", values: decisionOutcomes()}
	source := b.configuredLabel("source", config, func(c Config) []string { return c.Sources })
	sourceResult := label{name: "result", values: []string{resultAccepted, resultClosed, resultRefused}}
	pageResult := label{name: "result", values: []string{resultViewed, resultSubmitted, resultRefused, resultFailed}}
	chatResult := label{name: "result", values: []string{resultAccepted, resultRefused, resultFailed}}
	return decisionSeries{
		received: b.newCounter("decisions_total",
			"Decisions received, by verdict. A decision that waited for its request is counted again when "+
				"the request arrives.", via, verdict, outcome),
		bySource: b.newCounter("source_decisions_total",
			"Decisions of each configured source: accepted; closed, because the approval had already "+
				"ended, which needs no action; or refused.", source, sourceResult),
		unmatchedExpired: b.newCounter("unmatched_decisions_expired_total",
			"Decisions that expired before a matching request arrived."),
		pageRequests: b.newCounter("decision_page_requests_total",
			"Requests for decision pages: viewed (mail scanners view pages too), submitted with an "+
				"accepted decision, refused (the link is forged, expired or revoked, or the decision is not "+
				"allowed), or failed because the store was unavailable.", pageResult),
		slackInteractions: b.newCounter("slack_interactions_total",
			"Presses of buttons in Slack: accepted, refused, or failed because the store or Slack was "+
				"unavailable.", chatResult),
		teamsInteractions: b.newCounter("teams_interactions_total",
			"Presses of buttons in Microsoft Teams: accepted, refused, or failed because the store or the "+
				"Bot Connector was unavailable.", chatResult),
	}
}

// countDecision counts a decision by its verdict, and by its source, if any.
func (m *Metrics) countDecision(e approval.Event) {
	m.decisions.received.inc(string(e.Via), e.Code, cmp.Or(string(e.Outcome), outcomeUnknown))
	if e.Source == "" {
		return
	}
	verdict := approval.Verdict{Code: approval.VerdictCode(e.Code)}
	switch {
	case verdict.IsAccepted():
		m.decisions.bySource.inc(e.Source, resultAccepted)
	case verdict.IsFinal():
		m.decisions.bySource.inc(e.Source, resultClosed)
	default:
		m.decisions.bySource.inc(e.Source, resultRefused)
	}
}

// DecisionPageViewed counts a decision page that was shown.
func (m *Metrics) DecisionPageViewed() { m.decisions.pageRequests.inc(resultViewed) }

// DecisionPageSubmitted counts a decision that was accepted on a decision page.
func (m *Metrics) DecisionPageSubmitted() { m.decisions.pageRequests.inc(resultSubmitted) }

// DecisionPageRefused counts a link, a form or a decision that was refused.
func (m *Metrics) DecisionPageRefused() { m.decisions.pageRequests.inc(resultRefused) }

// DecisionPageFailed counts a request for a decision page during an outage of the store.
func (m *Metrics) DecisionPageFailed() { m.decisions.pageRequests.inc(resultFailed) }

// SlackInteractionAccepted counts the press of a button that led to an accepted decision.
func (m *Metrics) SlackInteractionAccepted() { m.decisions.slackInteractions.inc(resultAccepted) }

// SlackInteractionRefused counts the press of a button that was refused.
func (m *Metrics) SlackInteractionRefused() { m.decisions.slackInteractions.inc(resultRefused) }

// SlackInteractionFailed counts the press of a button during an outage of the store or of Slack.
func (m *Metrics) SlackInteractionFailed() { m.decisions.slackInteractions.inc(resultFailed) }

// TeamsInteractionAccepted counts the press of a button that led to an accepted decision.
func (m *Metrics) TeamsInteractionAccepted() { m.decisions.teamsInteractions.inc(resultAccepted) }

// TeamsInteractionRefused counts the press of a button that was refused.
func (m *Metrics) TeamsInteractionRefused() { m.decisions.teamsInteractions.inc(resultRefused) }

// TeamsInteractionFailed counts the press of a button during an outage of the store or of the Bot Connector.
func (m *Metrics) TeamsInteractionFailed() { m.decisions.teamsInteractions.inc(resultFailed) }
