package approval

import "time"

// Probe is the progress of the question whether the workflow still waits with the token of an approval. It is asked by a
// heartbeat, when another attempt of the same question arrives: only the target knows whether the older attempt has
// ended, as after a retry, or both wait, as in the branches of a Parallel or Map state.
type Probe struct {
	// Newer is the ID of the attempt that supersedes this one if its task is closed. It is empty if no probe is asked for.
	Newer string `json:"newer,omitempty"`
	// Holding is set while approvers are not notified yet, because the approval may be an attempt that has ended.
	Holding bool      `json:"holding,omitempty"`
	Since   time.Time `json:"since,omitzero"` // when the probe was asked for
	// Due is when the next attempt may start. While an attempt runs, it is the end of its lease.
	Due       time.Time `json:"due,omitzero"`
	StartedAt time.Time `json:"started_at,omitzero"` // of the latest attempt
	Running   bool      `json:"running,omitempty"`   // an attempt was started and has no recorded result
	// Repeat is set when yet another attempt arrived while this one was probed: the answer under way may be too old.
	Repeat   bool `json:"repeat,omitempty"`
	Failures int  `json:"failures,omitempty"` // failed attempts since the probe was asked for
	Attempts int  `json:"attempts,omitempty"` // all attempts that were started
	Answers  int  `json:"answers,omitempty"`  // all probes that have ended
}

// isProbing reports whether it is still open which attempts of the approval's question wait: a probe of the approval is
// asked for or under way. A decision that may be about the approval waits for the answer.
func (a *Approval) isProbing() bool { return a.Status == Pending && a.Probe.Newer != "" }
