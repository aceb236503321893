package gh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestClassify(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	header := func(kv ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(kv); i += 2 {
			h.Set(kv[i], kv[i+1])
		}
		return h
	}
	reset := fmt.Sprint(now.Unix() + 90)
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		class  Class
		wait   time.Duration
	}{
		{"429 with Retry-After", 429, header("Retry-After", "7"), `{}`, ClassRateLimited, 7 * time.Second},
		{"429 with reset", 429, header("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset), `{}`, ClassRateLimited, 90 * time.Second},
		{"429 without anything", 429, nil, ``, ClassRateLimited, time.Minute},
		{"429 with Retry-After as a date", 429, header("Retry-After", now.Add(40*time.Second).UTC().Format(http.TimeFormat)), ``, ClassRateLimited, 40 * time.Second},
		{"429 with a broken Retry-After", 429, header("Retry-After", "soon"), ``, ClassRateLimited, time.Minute},
		{"429 with a reset in the past", 429, header("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1"), ``, ClassRateLimited, time.Second},
		{"429 with a wait of years", 429, header("Retry-After", "999999999"), ``, ClassRateLimited, 2 * time.Hour},
		{"403 primary", 403, header("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset), `{"message":"API rate limit exceeded for installation ID 5."}`, ClassRateLimited, 90 * time.Second},
		{"403 secondary by message", 403, nil, `{"message":"You have exceeded a secondary rate limit."}`, ClassRateLimited, time.Minute},
		{"403 secondary by documentation", 403, nil, `{"message":"no","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, ClassRateLimited, time.Minute},
		{"403 abuse", 403, header("Retry-After", "30"), `{"message":"You have triggered an abuse detection mechanism."}`, ClassRateLimited, 30 * time.Second},
		{"403 permission", 403, header("X-RateLimit-Remaining", "42"), `{"message":"Resource not accessible by integration"}`, ClassForbidden, 0},
		{"403 archived", 403, nil, `{"message":"Repository was archived so is read-only."}`, ClassForbidden, 0},
		{"403 locked", 403, nil, `{"message":"Unable to create comment because issue is locked."}`, ClassLocked, 0},
		{"403 blocked", 403, nil, `{"message":"User is blocked"}`, ClassForbidden, 0},
		{"403 suspended", 403, nil, `{"message":"This installation has been suspended"}`, ClassAuth, 0},
		{"401", 401, nil, `{"message":"Bad credentials"}`, ClassAuth, 0},
		{"404", 404, nil, `{"message":"Not Found"}`, ClassNotFound, 0},
		{"410", 410, nil, `{"message":"Artifact has expired"}`, ClassGone, 0},
		{"423", 423, nil, ``, ClassLocked, 0},
		{"451", 451, nil, ``, ClassForbidden, 0},
		{"422", 422, nil, `{"message":"Validation Failed"}`, ClassPermanent, 0},
		{"409", 409, nil, `{"message":"Git Repository is empty."}`, ClassPermanent, 0},
		{"400", 400, nil, `<html>`, ClassPermanent, 0},
		{"408", 408, nil, ``, ClassTemporary, 0},
		{"500", 500, nil, ``, ClassTemporary, 0},
		{"502 as a page", 502, nil, `<html>Unicorn!`, ClassTemporary, 0},
		{"503 with Retry-After", 503, header("Retry-After", "5"), ``, ClassTemporary, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: tt.status, Header: tt.header, Body: io.NopCloser(strings.NewReader(tt.body))}
			if resp.Header == nil {
				resp.Header = http.Header{}
			}
			app := &App{now: func() time.Time { return now }}
			// As it comes out of http.Client.
			err := app.fail("do it", &url.Error{Op: "Get", URL: "https://h/?token=s3cret", Err: answer(resp, now)})
			class, wait := Classify(err)
			if class != tt.class || wait != tt.wait {
				t.Errorf("got %v and %v, want %v and %v", class, wait, tt.class, tt.wait)
			}
			if class2, _ := Classify(fmt.Errorf("job: %w", err)); class2 != class {
				t.Errorf("wrapped, it is %v", class2)
			}
			if errors.Is(err, ErrNotFound) != (tt.class == ClassNotFound) {
				t.Errorf("errors.Is(err, ErrNotFound) is wrong for %v", tt.class)
			}
		})
	}
}

func TestClassifyWithoutAnswer(t *testing.T) {
	app := &App{now: time.Now}
	var number int
	for _, tt := range []struct {
		name  string
		err   error
		class Class
	}{
		{"nil", nil, ClassOK},
		{"refused", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, ClassTemporary},
		{"timeout", context.DeadlineExceeded, ClassTemporary},
		{"canceled", context.Canceled, ClassTemporary},
		{"cut off", io.ErrUnexpectedEOF, ClassTemporary},
		{"not JSON", json.Unmarshal([]byte("<"), &number), ClassTemporary},
		{"other JSON", json.Unmarshal([]byte(`"x"`), &number), ClassTemporary},
		{"too large", errTooLarge, ClassPermanent},
		{"other host", errOtherHost, ClassPermanent},
	} {
		if class, _ := Classify(app.fail("do it", tt.err)); class != tt.class {
			t.Errorf("%s: %v, want %v", tt.name, class, tt.class)
		}
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			if got := errors.Is(app.fail("do it", tt.err), cause); got != errors.Is(tt.err, cause) {
				t.Errorf("%s: errors.Is(%v) is %v", tt.name, cause, got)
			}
		}
	}
	if class, _ := Classify(ErrNotFound); class != ClassNotFound {
		t.Errorf("ErrNotFound itself is %v", class)
	}
	if class, _ := Classify(errors.New("someone else's")); class != ClassTemporary {
		t.Errorf("a foreign error is %v", class)
	}
}

func TestErrorTextHoldsNoSecrets(t *testing.T) {
	for _, s := range []string{
		`failed to parse Location header "https://storage.example/a.zip?sig=s3cret&x=1": bad`,
		`Get "https://user:s3cret@proxy.example/": no route`,
		"token ghs_s3cretS3cret is bad",
		"Bearer eyJhbGciOi.s3cret-._s3cret here",
		"github_pat_s3cret_s3cret",
		"v1.0123456789abcdef01234s3cret0123456789abc",
		"see https://h/p#s3cret.",
	} {
		if got := oneLine(s); strings.Contains(got, "s3cret") {
			t.Errorf("%q became %q", s, got)
		}
	}
	if got := oneLine("a\x00b\n\tc \u202e d"); got != "a b c d" {
		t.Errorf("control characters: %q", got)
	}
	if got := oneLine(strings.Repeat("x", 1<<20)); len(got) > 310 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestErrorTextSaysWhatToDo(t *testing.T) {
	for want, e := range map[string]*Error{
		"read pull request o/r#1: GitHub answered 403: no; the installation may lack a permission; its owner can accept new ones in the App's installation settings": {Status: 403, Class: ClassForbidden, Message: "no"},
		"read pull request o/r#1: GitHub answered 429: slow down; wait 7s":                                                                                           {Status: 429, Class: ClassRateLimited, Message: "slow down", RetryAfter: 7 * time.Second},
		"read pull request o/r#1: no route to host":                                                                                                                  {Class: ClassTemporary, Message: "no route to host"},
	} {
		e.Op = "read pull request o/r#1"
		if e.Error() != want {
			t.Errorf("got  %s\nwant %s", e, want)
		}
	}
}

func TestAnswerWordsDetails(t *testing.T) {
	body := `{"message":"Validation Failed","errors":[{"resource":"IssueComment","field":"body","code":"too_long"},"plain",{"message":"own words"},"fourth"]}`
	e := answer(&http.Response{StatusCode: 422, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, time.Now())
	if want := "Validation Failed (IssueComment body too_long; plain; own words)"; e.Message != want {
		t.Errorf("got %q, want %q", e.Message, want)
	}
}

func TestClassNames(t *testing.T) {
	seen := map[string]bool{}
	for c := ClassOK; c <= ClassTemporary; c++ {
		if seen[c.String()] || c.String() == "unknown" {
			t.Errorf("class %d is called %q", c, c)
		}
		seen[c.String()] = true
	}
	if Class(99).String() != "unknown" || Class(-1).String() != "unknown" {
		t.Error("classes that do not exist have a name")
	}
}
