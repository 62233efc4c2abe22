package ledger

import (
	"flag"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

var mutantsFlag = flag.Bool("ledger.mutants", false, "also run the suite on the mutants, on which it must fail")

// mutant is the program with a deliberate fault. The suite must fail on it, otherwise the suite proves little.
type mutant struct {
	name  string
	edits []overlay.Edit
}

// heartbeatMutants lists the faults that only the run of TestHeartbeats shows.
func heartbeatMutants() []mutant {
	return []mutant{
		{"no heartbeat follows the decision", []overlay.Edit{{
			File: "approval/heartbeat.go",
			Old:  "	case CallbackNone, CallbackPending, CallbackExhausted:\n",
			New:  "	case CallbackNone:\n",
		}}},
	}
}

// decisionMutant is a fault of a typed decision, which the tests of a package must find: no run of the ledger has typed
// decisions.
type decisionMutant struct {
	mutant
	pkg string
}

// decisionMutants lists the faults of typed decisions.
func decisionMutants() []decisionMutant {
	edit := func(name, pkg, file, before, after string) decisionMutant {
		return decisionMutant{mutant{name, []overlay.Edit{{File: file, Old: before, New: after}}}, pkg}
	}
	return []decisionMutant{
		edit("an edit leaves the earlier votes", "approval", "approval/edit.go", "			earlier.Void = true\n", ""),
		edit("void votes count", "approval", "approval/tally.go", "		if v.Void {\n			continue\n		}\n", ""),
		edit("the values are no part of the identity of a vote", "approval", "approval/judge.go",
			"v.Choice == d.Choice && digestValues(v.Values) == digestValues(d.Values)", "v.Choice == d.Choice"),
		edit("the values are no part of the identity of a verdict", "approval", "approval/judge.go",
			" &&\n		j.ValuesDigest == digestValues(settled.Values)", ""),
		edit("edits are no part of the digest of the content", "approval", "approval/digest.go",
			"Details:       a.Details,\n", ""),
		edit("a required value is not needed", "form", "form/values.go",
			"	case len(values) == 0 && f.Required:\n		return nil, []Fault{{Field: f.Name, Code: Missing}}\n", ""),
		edit("a required comment is not needed", "approval", "approval/judge.go",
			`choice.Comment == CommentRequired && isBlank(d.Comment)`, "false"),
		edit("another content may be decided", "approval", "approval/vote.go",
			`d.ShownDigest != "" && d.ShownDigest != o.ContentDigest(a)`, "false"),
		edit("a question is returned for ever", "approval", "approval/round.go",
			"	a.Choices = slices.DeleteFunc(slices.Clone(a.Choices), isReturn)\n", ""),
		edit("all who abstain approve", "approval", "approval/tally.go", "t.approves > 0 && t.approves", "t.approves"),
		edit("a receipt without the digest of the request", "receipt", "receipt/make.go",
			"		RequestDigest: a.RequestDigest,\n", ""),
		edit("a payload of another digest is accepted", "receipt", "receipt/verify.go", "digest != r.RequestDigest", "false"),
		edit("an answer may contradict its receipt", "receipt", "receipt/compare.go", "!isSame(got, wanted)", "!isSame(got, wanted) && false"),
		edit("another type of signed text is a receipt", "receipt", "receipt/jws.go", "h.Type != Type", "false"),
		edit("a number that readers change has a digest", "canonical", "canonical/number.go",
			"digits == keptDigits && exponent == keptExponent", "(true || digits == keptDigits && exponent == keptExponent)"),
		edit("an old update stays after the outcome", "approval", "approval/update.go",
			"		a.queueEdit(NotifyOutcome, n, env)\n", ""),
	}
}

// mutants lists the faults. Each of them breaks a promise of ARCHITECTURE.md.
func mutants() []mutant {
	edit := func(file, before, after string) []overlay.Edit {
		return []overlay.Edit{{File: file, Old: before, New: after}}
	}
	return []mutant{
		{
			"acknowledged before the commit",
			edit("handlers/transition.go", `	err := r.store(ctx, isEnd)`,
				`	go func() {
		time.Sleep(300 * time.Millisecond)
		late := &transitionRun{
			transitions: t, orderID: orderID, transition: transition,
			reserved: reservations{dispatcher: t.Dispatch},
		}
		_ = late.store(context.WithoutCancel(ctx), false)
		t.Dispatch.Dispatch(context.WithoutCancel(ctx), late.actions)
	}()
	if true {
		return nil
	}
	err := r.store(ctx, isEnd)`),
		},
		{"the last decision wins", edit("approval/vote.go", `	if a.Status != Pending {
		v.Code = a.closedVerdict(*d, len(faults) == 0)
		return v, o.startDueActions(a, env)
	}
`, `	if a.Status != Pending {
		a.Votes = nil
	}
`)},
		{"early decisions are dropped", edit("approval/unmatched.go",
			"	o.Unmatched = append(o.Unmatched, u)\n", "	_ = u\n")},
		{"exhausted after three attempts", edit("approval/callback_attempt.go", `	case !a.TaskExpires.IsZero() && at.After(a.TaskExpires):
`, `	case a.Callback.attemptsSinceRedrive() >= 3:
		return "three tries"
	case !a.TaskExpires.IsZero() && at.After(a.TaskExpires):
`)},
		{"a closed task is retried for ever", edit("outbound/aws_errors.go",
			`		return fmt.Errorf("%w: %w", approval.ErrClosed, e)`, `		return e`)},
		{"an attempt is not recorded before its call", edit("approval/callback_attempt.go", `	c.HeldSince = noTime
	c.MaybeApplied = true
`, `	c.HeldSince = noTime
`)},
		{"the lease is ignored", edit("approval/callback_attempt.go", "	c.Due = action.LeaseExpires\n", "	c.Due = env.Now\n")},
		{"a repeated request is not recognised", edit("approval/request.go", `	if known := o.FindApproval(id); known != nil {
		o.recordEvent(`, `	if known := o.FindApproval(id); known != nil && known.Status != Pending {
		known.Status, known.Votes, known.Callback = Pending, nil, Callback{}
	} else if known != nil {
		o.recordEvent(`)},
		{"the reply to a request is lost with its commit", edit("store/sqlite/writer.go", `	if _, err = s.stmts.commit.exec(); err != nil {
`, `	if time.Now().UnixNano()/1000%10 == 0 {
		_, _ = s.stmts.rollback.exec()
		return nil
	}
	if _, err = s.stmts.commit.exec(); err != nil {
`)},
		{"an older attempt is superseded without evidence", edit("approval/supersede.go",
			"		case older.CanProbe:\n", "		case false:\n")},
		{"a decision counts for another execution", edit("approval/match.go",
			"(d.Execution == \"\" || a.Execution == \"\" || d.Execution == a.Execution)", "true")},
		{"a decision about the second round counts for the first", edit("approval/match.go",
			"return a.Status != Pending && !d.SentAt.IsZero() && d.SentAt.After(a.ClosedAt)", "return false")},
		{"the capacity of a finished action is not returned", edit("router/dispatch.go",
			"		defer d.capacity.release(keyOf(act))\n", "")},
		{"a deadline leaves no time for the answer", edit("handlers/times.go",
			`		if last := request.TaskExpires.Add(-AnswerMargin(w.Margin, times.timeout)); last.Before(request.Deadline) {`,
			`		if last := request.TaskExpires.Add(time.Second); true {`)},
	}
}

// TestMutants runs the suite on every mutant, where it must fail.
func TestMutants(t *testing.T) {
	if !*mutantsFlag {
		t.Skip("run with -ledger.mutants: it builds the program a dozen times")
	}
	var group errgroup.Group
	group.SetLimit(3) // runs mostly wait
	for _, m := range mutants() {
		group.Go(func() error {
			t.Run(m.name, func(t *testing.T) { m.mustBeNoticed(t, runStorm) })
			return nil
		})
	}
	for _, m := range decisionMutants() {
		group.Go(func() error {
			t.Run(m.name, m.mustFailTests)
			return nil
		})
	}
	for _, m := range heartbeatMutants() {
		group.Go(func() error {
			t.Run(m.name, func(t *testing.T) {
				m.mustBeNoticed(t, func(t *testing.T, binary string) violations { return runHeartbeats(t, binary, settings{}) })
			})
			return nil
		})
	}
	for _, m := range powerLossMutants() {
		group.Go(func() error {
			t.Run(m.name, func(t *testing.T) {
				m.mustBeNoticed(t, func(t *testing.T, binary string) violations { return runPowerLosses(t, binary, 300, 6) })
			})
			return nil
		})
	}
	for _, m := range postgresMutants() {
		group.Go(func() error {
			t.Run(m.name, func(t *testing.T) { m.mustBeNoticed(t, runPostgresStorm) })
			return nil
		})
	}
	for _, m := range dynamodbMutants() {
		group.Go(func() error {
			t.Run(m.name, func(t *testing.T) { m.mustBeNoticed(t, runDynamoDBStorm) })
			return nil
		})
	}
	_ = group.Wait() // the subtests report their failures
}

// mustFailTests runs the tests of the mutant's package, which must fail.
func (m decisionMutant) mustFailTests(t *testing.T) {
	passed, err := overlay.Test(t.TempDir(), m.pkg, m.edits...)
	if err != nil {
		t.Fatal(err)
	}
	if passed {
		t.Error("the tests of " + m.pkg + " did not fail on this mutant")
	}
}

// mustBeNoticed does a run on the mutant up to three times, because some faults show only after a SIGKILL at the right
// moment.
func (m mutant) mustBeNoticed(t *testing.T, run func(t *testing.T, binary string) violations) {
	bin, err := overlay.Build(t.TempDir(), "cmd/approval-relay", m.edits...)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if v := run(t, bin); len(v) > 0 {
			t.Logf("noticed by %d violations or more, such as: %s", len(v), v[0])
			return
		}
	}
	t.Error("the suite did not fail on this mutant")
}

// runStorm is a short run of TestKilled with slow calls, so that a SIGKILL falls between a call and its record.
func runStorm(t *testing.T, binary string) violations {
	slow := stepFaults
	slow.Latency = 200 * time.Millisecond
	w := newWorld(t, binary, settings{drainLimit: 20 * time.Second})
	w.aws.SQS.SetFaults(queueFaults)
	w.aws.StepFunctions.SetFaults(slow)
	w.addStories(2 * len(storyKinds()))
	v := w.runThrough(planScenarios(300, w.aws.StepFunctions), disturbance{kills: 3, outage: 2 * time.Second})
	w.killProgram()
	return v
}
