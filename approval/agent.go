package approval

import "encoding/json"

// AgentRequest is what the answer to an agent needs of its request, so that the agent can resume with it as it is.
type AgentRequest struct {
	// Shape is the protocol of the request: "langchain", "ag_ui" or "mcp".
	Shape string `json:"shape"`
	// Actions are the actions that LangChain's middleware asks about: objects with name and args.
	Actions []json.RawMessage `json:"actions,omitempty"`
	// CamelCase reports whether the names in LangChain's request are those of JavaScript, such as actionRequests.
	CamelCase bool `json:"camel_case,omitempty"`
	// Interrupt is the ID of AG-UI's interrupt. HasApproved reports whether its schema has the member "approved".
	Interrupt   string `json:"interrupt,omitempty"`
	HasApproved bool   `json:"has_approved,omitempty"`
}

// The choices that an agent's request offers. Edit and Respond mean approve.
const (
	ChoiceEdit    = "edit"
	ChoiceRespond = "respond"
)
