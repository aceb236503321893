package gh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/go-github/v60/github"
)

// ErrNotFound is what errors of class ClassNotFound match with errors.Is: the thing is not there, or the App may not
// know that it is.
var ErrNotFound = errors.New("not found")

// Class says what to do about an error.
type Class int

const (
	ClassOK          Class = iota
	ClassPermanent         // the same request will fail again
	ClassNotFound          // not there, or hidden from the App
	ClassForbidden         // the App lacks a permission, or the repository is archived
	ClassLocked            // the conversation is locked
	ClassGone              // was there: an expired artifact, a disabled feature
	ClassAuth              // GitHub does not accept the App or the installation: suspended, uninstalled, wrong key, wrong clock
	ClassRateLimited       // too many requests; wait
	ClassTemporary         // the network, a timeout, GitHub's 5xx; try again
)

// String is the class as a label of metrics and logs.
func (c Class) String() string {
	names := [...]string{"ok", "permanent", "not_found", "forbidden", "locked", "gone", "auth", "rate_limited", "temporary"}
	if c < 0 || int(c) >= len(names) {
		return "unknown"
	}
	return names[c]
}

// Error is a request to GitHub that did not succeed.
type Error struct {
	Op         string        // what was wanted, of what: "read pull request o/r#12"
	Status     int           // of GitHub's answer; 0 when there was none, or it was unreadable, or the request was not sent
	Class      Class         // never ClassOK
	RetryAfter time.Duration // how long to wait at least; 0 when unknown
	Message    string        // one line: GitHub's own words or the network's, without secrets
	cause      error         // context.Canceled, context.DeadlineExceeded or nil: nothing else is safe to print
}

// Error has three parts: what was wanted, what happened, and, where it is known, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	if e.Status != 0 {
		fmt.Fprintf(&b, "GitHub answered %d: ", e.Status)
	}
	b.WriteString(e.Message)
	if hint := e.hint(); hint != "" {
		b.WriteString("; ")
		b.WriteString(hint)
	}
	return b.String()
}

func (e *Error) hint() string {
	switch e.Class {
	case ClassForbidden:
		if strings.Contains(strings.ToLower(e.Message), "archived") {
			return "an archived repository cannot be written to"
		}
		return "the installation may lack a permission; its owner can accept new ones in the App's installation settings"
	case ClassAuth:
		return "check that the App is installed and not suspended, its id and private key, and this machine's clock"
	case ClassRateLimited:
		if e.RetryAfter > 0 {
			return "wait " + e.RetryAfter.Round(time.Second).String()
		}
		return "wait"
	}
	return ""
}

// Is makes errors of class ClassNotFound match ErrNotFound.
func (e *Error) Is(target error) bool { return target == ErrNotFound && e.Class == ClassNotFound }

// Unwrap is context.Canceled or context.DeadlineExceeded where that is the cause, otherwise nil.
func (e *Error) Unwrap() error { return e.cause }

// Classify says what kind of failure err is, and how long to wait at least before the next try (0: unknown). An error
// that is not of this package is ClassTemporary: another try is harmless and bounded, giving up is not.
func Classify(err error) (class Class, retryAfter time.Duration) {
	if err == nil {
		return ClassOK, 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class, e.RetryAfter
	}
	if errors.Is(err, ErrNotFound) {
		return ClassNotFound, 0
	}
	return ClassTemporary, 0
}

// misuse is an error of the caller, found before anything was sent.
func misuse(op, format string, args ...any) error {
	return &Error{Op: op, Class: ClassPermanent, Message: "not sent: " + fmt.Sprintf(format, args...)}
}

// unusable is a good answer without what it has to hold. What was written, was written; trying again finds it.
func unusable(op string) error {
	return &Error{Op: op, Status: http.StatusOK, Class: ClassTemporary, Message: "the answer is empty or not what GitHub documents"}
}

var (
	errTooLarge  = errors.New("the answer is larger than 32 MiB")
	errOtherHost = errors.New("redirected away from the API's host; not followed")
)

// fail turns whatever a call returned into an *Error named op. It is where types of go-github and net/http end.
func (a *App) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		named := *e
		named.Op = op
		if e.Op != "" {
			named.Op += ": " + e.Op
		}
		return &named
	}
	e := &Error{Op: op, Class: ClassTemporary, cause: contextCause(err)}
	if limit, ok := errors.AsType[*github.RateLimitError](err); ok {
		e.Class, e.RetryAfter = ClassRateLimited, clampWait(limit.Rate.Reset.Sub(a.now()))
		e.Message = "the hourly limit of requests is used up"
		return e
	}
	if _, ok := errors.AsType[*github.AcceptedError](err); ok {
		e.Status, e.Message = http.StatusAccepted, "the answer is still being prepared"
		return e
	}
	if errors.Is(err, errTooLarge) || errors.Is(err, errOtherHost) {
		e.Class = ClassPermanent
	}
	e.Message = describe(err)
	return e
}

