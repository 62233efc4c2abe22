package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

// receiver is a server that receives notifications and callbacks by POST.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	posts []Post
}

// Post is a request that the receiver has received.
type Post struct {
	Path   string
	Header http.Header
	Body   []byte
}

func startReceiver() *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.posts = append(r.posts, Post{Path: req.URL.Path, Header: req.Header, Body: body})
	}))
	return r
}

// postsTo returns the requests to a path.
func (r *receiver) postsTo(path string) []Post {
	r.mu.Lock()
	defer r.mu.Unlock()
	var posts []Post
	for _, p := range r.posts {
		if p.Path == path {
			posts = append(posts, p)
		}
	}
	return posts
}

// messages returns the notifications.
func (r *receiver) messages() []Message {
	var messages []Message
	for _, p := range r.postsTo(notificationsPath) {
		var body struct {
			Data struct{ Approver, Title, Link string }
		}
		if json.Unmarshal(p.Body, &body) == nil {
			messages = append(messages, Message{
				System: "webhook",
				To:     body.Data.Approver,
				Title:  body.Data.Title,
				Text:   string(p.Body),
				Link:   body.Data.Link,
			})
		}
	}
	return messages
}
