package ghtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delivery is a webhook as the App's delivery log shows it. GitHub never sends one again by itself.
type Delivery struct {
	ID           int64
	GUID         string
	Event        string
	Action       string
	Installation int64
	RepoID       int64
	Redelivery   bool
	Payload      []byte
	At           time.Time // when it was sent
	// StatusCode is what the receiver answered; 502 when it could not be reached, 504 when it took too long.
	StatusCode int
	Status     string
}

// Hooks are what can go wrong with webhooks on their way. Functions are called with no lock held.
type Hooks struct {
	// Drop makes a delivery fail without being sent.
	Drop func(Delivery) bool
	// Duplicate makes a delivery arrive twice, with the same GUID.
	Duplicate func(Delivery) bool
}

type delivery struct {
	Delivery
	url      string
	secret   string
	app      int64
	duration time.Duration
	request  http.Header
	response http.Header
	body     []byte
}

const (
	deliveryTimeout = 10 * time.Second
	logLife         = 3 * 24 * time.Hour // how long the log can be read
	keptDeliveries  = 10_000
	maxPayload      = 25 << 20
)

// SetHooks replaces the rules for webhooks.
func (s *Server) SetHooks(h Hooks) {
	defer s.lock()()
	s.hooks = h
}

// SetWebhook changes where webhooks go and what they are signed with. URL "" turns them off: nothing is recorded either.
func (s *Server) SetWebhook(url, secret string) {
	defer s.lock()()
	s.app.hookURL, s.app.hookSecret = url, secret
}

// HoldDeliveries keeps webhooks back until ReleaseDeliveries.
func (s *Server) HoldDeliveries() {
	defer s.lock()()
	s.held = true
}

// ReleaseDeliveries sends what was held back, in the order that order returns, which may also leave some out (they are
// lost without a trace) or name some twice. nil keeps the order of the events.
func (s *Server) ReleaseDeliveries(order func([]Delivery) []Delivery) {
	defer s.lock()()
	s.held = false
	if order != nil {
		var views []Delivery
		byID := map[int64]*delivery{}
		for _, d := range s.queue {
			views, byID[d.ID] = append(views, d.Delivery), d
		}
		s.queue = nil
		for _, v := range order(views) {
			again := *byID[v.ID]
			s.queue = append(s.queue, &again)
		}
	}
	s.deliver()
}

// WaitDeliveries returns when all webhooks that are not held back were sent and answered. The error is ctx's.
func (s *Server) WaitDeliveries(ctx context.Context) error {
	return s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !s.delivering && (len(s.queue) == 0 || s.held)
	})
}

// Deliveries returns the log, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Delivery
	for _, d := range s.log {
		out = append(out, d.Delivery)
	}
	return out
}

