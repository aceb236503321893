// Package webhook receives GitHub's deliveries: it checks who sent one, hands it on and answers. It does no work of its
// own and does not look into payloads, so a delivery that was signed is never lost to something we do not understand.
//
// The answer is 202 only after Accept has returned without an error, that is when the delivery is stored. Anything else
// GitHub records as failed, and the App fetches it again from the delivery log.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sirupsen/logrus"
)

// DefaultMaxBody is the largest body that GitHub sends, 25 MiB (GitHub Docs, "Webhook events and payloads").
const DefaultMaxBody = 25 << 20

// What became of a request; the second argument of Options.Observe.
const (
	Accepted    = "accepted"     // 202: Accept took it, whether it was new or a duplicate
	Unavailable = "unavailable"  // 503: Accept returned an error, or too many large bodies at once
	Unsigned    = "unsigned"     // 401: no X-Hub-Signature-256, or not made with one of the secrets
	Malformed   = "malformed"    // 400, 415: not what GitHub sends
	TooLarge    = "too_large"    // 413
	Interrupted = "interrupted"  // 400: the body ended early or took too long
	WrongMethod = "wrong_method" // 405
)

// Unverified stands for the event's name as long as the signature is not checked: anybody can send any name, and names
// become labels of metrics.
const Unverified = "unverified"

// Delivery is one signed delivery.
type Delivery struct {
	GUID    string // X-GitHub-Delivery; a redelivery has the same. Letters, digits and dashes, at most 128
	Event   string // X-GitHub-Event, such as pull_request. Lower-case letters, digits and underscores, at most 64
	Payload []byte // the JSON as GitHub sent it; not checked to be JSON
}

// Options of Handler. Secrets and Accept are required.
type Options struct {
	// Secrets are the webhook secrets that are valid now: one, or two during a rotation.
	Secrets [][]byte
	// Accept stores the delivery. It must treat a GUID that it knows as done and return nil. The context ends with the request.
	Accept func(context.Context, Delivery) error
	// MaxBody is the largest body in bytes. 0 is DefaultMaxBody.
	MaxBody int64
	// Log gets a line for every request. nil: none.
	Log *logrus.Logger
	// Observe is called once for every request, with the event's name or Unverified, and one of the results above. It may be nil.
	Observe func(event, result string)
}

// Handler returns the handler for POST /webhook. It does not look at the request's path. The time that a client may take
// is the server's to limit (http.Server.ReadTimeout).
func Handler(o Options) (http.Handler, error) {
	switch {
	case len(o.Secrets) == 0:
		return nil, errors.New("no webhook secret: anybody could send deliveries; set --webhook-secret to the one in the App's settings")
	case len(o.Secrets) > 2:
		return nil, fmt.Errorf("%d webhook secrets: give one, or during a rotation the new and the old one", len(o.Secrets))
	case o.Accept == nil:
		return nil, errors.New("no function to accept deliveries: set Options.Accept")
	case o.MaxBody < 0:
		return nil, fmt.Errorf("largest body of %d bytes: give a positive number, or 0 for the default", o.MaxBody)
	}
	for _, s := range o.Secrets {
		if len(s) == 0 {
			return nil, errors.New("empty webhook secret: anybody could send deliveries; set --webhook-secret to the one in the App's settings")
		}
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Log == nil {
		o.Log = logrus.New()
		o.Log.SetOutput(io.Discard)
	}
	if o.Observe == nil {
		o.Observe = func(string, string) {}
	}
	return &handler{Options: o}, nil
}

type handler struct {
	Options
	large atomic.Int64 // bytes held by bodies beyond their first small ones
}

// refusal is the answer to a request that is not accepted.
type refusal struct {
	status  int
	result  string
	message string // for the sender, and for people who read GitHub's delivery log
	err     error  // only for our log
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := &counted{r: http.MaxBytesReader(w, r.Body, h.MaxBody), total: &h.large, most: largeBodies * h.MaxBody}
	defer body.release()
	d, refused := h.read(r, body)
	event := Unverified
	if d.Payload != nil {
		event = d.Event
		if err := h.Accept(r.Context(), d); err != nil {
			refused = &refusal{http.StatusServiceUnavailable, Unavailable, "not stored, send it again later", err}
		}
	}
	log := h.Log.WithFields(logrus.Fields{"delivery": d.GUID, "event": d.Event, "bytes": len(d.Payload)})
	if refused == nil {
		h.Observe(event, Accepted)
		log.Debug("delivery accepted")
		w.WriteHeader(http.StatusAccepted)
		return
	}
	h.Observe(event, refused.result)
	if refused.err != nil {
		log = log.WithError(refused.err)
	}
	log = log.WithFields(logrus.Fields{"status": refused.status, "remote": r.RemoteAddr})
	if refused.result == Unavailable {
		log.Error("delivery not accepted: " + refused.message)
	} else {
		log.Warn("delivery refused: " + refused.message)
	}
	switch refused.result {
	case WrongMethod:
		w.Header().Set("Allow", http.MethodPost)
	case TooLarge, Unavailable:
		w.Header().Set("Connection", "close") // rather than read the rest of it
	}
	http.Error(w, refused.message, refused.status)
}

var (
	guidPattern  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`) })
	eventPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9_]{1,64}$`) })
)

