package teamstest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// The bot of a Connector and its place.
const (
	AppID        = "11111111-2222-3333-4444-555555555555"
	AppSecret    = "canary-bot-secret-0123456789" //nolint:gosec // of a fake
	Tenant       = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	Conversation = "19:approvals@thread.tacv2"
	// BotToken is the token of the bot; a number follows.
	BotToken = "canary-bot-token-" //nolint:gosec // of a fake
	keyID    = "key-1"
)

// Connector is the Bot Connector, with the login service and the OpenID metadata beside it.
type Connector struct {
	// URL is the service URL, LoginURL the login service, and OpenIDURL the metadata of the keys.
	URL, LoginURL, OpenIDURL string
	// Now is the clock of the tokens.
	Now func() time.Time
	// FailNext are the statuses of the next calls, in place of an answer. A 429 asks to wait for 7 seconds.
	FailNext []int
	// Endorsements are the channels for which the key signs.
	Endorsements []string

	mu      sync.Mutex
	key     *rsa.PrivateKey
	cards   map[string]BotCard // by activity ID
	order   []string
	edits   int
	tokens  int
	fetches int
	lookups int
	people  map[string]Person // by the ID in Teams
}

// Person is a person who may press.
type Person struct {
	ID       string // in Teams, such as 29:alan
	ObjectID string
	Email    string
	UPN      string
	Role     string // empty is user
	Tenant   string // empty is Tenant
}

// tenant returns the tenant of the person.
func (p Person) tenant() string {
	if p.Tenant == "" {
		return Tenant
	}
	return p.Tenant
}

// key of 2048 bits, the same for all tests because it takes long to make.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// StartConnector runs a connector until the test ends.
func StartConnector(t testing.TB) *Connector {
	t.Helper()
	c := &Connector{
		Now:          time.Now,
		Endorsements: []string{"msteams", "webchat"},
		key:          signingKey(),
		cards:        map[string]BotCard{},
		people:       map[string]Person{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /"+Tenant+"/oauth2/v2.0/token", c.issueToken)
	mux.HandleFunc("GET /openid", c.showMetadata)
	mux.HandleFunc("GET /keys", c.showKeys)
	mux.HandleFunc("POST /emea/v3/conversations/{conversation}/activities", c.guarded(c.post))
	mux.HandleFunc("PUT /emea/v3/conversations/{conversation}/activities/{activity}", c.guarded(c.edit))
	mux.HandleFunc("GET /emea/v3/conversations/{conversation}/members/{member}", c.guarded(c.showMember))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.URL, c.LoginURL, c.OpenIDURL = server.URL+"/emea/", server.URL, server.URL+"/openid"
	return c
}

// AddPerson makes a person a member of the conversation.
func (c *Connector) AddPerson(p Person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.people[p.ID] = p
}

// Cards returns the messages as they are now, in the order in which they were posted.
func (c *Connector) Cards() []BotCard {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []BotCard
	for _, id := range c.order {
		out = append(out, c.cards[id])
	}
	return out
}

// Counts returns how many edits, tokens, fetches of keys and lookups of members there were.
func (c *Connector) Counts() (edits, tokens, fetches, lookups int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.edits, c.tokens, c.fetches, c.lookups
}

// RemoveCards deletes all messages.
func (c *Connector) RemoveCards() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cards, c.order = map[string]BotCard{}, nil
}

func (c *Connector) issueToken(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ParseForm() != nil || r.Form.Get("grant_type") != "client_credentials" || r.Form.Get("client_id") != AppID ||
		r.Form.Get("client_secret") != AppSecret || r.Form.Get("scope") != "https://api.botframework.com/.default" {
		http.Error(w, `{"error": "invalid_client"}`, http.StatusUnauthorized)
		return
	}
	c.tokens++
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type":   "Bearer",
		"expires_in":   3599,
		"access_token": fmt.Sprint(BotToken, c.tokens),
	})
}

func (c *Connector) showMetadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                "https://api.botframework.com",
		"jwks_uri":                              c.LoginURL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (c *Connector) showKeys(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetches++
	text, err := json.Marshal(jose.JSONWebKey{Key: &c.key.PublicKey, KeyID: keyID, Use: "sig"})
	if err != nil {
		panic(err)
	}
	var key map[string]any
	if json.Unmarshal(text, &key) != nil {
		panic("no JSON")
	}
	key["endorsements"] = c.Endorsements
	writeJSON(w, http.StatusOK, map[string]any{"keys": []any{key}})
}

