package api

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// backupMediaType is the type of a backup: a SQLite file.
const backupMediaType = "application/vnd.sqlite3"

// backupProgress is the longest time that a reader of a backup may take for a part of it.
const backupProgress = 30 * time.Second

// backup sends a copy of the store, with its digest in the header. The keys are not in it.
func (e *Endpoints) backup() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.Backups == nil {
			err := approval.InvalidField("store",
				"is not a SQLite file: a database has its own backups, AWS makes those of a DynamoDB table, and a store in memory has none")
			writeAnswer(w, r, nil, err)
			return
		}
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Time{}) // to make the copy takes as long as it takes
		b, err := e.Backups.OpenBackup(r.Context())
		if errors.Is(err, store.ErrBackupRunning) {
			refuseBackup(w, r, err)
			return
		}
		if err != nil {
			writeAnswer(w, r, nil, err)
			return
		}
		defer func() { _ = b.Close() }()
		if p, ok := handlers.PrincipalOf(r.Context()); ok && e.BackupSent != nil {
			e.BackupSent(p.Name, b.Size)
		}
		w.Header().Set("Content-Type", backupMediaType)
		w.Header().Set("Content-Length", strconv.FormatInt(b.Size, 10))
		w.Header().Set("Content-Disposition", `attachment; filename="approval-relay.db"`)
		w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(b.SHA256)+":")
		for err == nil { // a reader that hangs is left behind
			_ = control.SetWriteDeadline(time.Now().Add(backupProgress))
			_, err = io.CopyN(w, b, 1<<20)
		}
	})
}

// backupRetryAfter is the time until a client may ask for a backup again.
const backupRetryAfter = time.Minute

// refuseBackup answers a call while other backups are made or sent.
func refuseBackup(w http.ResponseWriter, r *http.Request, err error) {
	describe(r, err)
	setRetryAfter(w.Header(), backupRetryAfter)
	writeProblem(w, Problem{
		Type:   "about:blank",
		Title:  http.StatusText(http.StatusServiceUnavailable),
		Status: http.StatusServiceUnavailable,
		Detail: err.Error(),
	})
}
