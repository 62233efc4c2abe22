package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"sync"
	"unicode/utf8"
)

// CodePipeline answers PutApprovalResult for manual approval actions. It enforces the limits of
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutApprovalResult.html.
type CodePipeline struct {
	mu      sync.Mutex
	actions map[string]*Action // by pipeline, stage and action
	faults  []string           // one for each of the next calls
}

// Action is a manual approval action as its pipeline sees it.
type Action struct {
	Token   string // of the open approval, or of the last approval
	Status  string // Approved or Rejected, empty while the approval is open
	Summary string
	Calls   int
}

// NewCodePipeline returns a CodePipeline without actions.
func NewCodePipeline() *CodePipeline {
	return &CodePipeline{actions: map[string]*Action{}}
}

// OpenApproval opens an approval for an action and returns its token.
func (c *CodePipeline) OpenApproval(pipeline, stage, action string) string {
	token := newUUID()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.actions[pipeline+"/"+stage+"/"+action] = &Action{Token: token}
	return token
}

// FindAction returns the state of an action. An unknown action has an empty state.
func (c *CodePipeline) FindAction(pipeline, stage, action string) Action {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.actions[pipeline+"/"+stage+"/"+action]; a != nil {
		return *a
	}
	return Action{}
}

// FailNext adds a fault for each of the next calls: "throttle" and "fail" refuse the call, "lose" applies it and closes
// the connection without an answer.
func (c *CodePipeline) FailNext(how ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, how...)
}

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9.@\-_]{1,100}$`)
	tokenForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

type putApprovalResult struct {
	PipelineName, StageName, ActionName, Token string
	Result                                     struct{ Status, Summary string }
}

func (c *CodePipeline) serveCall(w http.ResponseWriter, action string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fault := ""
	if len(c.faults) > 0 {
		fault = c.faults[0]
		c.faults = c.faults[1:]
	}
	switch fault {
	case "throttle":
		writeAnswer(w, nil, newAPIError("ThrottlingException", "Rate exceeded"))
		return
	case "fail":
		writeAnswer(w, nil, &apiError{Code: "InternalFailure", Message: "internal", Status: http.StatusInternalServerError})
		return
	}
	out, err := c.putResult(action, body)
	if fault == "lose" {
		hangUp(w)
		return
	}
	writeAnswer(w, out, err)
}

func (c *CodePipeline) putResult(action string, body []byte) (any, error) {
	var in putApprovalResult
	if action != "PutApprovalResult" || json.Unmarshal(body, &in) != nil {
		return nil, newAPIError("SerializationException", "%s", action)
	}
	for _, name := range []string{in.PipelineName, in.StageName, in.ActionName} {
		if !nameForm.MatchString(name) {
			return nil, newAPIError("ValidationException", "a name is not of the form %s", nameForm)
		}
	}
	validStatus := in.Result.Status == "Approved" || in.Result.Status == "Rejected"
	if !tokenForm.MatchString(in.Token) || utf8.RuneCountInString(in.Result.Summary) > 512 || !validStatus {
		return nil, newAPIError("ValidationException", "token, summary or status")
	}
	a := c.actions[in.PipelineName+"/"+in.StageName+"/"+in.ActionName]
	if a == nil {
		return nil, newAPIError("PipelineNotFoundException", "no such pipeline")
	}
	a.Calls++
	if a.Token != in.Token {
		return nil, newAPIError("InvalidApprovalTokenException", "the token is not valid")
	}
	if a.Status != "" {
		return nil, newAPIError("ApprovalAlreadyCompletedException", "the approval is completed")
	}
	a.Status = in.Result.Status
	a.Summary = in.Result.Summary
	return map[string]any{"approvedAt": 1700000000}, nil
}