// Ping sends the event that GitHub sends when a webhook is set up.
func (s *Server) Ping() {
	defer s.lock()()
	s.enqueue(nil, nil, "ping", "", obj{"zen": "Keep it logically awesome.", "hook_id": int64(501), "hook": obj{
		"type": "App", "id": int64(501), "name": "web", "active": true, "events": list(s.app.events), "app_id": s.app.id,
		"config":         obj{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": s.app.hookURL},
		"updated_at":     stamp(s.app.created),
		"created_at":     stamp(s.app.created),
		"deliveries_url": s.o.APIURL + "/app/hook/deliveries", "url": s.o.APIURL + "/app/hook", "ping_url": s.o.APIURL + "/app/hook/pings",
	}})
}

// Deliver sends any payload as an event, correctly signed, for what the server has no method for. It returns the GUID.
func (s *Server) Deliver(event string, payload []byte) string {
	defer s.lock()()
	var head struct{ Action string }
	json.Unmarshal(payload, &head)
	return s.queueUp(&delivery{Delivery: Delivery{Event: event, Action: head.Action, Payload: bytes.Clone(payload)}})
}

// Redeliver sends a delivery again, with the GUID it had.
func (s *Server) Redeliver(id int64) bool {
	defer s.lock()()
	return s.redeliver(id)
}

func (s *Server) redeliver(id int64) bool {
	for _, d := range s.log {
		if d.ID == id {
			again := &delivery{Delivery: d.Delivery}
			again.Redelivery = true
			s.queueUp(again)
			return true
		}
	}
	return false
}

// emit sends an event about a repository to the App, if it is installed there and subscribed. It runs under the lock.
func (s *Server) emit(r *Repo, by *account, event, action string, body obj) {
	i := s.installationOf(r)
	if i == nil || i.suspended || i.app != s.app {
		return
	}
	buttons := action == "rerequested" || action == "requested_action" || event == "check_suite" && action == "requested"
	if !slices.Contains(i.events, event) && !(buttons && allows(i.permissions, "checks:write")) {
		return
	}
	body = maps.Clone(body)
	body["repository"], body["sender"] = r.json(s), by.json(s)
	if r.owner.kind == "Organization" {
		body["organization"] = r.owner.organization(s)
	}
	body["installation"] = obj{"id": i.id, "node_id": nodeID("INS", i.id)}
	if event == "push" { // whose times are numbers, for historical reasons
		repo := body["repository"].(obj)
		repo["created_at"], repo["pushed_at"] = r.created.Unix(), r.pushed.Unix()
		repo["owner"].(obj)["name"] = r.owner.login
	}
	s.enqueue(i, r, event, action, body)
}

// emitInstallation sends an event about an installation, which every App gets.
func (s *Server) emitInstallation(i *installation, event, action string, body obj) {
	body = maps.Clone(body)
	body["installation"], body["sender"] = i.json(s), i.account.json(s)
	s.enqueue(i, nil, event, action, body)
}

func (a *account) organization(s *Server) obj {
	api := s.o.APIURL + "/orgs/" + a.login
	return obj{"login": a.login, "id": a.id, "node_id": nodeID("O", a.id), "url": api, "repos_url": api + "/repos", "events_url": api + "/events",
		"hooks_url": api + "/hooks", "issues_url": api + "/issues", "members_url": api + "/members{/member}",
		"public_members_url": api + "/public_members{/member}", "avatar_url": s.o.WebURL + "/avatars/" + a.login, "description": nil}
}

func (s *Server) enqueue(i *installation, r *Repo, event, action string, body obj) {
	d := &delivery{Delivery: Delivery{Event: event, Action: action}}
	if action != "" {
		body["action"] = action
	}
	if i != nil {
		d.Installation = i.id
	}
	if r != nil {
		d.RepoID = r.ID
	}
	d.Payload = encode(body)
	s.queueUp(d)
}

// queueUp queues a delivery and returns its GUID.
func (s *Server) queueUp(d *delivery) string {
	d.ID, d.url, d.secret, d.app = s.next("delivery"), s.app.hookURL, s.app.hookSecret, s.app.id
	if d.url == "" || len(d.Payload) > maxPayload {
		return ""
	}
	if d.GUID == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "guid %d", d.ID))
		d.GUID = fmt.Sprintf("%x-%x-11ee-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:14])
	}
	s.queue = append(s.queue, d)
	s.deliver()
	return d.GUID
}

// deliver starts the one goroutine that sends, unless it runs. It ends when the queue is empty.
func (s *Server) deliver() {
	if s.delivering || s.held || len(s.queue) == 0 {
		return
	}
	s.delivering = true
	go func() {
		for {
			s.mu.Lock()
			if s.held || len(s.queue) == 0 {
				s.delivering = false
				s.touch()
				s.mu.Unlock()
				return
			}
			d, hooks := s.queue[0], s.hooks
			s.queue = s.queue[1:]
			s.mu.Unlock()
			s.send(d, hooks)
		}
	}()
}