// read checks a request, the cheap things first and the signature before anything is parsed. The delivery has a Payload
// exactly when there is no refusal; the other fields are set as soon as they have the right form.
func (h *handler) read(r *http.Request, in *counted) (d Delivery, _ *refusal) {
	malformed := func(status int, message string) *refusal {
		return &refusal{status: status, result: Malformed, message: message}
	}
	if r.Method != http.MethodPost {
		return d, &refusal{status: http.StatusMethodNotAllowed, result: WrongMethod, message: "deliveries come by POST"}
	}
	guid, event := r.Header.Get("X-GitHub-Delivery"), r.Header.Get("X-GitHub-Event")
	if !guidPattern().MatchString(guid) {
		return d, malformed(http.StatusBadRequest, "no usable X-GitHub-Delivery header")
	}
	if !eventPattern().MatchString(event) {
		return d, malformed(http.StatusBadRequest, "no usable X-GitHub-Event header")
	}
	d.GUID, d.Event = guid, event
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if form := mediaType == "application/x-www-form-urlencoded"; err != nil || !form && mediaType != "application/json" {
		return d, malformed(http.StatusUnsupportedMediaType, "Content-Type must be application/json or application/x-www-form-urlencoded")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return d, malformed(http.StatusUnsupportedMediaType, "Content-Encoding must be identity")
	}
	signature, refused := signatureOf(r.Header)
	if refused != nil {
		return d, refused
	}
	body, refused := h.body(r.ContentLength, in)
	if refused != nil {
		return d, refused
	}
	if !h.signed(body, signature) {
		return d, &refusal{status: http.StatusUnauthorized, result: Unsigned,
			message: "X-Hub-Signature-256 does not match; compare the webhook secret in the App's settings with the server's"}
	}
	if mediaType != "application/json" {
		form, err := url.ParseQuery(string(body))
		if err != nil || len(form["payload"]) != 1 {
			return d, malformed(http.StatusBadRequest, "the form must have one field payload")
		}
		body = []byte(form["payload"][0])
	}
	if len(body) == 0 {
		return d, malformed(http.StatusBadRequest, "the payload is empty")
	}
	d.Payload = body
	return d, nil
}

// signatureOf reads X-Hub-Signature-256. The older X-Hub-Signature (SHA-1), which GitHub sends beside it, never counts.
func signatureOf(header http.Header) ([]byte, *refusal) {
	refuse := func(message string) *refusal {
		return &refusal{status: http.StatusUnauthorized, result: Unsigned, message: message}
	}
	switch values := header.Values("X-Hub-Signature-256"); {
	case len(values) == 0 && header.Get("X-Hub-Signature") != "":
		return nil, refuse("signed with SHA-1 only; X-Hub-Signature-256 is required")
	case len(values) == 0:
		return nil, refuse("no X-Hub-Signature-256 header; set a webhook secret in the App's settings")
	case len(values) > 1:
		return nil, refuse("more than one X-Hub-Signature-256 header")
	default:
		digits, ok := strings.CutPrefix(values[0], "sha256=")
		signature, err := hex.DecodeString(digits)
		if !ok || err != nil || len(signature) != sha256.Size {
			return nil, refuse("X-Hub-Signature-256 must be sha256= and 64 hexadecimal digits")
		}
		return signature, nil
	}
}

// signed compares with every secret, in constant time and whether or not an earlier one matched.
func (h *handler) signed(body, signature []byte) bool {
	match := false
	for _, secret := range h.Secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		match = hmac.Equal(mac.Sum(nil), signature) || match
	}
	return match
}

// Nobody is authenticated before the whole body is read. So that a crowd of strangers with large bodies cannot take all
// memory, what they send beyond smallBody is counted, and there is room for largeBodies of the largest at once. Ordinary
// deliveries are smaller and never wait for them.
const (
	smallBody   = 256 << 10
	largeBodies = 4
)

var errCrowded = errors.New("too many large deliveries at once")

// body reads the raw body, never more than MaxBody bytes and one. What the header claims allocates nothing large.
func (h *handler) body(claimed int64, in *counted) ([]byte, *refusal) {
	tooLarge := &refusal{status: http.StatusRequestEntityTooLarge, result: TooLarge,
		message: fmt.Sprintf("the body is larger than %d bytes", h.MaxBody)}
	if claimed > h.MaxBody {
		return nil, tooLarge
	}
	var buf bytes.Buffer
	buf.Grow(int(min(max(claimed, 0), smallBody)) + bytes.MinRead)
	_, err := buf.ReadFrom(in)
	if err == nil {
		return buf.Bytes(), nil
	}
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge
	}
	if errors.Is(err, errCrowded) {
		return nil, &refusal{http.StatusServiceUnavailable, Unavailable, "too many large deliveries at once, send it again later", nil}
	}
	return nil, &refusal{http.StatusBadRequest, Interrupted, "the body ended before its end", err}
}

// counted adds what it reads beyond smallBody to a total that several requests share.
type counted struct {
	r     io.Reader
	read  int64
	total *atomic.Int64
	most  int64
	held  int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += int64(n)
	if extra := max(0, c.read-smallBody) - c.held; extra > 0 {
		c.held += extra
		if c.total.Add(extra) > c.most {
			return n, errCrowded
		}
	}
	return n, err
}

func (c *counted) release() { c.total.Add(-c.held) }
