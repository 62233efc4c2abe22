package callback

import (
	"encoding/json"
	"maps"

	"github.com/approval-relay/approval-relay/approval"
)

// newResume returns the value with which an agent resumes: in the shape of LangChain's human-in-the-loop middleware
// (docs.langchain.com/oss/python/langchain/human-in-the-loop), of AG-UI's interrupts (docs.ag-ui.com/concepts/interrupts), or
// of MCP's elicitation (modelcontextprotocol.io/specification/2025-11-25/client/elicitation).
func newResume(a approval.Answer, deciding *approval.Vote) any {
	vote := approval.Vote{}
	if deciding != nil {
		vote = *deciding
	}
	switch a.Agent.Shape {
	case "langchain":
		return map[string]any{"decisions": langChainDecisions(a, vote)}
	case "ag_ui":
		return []any{agUIEntry(a, vote)}
	case "mcp":
		return elicitationResult(a, vote)
	}
	return nil
}

// langChainDecisions returns a decision for each action, in their order.
func langChainDecisions(a approval.Answer, vote approval.Vote) []any {
	message := vote.Comment
	if message == "" {
		message = a.Reason
	}
	decisions := make([]any, 0, len(a.Agent.Actions))
	for _, action := range a.Agent.Actions {
		switch {
		case a.Status != approval.Approved:
			decision := map[string]any{"type": "reject"}
			if message != "" {
				decision["message"] = message
			}
			decisions = append(decisions, decision)
		case vote.Choice == approval.ChoiceEdit:
			decisions = append(decisions, map[string]any{"type": "edit", editedName(a.Agent): editedAction(action, vote.Values)})
		case vote.Choice == approval.ChoiceRespond:
			decisions = append(decisions, map[string]any{"type": "respond", "message": vote.Comment})
		default:
			decisions = append(decisions, map[string]any{"type": "approve"})
		}
	}
	return decisions
}

// editedName returns the name of the edited action, as LangChain for Python or for JavaScript has it.
func editedName(agent *approval.AgentRequest) string {
	if agent.CamelCase {
		return "editedAction"
	}
	return "edited_action"
}

// editedAction returns an action with the values of the decision in place of its arguments.
func editedAction(action json.RawMessage, values json.RawMessage) any {
	var edited struct {
		Name string                     `json:"name"`
		Args map[string]json.RawMessage `json:"args"`
	}
	if json.Unmarshal(action, &edited) != nil || edited.Args == nil {
		edited.Args = map[string]json.RawMessage{}
	}
	var changed map[string]json.RawMessage
	_ = json.Unmarshal(values, &changed) // canonical JSON, or none
	maps.Copy(edited.Args, changed)
	return edited
}

// agUIEntry returns the entry of "resume". A denial is a payload, and only a request that nobody answered is cancelled.
func agUIEntry(a approval.Answer, vote approval.Vote) any {
	entry := map[string]any{"interruptId": a.Agent.Interrupt, "status": "resolved"}
	payload := map[string]json.RawMessage{}
	_ = json.Unmarshal(vote.Values, &payload) // canonical JSON, or none
	isApproved := a.Status == approval.Approved
	switch {
	case a.Status != approval.Approved && a.Status != approval.Rejected, !isApproved && !a.Agent.HasApproved:
		return map[string]any{"interruptId": a.Agent.Interrupt, "status": "cancelled"}
	case isApproved && vote.Choice == approval.ChoiceEdit:
		args, _ := json.Marshal(payload) // JSON of JSON
		payload = map[string]json.RawMessage{"editedArgs": args}
	case !isApproved:
		payload = map[string]json.RawMessage{}
	}
	if a.Agent.HasApproved {
		payload["approved"], _ = json.Marshal(isApproved)
	}
	entry["payload"] = payload
	return entry
}

// elicitationResult returns the result of elicitation/create.
func elicitationResult(a approval.Answer, vote approval.Vote) any {
	switch a.Status {
	case approval.Approved:
		content := map[string]json.RawMessage{}
		_ = json.Unmarshal(vote.Values, &content) // canonical JSON, or none
		return map[string]any{"action": "accept", "content": content}
	case approval.Rejected:
		return map[string]any{"action": "decline"}
	}
	return map[string]any{"action": "cancel"}
}