func (s *Server) send(d *delivery, hooks Hooks) {
	if hooks.Drop != nil && hooks.Drop(d.Delivery) {
		d.request = d.headers()
		d.StatusCode, d.Status = 502, "failed to connect to host"
		s.logged(d)
		return
	}
	d.post()
	s.logged(d)
	if hooks.Duplicate != nil && hooks.Duplicate(d.Delivery) {
		again := &delivery{Delivery: d.Delivery, url: d.url, secret: d.secret, app: d.app}
		s.mu.Lock()
		again.ID = s.next("delivery")
		s.mu.Unlock()
		again.post()
		s.logged(again)
	}
}

func (s *Server) logged(d *delivery) {
	defer s.lock()()
	d.At = s.now()
	s.log = append(s.log, d)
	s.log = newest(s.log, keptDeliveries)
}

// newest keeps at least the last n. It copies rarely.
func newest[T any](all []T, n int) []T {
	if len(all) < n+n/4 {
		return all
	}
	return slices.Clone(all[len(all)-n:])
}

var hookClient = &http.Client{
	Timeout:       deliveryTimeout,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (d *delivery) headers() http.Header {
	h := http.Header{}
	h.Set("User-Agent", "GitHub-Hookshot/0123abc")
	h.Set("Accept", "*/*")
	h.Set("Content-Type", "application/json")
	h.Set("X-GitHub-Delivery", d.GUID)
	h.Set("X-GitHub-Event", d.Event)
	h.Set("X-GitHub-Hook-ID", "501")
	h.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	h.Set("X-GitHub-Hook-Installation-Target-ID", strconv.FormatInt(d.app, 10))
	if d.secret != "" {
		one, two := hmac.New(sha1.New, []byte(d.secret)), hmac.New(sha256.New, []byte(d.secret))
		one.Write(d.Payload)
		two.Write(d.Payload)
		h.Set("X-Hub-Signature", fmt.Sprintf("sha1=%x", one.Sum(nil)))
		h.Set("X-Hub-Signature-256", fmt.Sprintf("sha256=%x", two.Sum(nil)))
	}
	return h
}

// post sends the delivery once and notes what came back.
func (d *delivery) post() {
	start := time.Now()
	defer func() { d.duration = time.Since(start) }()
	d.request = d.headers()
	r, err := http.NewRequest(http.MethodPost, d.url, bytes.NewReader(d.Payload))
	if err != nil {
		d.StatusCode, d.Status = 502, "invalid URL"
		return
	}
	r.Header = d.request.Clone()
	answer, err := hookClient.Do(r)
	if err != nil {
		d.StatusCode, d.Status = 502, "failed to connect to host"
		if strings.Contains(err.Error(), "Client.Timeout") {
			d.StatusCode, d.Status = 504, "timed out"
		}
		return
	}
	defer answer.Body.Close()
	d.body, _ = io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	d.response, d.StatusCode, d.Status = answer.Header, answer.StatusCode, "OK"
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		d.Status = fmt.Sprintf("Invalid HTTP Response: %d", answer.StatusCode)
	}
}

func (d *delivery) json() obj {
	o := obj{"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": d.duration.Seconds(), "status": d.Status,
		"status_code": d.StatusCode, "event": d.Event, "action": textOrNil(d.Action), "installation_id": nil, "repository_id": nil, "throttled_at": nil}
	if d.Installation != 0 {
		o["installation_id"] = d.Installation
	}
	if d.RepoID != 0 {
		o["repository_id"] = d.RepoID
	}
	return o
}