// guarded lets only the bot in, with its last token, and lets calls fail as the test demands.
func (c *Connector) guarded(next func(w http.ResponseWriter, r *http.Request, body []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case r.Header.Get("Authorization") != fmt.Sprint("Bearer ", BotToken, c.tokens) || c.tokens == 0:
			http.Error(w, "no token", http.StatusUnauthorized)
		case r.PathValue("conversation") != Conversation:
			http.Error(w, `{"error": {"code": "ConversationNotFound"}}`, http.StatusNotFound)
		case len(c.FailNext) > 0:
			status := c.FailNext[0]
			c.FailNext = c.FailNext[1:]
			if status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "7")
			}
			w.WriteHeader(status)
		case err != nil || len(body) > maxBody:
			http.Error(w, `{"error": {"code": "MessageSizeTooBig"}}`, http.StatusRequestEntityTooLarge)
		default:
			next(w, r, body)
		}
	}
}

func (c *Connector) post(w http.ResponseWriter, _ *http.Request, body []byte) {
	card, err := ReadMessage(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := fmt.Sprint("1700000000", len(c.order))
	c.order = append(c.order, id)
	c.cards[id] = card
	writeJSON(w, http.StatusCreated, map[string]string{"id": id})
}

func (c *Connector) edit(w http.ResponseWriter, r *http.Request, body []byte) {
	card, err := ReadMessage(body)
	id := r.PathValue("activity")
	if _, ok := c.cards[id]; !ok {
		http.Error(w, `{"error": {"code": "ActivityNotFound"}}`, http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.edits++
	c.cards[id] = card
	writeJSON(w, http.StatusOK, map[string]string{"id": id})
}

func (c *Connector) showMember(w http.ResponseWriter, r *http.Request, _ []byte) {
	c.lookups++
	p, ok := c.people[r.PathValue("member")]
	if !ok {
		http.Error(w, `{"error": {"code": "MemberNotFoundInConversation"}}`, http.StatusNotFound)
		return
	}
	role := p.Role
	if role == "" {
		role = "user"
	}
	writeJSON(w, http.StatusOK, map[string]string{
		"id":                p.ID,
		"objectId":          p.ObjectID,
		"email":             p.Email,
		"userPrincipalName": p.UPN,
		"tenantId":          p.tenant(),
		"userRole":          role,
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// Signing changes the token of a request, for tests of what is refused.
type Signing struct {
	Claims map[string]any // in place of those of the Bot Connector; nil removes one
	KeyID  string
	Key    any // in place of the key of the Bot Connector
	Alg    jose.SignatureAlgorithm
}

// Sign returns a request to POST /teams/messages with a body, signed as the Bot Connector does.
func (c *Connector) Sign(body []byte, change Signing) *http.Request {
	now := c.Now()
	claims := map[string]any{
		"iss":        "https://api.botframework.com",
		"aud":        AppID,
		"iat":        now.Unix(),
		"nbf":        now.Unix(),
		"exp":        now.Add(time.Hour).Unix(),
		"serviceurl": c.URL,
	}
	for name, value := range change.Claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	id, alg, key := keyID, jose.RS256, any(c.key)
	if change.KeyID != "" {
		id = change.KeyID
	}
	if change.Alg != "" {
		alg = change.Alg
	}
	if change.Key != nil {
		key = change.Key
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		panic(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/teams/messages", strings.NewReader(string(body)))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return r
}

// Press returns the activity of a press by a person, with the entries in the inputs of the card.
func (c *Connector) Press(p Person, b Button, entries map[string]any) []byte {
	data := map[string]any{}
	for id, text := range b.Data {
		data[id] = text
	}
	maps.Copy(data, entries)
	body, err := json.Marshal(map[string]any{
		"type":         "invoke",
		"name":         "adaptiveCard/action",
		"id":           "f:1",
		"channelId":    "msteams",
		"serviceUrl":   c.URL,
		"from":         map[string]any{"id": p.ID, "aadObjectId": p.ObjectID, "name": "A name"},
		"conversation": map[string]any{"id": Conversation + ";messageid=17", "conversationType": "channel", "tenantId": p.tenant()},
		"channelData":  map[string]any{"tenant": map[string]any{"id": p.tenant()}, "legacy": map[string]any{"replyToId": "1:x"}},
		"value": map[string]any{
			"action":  map[string]any{"type": "Action.Execute", "title": b.Title, "verb": b.Verb, "data": data},
			"trigger": "manual",
		},
	})
	if err != nil {
		panic(err)
	}
	return body
}
