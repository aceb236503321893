package doctor

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
)

const (
	hookPath = "/webhook"
	hookHelp = "change it in the App's settings, Webhook"
)

// webhook checks the way of deliveries from both ends: where GitHub sends them, who answers there, and what came of the
// last ones.
func (e *examination) webhook(ctx context.Context) {
	ours := ""
	if e.o.Server.PublicURL != "" {
		ours = strings.TrimRight(e.o.Server.PublicURL, "/") + hookPath
	}
	address := ours
	if e.app != nil {
		address = e.hookConfig(ctx, ours)
	}
	e.probe(ctx, address)
	if e.app != nil {
		e.deliveries(ctx)
	}
}

// hookConfig returns where GitHub sends webhooks, or ours when it does not say.
func (e *examination) hookConfig(ctx context.Context, ours string) string {
	const what = "webhook address"
	hook, err := e.app.HookConfig(ctx)
	if err != nil && !errors.Is(err, gh.ErrNotFound) {
		e.failed(what, err, "")
		return ours
	}
	want := ours
	if want == "" {
		want = "where this server is, followed by " + hookPath
	}
	u, parseErr := url.Parse(hook.URL)
	switch {
	case hook.URL == "":
		e.fail(what, "set it in the App's settings, Webhook, to "+want, "GitHub sends no webhooks for this App")
		return ours
	case parseErr != nil || u.Host == "":
		e.fail(what, "set it in the App's settings, Webhook, to "+want, "%s is no address", hook.URL)
		return ours
	case !hook.Secret:
		e.fail(what, "set the secret in the App's settings, Webhook", "GitHub does not sign what it sends to %s, so the server refuses it", hook.URL)
	case u.Scheme != "https":
		e.warn(what, hookHelp, "%s is not encrypted", hook.URL)
	case hook.InsecureTLS:
		e.warn(what, "enable SSL verification in the App's settings, Webhook", "GitHub does not check the certificate of %s", hook.URL)
	case ours != "" && hook.URL != ours:
		e.warn(what, hookHelp+", or correct --public-url", "GitHub sends to %s, the settings say %s", hook.URL, ours)
	case !strings.HasSuffix(u.Path, hookPath):
		e.warn(what, hookHelp, "%s does not end in %s", hook.URL, hookPath)
	default:
		e.ok(what, "%s", hook.URL)
	}
	return hook.URL
}

// probe asks for the webhook from here: a delivery with a wrong signature has to be refused, and one with a right
// signature but nothing in it has to be recognised. Neither is stored.
func (e *examination) probe(ctx context.Context, address string) {
	const what = "webhook answers"
	if address == "" {
		e.skipped("webhook address and public URL", what)
		return
	}
	client := http.Client{Transport: e.o.Transport, Timeout: requestTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status, err := post(ctx, &client, address, nil)
	switch {
	case err != nil:
		e.fail(what, "is oxidometer serve running, and do name, port, proxy and certificate lead to it?", "%s cannot be reached from here: %v", address, err)
		return
	case status >= 300 && status < 400:
		e.fail(what, "give the address it leads to; GitHub does not follow", "%s answers %d, a redirection", address, status)
		return
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		e.fail(what, "is oxidometer serve running behind it?", "%s answers %d: the proxy has nobody to ask", address, status)
		return
	case status != http.StatusUnauthorized:
		e.fail(what, "something else answers there; correct the address or the proxy", "%s answers %d to a wrong signature, and not 401", address, status)
		return
	}
	for _, secret := range e.secrets {
		if status, err = post(ctx, &client, address, secret); err != nil || status == http.StatusBadRequest {
			break
		}
	}
	switch {
	case err != nil:
		e.warn(what, "try again", "%s refuses wrong signatures, then: %v", address, err)
	case len(e.secrets) == 0:
		e.warn(what, "see webhook secret", "%s refuses wrong signatures; right ones are not checked", address)
	case status != http.StatusBadRequest:
		e.fail(what, "start the server with the same --webhook-secret", "%s has another webhook secret than these settings", address)
	default:
		e.ok(what, "from here, and it knows the secret")
	}
}

// post sends a form that is no delivery, signed or with a signature of zeros.
func post(ctx context.Context, client *http.Client, address string, secret []byte) (int, error) {
	const body = "doctor=1"
	signature := make([]byte, sha256.Size)
	if secret != nil {
		mac := hmac.New(sha256.New, secret)
		io.WriteString(mac, body)
		signature = mac.Sum(nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "oxidometer-doctor")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-GitHub-Event", "ping")
	req.Header.Set("X-GitHub-Delivery", "00000000-0000-0000-0000-000000000000")
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(signature))
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the address is said already
		}
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

// deliveries looks at what became of the last webhooks.
func (e *examination) deliveries(ctx context.Context) {
	const what = "deliveries"
	log, err := e.app.LastDeliveries(ctx)
	if err != nil {
		e.failed(what, err, "")
		return
	}
	if len(log) == 0 {
		e.warn(what, "install the App or push to a pull request, then look again", "GitHub has sent none of late")
		return
	}
	arrived := map[string]bool{}
	for _, d := range log {
		arrived[d.GUID] = arrived[d.GUID] || d.OK()
	}
	lost := 0
	var last *gh.LoggedDelivery
	for i, d := range log {
		if arrived[d.GUID] {
			continue
		}
		if last == nil {
			last = &log[i]
		}
		arrived[d.GUID] = true // each once
		lost++
	}
	newest := fmt.Sprintf("the newest, %s, %s ago", log[0].Event, e.ago(log[0].DeliveredAt))
	switch {
	case lost == 0:
		e.ok(what, "the last %d arrived; %s", len(log), newest)
	case !log[0].OK():
		e.fail(what, e.deliveryHelp(log[0]), "%d of the last %d did not arrive; %s: %s", lost, len(log), newest, reason(log[0]))
	default:
		e.warn(what, "the server fetches them again while it runs; "+e.deliveryHelp(*last), "%d of the last %d did not arrive, last with %s; %s arrived", lost, len(log), reason(*last), newest)
	}
}

func reason(d gh.LoggedDelivery) string {
	text := line(d.Status)
	if len(text) > 80 {
		text = text[:80]
	}
	if d.StatusCode == 0 {
		return text
	}
	return fmt.Sprintf("%d %s", d.StatusCode, text)
}

func (e *examination) deliveryHelp(d gh.LoggedDelivery) string {
	switch {
	case d.StatusCode == http.StatusUnauthorized:
		return "the secret in the App's settings is not the server's; set the same in both"
	case d.StatusCode == http.StatusNotFound || d.StatusCode == http.StatusMethodNotAllowed:
		return "the address does not lead to the server; " + hookHelp
	case d.StatusCode == http.StatusServiceUnavailable:
		return "the server's log says why it could not store them"
	}
	return "see that GitHub can reach the server: address, firewall, certificate"
}

// ago is a time as people say it.
func (e *examination) ago(t time.Time) string {
	d := max(0, e.o.Now().Sub(t))
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/(24*time.Hour)), "day")
}