// listDeliveries shows the newest first, paged by a cursor: the id of the delivery that a page starts with.
func listDeliveries(c *call) answer {
	var all []*delivery
	for _, d := range slices.Backward(c.s.log) {
		if c.s.now().Sub(d.At) <= logLife && (c.query("redelivery") == "" || c.query("redelivery") == strconv.FormatBool(d.Redelivery)) {
			all = append(all, d)
		}
	}
	start := 0
	if cursor := c.query("cursor"); cursor != "" {
		start = slices.IndexFunc(all, func(d *delivery) bool { return fmt.Sprintf("v1_%d", d.ID) == cursor })
		if start < 0 {
			return fail(422, "Invalid cursor")
		}
	}
	end := min(start+c.perPage(), len(all))
	var links []string
	if end < len(all) {
		links = append(links, fmt.Sprintf(`<%s>; rel="next"`, c.linkTo(map[string][]string{"cursor": {fmt.Sprintf("v1_%d", all[end].ID)}})))
	}
	c.setLink(links)
	out := []obj{}
	for _, d := range all[start:end] {
		out = append(out, d.json())
	}
	return ok(out)
}

func (c *call) deliveryOf() *delivery {
	for _, d := range c.s.log {
		if d.ID == c.id("id") {
			return d
		}
	}
	return nil
}

func getDelivery(c *call) answer {
	d := c.deliveryOf()
	if d == nil {
		return notFound()
	}
	o := d.json()
	o["url"] = d.url
	o["request"] = obj{"headers": flat(d.request), "payload": json.RawMessage(d.Payload)}
	o["response"] = obj{"headers": flat(d.response), "payload": string(d.body)}
	return ok(o)
}

func flat(h http.Header) map[string]string {
	out := map[string]string{}
	for k := range h {
		out[k] = h.Get(k)
	}
	return out
}

func attemptDelivery(c *call) answer {
	if c.deliveryOf() == nil {
		return notFound()
	}
	c.s.redeliver(c.id("id"))
	return answer{status: 202, body: obj{}}
}

// MergeGroup is a group in a merge queue.
type MergeGroup struct{ Branch, BaseSHA, HeadSHA, HeadRef string }

// AddMergeGroup puts pull requests into the merge queue of their base branch: one merge commit for each on a branch of
// the queue, and the event that asks for checks.
func (s *Server) AddMergeGroup(r *Repo, numbers ...int) MergeGroup {
	defer s.lock()()
	first := r.mustPull(numbers[0])
	g := MergeGroup{Branch: first.baseRef, BaseSHA: r.branches[first.baseRef]}
	tip := g.BaseSHA
	for _, n := range numbers {
		p := r.mustPull(n)
		files, removed := s.mergeFiles(tip, p.headSHA)
		tip = s.commit(r, Commit{Message: fmt.Sprintf("Merge pull request #%d", n), Files: files, Remove: removed}, []string{tip, p.headSHA}).sha
	}
	last := numbers[len(numbers)-1]
	g.HeadSHA, g.HeadRef = tip, fmt.Sprintf("gh-readonly-queue/%s/pr-%d-%s", g.Branch, last, g.BaseSHA)
	r.branches[g.HeadRef] = tip
	queue := s.account("github-merge-queue[bot]")
	s.emitPush(r, g.HeadRef, "", tip, queue)
	s.requestSuites(r, g.HeadRef, "", tip, queue)
	s.emitMergeGroup(r, g, "checks_requested", obj{})
	return g
}

// DropMergeGroup ends a merge group: merged, invalidated or dequeued.
func (s *Server) DropMergeGroup(r *Repo, g MergeGroup, reason string) {
	defer s.lock()()
	s.emitMergeGroup(r, g, "destroyed", obj{"reason": reason})
	delete(r.branches, g.HeadRef)
}

func (s *Server) emitMergeGroup(r *Repo, g MergeGroup, action string, more obj) {
	more["merge_group"] = obj{"head_sha": g.HeadSHA, "head_ref": "refs/heads/" + g.HeadRef, "base_sha": g.BaseSHA, "base_ref": "refs/heads/" + g.Branch,
		"head_commit": s.commits[g.HeadSHA].simple()}
	s.emit(r, s.account("github-merge-queue[bot]"), "merge_group", action, more)
}