func contextCause(err error) error {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			return cause
		}
	}
	return nil
}

// describe words an error that is not an answer of GitHub's.
func describe(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // the rest of it is the URL
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case syntax, kind, errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer is cut off or not what GitHub documents: " + oneLine(err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return "GitHub did not answer in time"
	}
	return oneLine(err.Error())
}

var (
	queries = regexp.MustCompile(`(https?://[^\s"'?#]*)[?#][^\s"']*`)
	users   = regexp.MustCompile(`(https?://)[^\s"'/@]*@`)
	tokens  = regexp.MustCompile(`\b(gh[a-z]_|github_pat_|v1\.[0-9a-f]{20}|ey[JK][\w-]+\.)[\w.-]+`)
)

// oneLine makes a text from outside fit for a message: no secrets, no control characters, at most 300 characters.
func oneLine(s string) string {
	if len(s) > 4096 {
		s = s[:4096]
	}
	s = queries.ReplaceAllString(s, "$1")
	s = users.ReplaceAllString(s, "$1")
	s = tokens.ReplaceAllString(s, "[token]")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 300 {
		s = string(runes[:300]) + "..."
	}
	return s
}

// answer reads and closes an answer of status 400 or more and returns what it means. Op is empty.
func answer(resp *http.Response, now time.Time) *Error {
	const enough = 64 << 10
	body, _ := io.ReadAll(io.LimitReader(resp.Body, enough)) // a cut error page still has its status
	resp.Body.Close()
	var said struct {
		Message string          `json:"message"`
		Doc     string          `json:"documentation_url"`
		Errors  json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil || said.Message == "" {
		said.Message = http.StatusText(resp.StatusCode)
	}
	e := &Error{Status: resp.StatusCode, Message: oneLine(said.Message + details(said.Errors))}
	e.Class, e.RetryAfter = classify(resp.StatusCode, resp.Header, strings.ToLower(said.Message), said.Doc, now)
	return e
}

// details words the "errors" of a 422, which are strings or objects.
func details(raw json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return ""
	}
	var out []string
	for _, item := range list[:min(len(list), 3)] {
		var text string
		var object struct{ Resource, Field, Code, Message string }
		if json.Unmarshal(item, &text) != nil && json.Unmarshal(item, &object) == nil {
			text = object.Message
			if text == "" {
				text = strings.Join(strings.Fields(object.Resource+" "+object.Field+" "+object.Code), " ")
			}
		}
		if text != "" {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, "; ") + ")"
}

// classify covers what go-github v60 does not: 429, secondary limits that only the message names, suspensions.
func classify(status int, h http.Header, message, doc string, now time.Time) (Class, time.Duration) {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && limited(h, message, doc):
		return ClassRateLimited, limitWait(h, now)
	case status >= 500, status == http.StatusRequestTimeout:
		return ClassTemporary, headerWait(h, now)
	case status == http.StatusUnauthorized, status == http.StatusForbidden && strings.Contains(message, "suspended"):
		return ClassAuth, 0
	case status == http.StatusLocked, status == http.StatusForbidden && lockedWord.MatchString(message):
		return ClassLocked, 0
	case status == http.StatusForbidden, status == http.StatusUnavailableForLegalReasons:
		return ClassForbidden, 0
	case status == http.StatusNotFound:
		return ClassNotFound, 0
	case status == http.StatusGone:
		return ClassGone, 0
	}
	return ClassPermanent, 0
}

var lockedWord = regexp.MustCompile(`\blocked\b`) // a user can be "blocked", too

func limited(h http.Header, message, doc string) bool {
	return h.Get("X-RateLimit-Remaining") == "0" || h.Get("Retry-After") != "" ||
		strings.Contains(message, "rate limit") || strings.Contains(message, "abuse detection") ||
		strings.HasSuffix(doc, "secondary-rate-limits") || strings.HasSuffix(doc, "#abuse-rate-limits")
}

// limitWait follows GitHub's rule: Retry-After, else the reset of a used-up limit, else a minute.
func limitWait(h http.Header, now time.Time) time.Duration {
	if wait := headerWait(h, now); wait > 0 {
		return wait
	}
	if reset := resetTime(h); h.Get("X-RateLimit-Remaining") == "0" && !reset.IsZero() {
		return clampWait(reset.Sub(now))
	}
	return time.Minute
}

// headerWait is Retry-After, in seconds or as a date; 0 when there is none.
func headerWait(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return clampWait(time.Duration(seconds) * time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return clampWait(date.Sub(now))
	}
	return 0
}

// clampWait keeps a wait between a second and two hours; GitHub's limits reset hourly, so more is a clock that is off.
func clampWait(d time.Duration) time.Duration { return min(max(d, time.Second), 2*time.Hour) }

func resetTime(h http.Header) time.Time {
	seconds, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
