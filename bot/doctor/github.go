package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh"
)

// github asks GitHub what it knows of the App.
func (e *examination) github(ctx context.Context) {
	app, err := e.newApp()
	if err != nil {
		e.failed("GitHub", err, "")
	}
	if app == nil {
		e.skipped("settings and private key", "clock", "App", "permissions", "events", "installations", "webhook address", "deliveries")
		return
	}
	slug, id, permissions, events, err := app.Slug(ctx)
	e.checkClock()
	if err != nil {
		e.appRefused(err)
		e.skipped("App", "permissions", "events", "installations", "webhook address", "deliveries")
		return
	}
	if id != e.o.Server.AppID {
		e.fail("App", fmt.Sprintf("set --app-id to %d, or name the other App's key", id), "the key belongs to App %d (%s), the settings say %d", id, slug, e.o.Server.AppID)
	} else {
		e.ok("App", "%d is %s, and the key is its own", id, slug)
	}
	e.app, e.slug = app, slug
	e.permissions(permissions)
	e.events(events)
	e.installations(ctx, permissions)
}

// appRefused says why GitHub did not answer for the App.
func (e *examination) appRefused(err error) {
	remedy := ""
	if class, _ := gh.Classify(err); class == gh.ClassTemporary {
		remedy = "check the network, a proxy's settings (HTTPS_PROXY) and --github-url"
	}
	switch known, _ := errors.AsType[*gh.Error](err); {
	case known == nil:
	case known.Status == http.StatusNotFound:
		remedy = fmt.Sprintf("there is no App %d there, or --github-url is not the address of an API; GitHub shows the id on the App's settings page", e.o.Server.AppID)
	case known.Status == http.StatusUnauthorized:
		remedy = fmt.Sprintf("the key is not App %d's, or was revoked, or the clock is wrong; compare the key's fingerprint in the App's settings", e.o.Server.AppID)
	}
	e.failed("App", err, remedy)
}

// clock watches answers for the time on the other side.
type clock struct {
	next http.RoundTripper
	now  func() time.Time

	mu    sync.Mutex
	known bool
	skew  time.Duration // ours minus GitHub's
}

func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	before := c.now()
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		ours := before.Add(c.now().Sub(before) / 2)
		c.mu.Lock()
		// The header is cut to the second.
		c.known, c.skew = true, ours.Sub(date.Add(500*time.Millisecond)).Round(time.Second)
		c.mu.Unlock()
	}
	return resp, nil
}

// GitHub refuses signatures from the future and those that have run out.
const (
	someSkew = 10 * time.Second
	maxSkew  = 60 * time.Second
)

func (e *examination) checkClock() {
	const what, remedy = "clock", "let this machine keep time, with timedatectl set-ntp true or chrony"
	e.clock.mu.Lock()
	defer e.clock.mu.Unlock()
	if !e.clock.known {
		e.skipped("App", what)
		return
	}
	skew, direction := e.clock.skew, "ahead of"
	if skew < 0 {
		skew, direction = -skew, "behind"
	}
	switch {
	case skew >= maxSkew:
		e.fail(what, remedy, "%s %s GitHub's; it refuses signatures from a minute on", skew, direction)
	case skew > someSkew:
		e.warn(what, remedy, "%s %s GitHub's", skew, direction)
	default:
		e.ok(what, "within %s of GitHub's", max(skew, time.Second))
	}
}

func (e *examination) permissions(have map[string]string) {
	const what = "permissions"
	need, allowed := gh.Permissions(), gh.Permissions(gh.Extras()...)
	var more, off []string
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if !gh.Grants(allowed[name], have[name]) {
			more = append(more, name+": "+have[name])
		}
	}
	for _, extra := range gh.Extras() {
		if extra.Event == "" && !gh.Grants(have[extra.Permission], extra.Level) { // the others are told with their events
			off = append(off, fmt.Sprintf("%s: %s (%s)", extra.Permission, extra.Level, extra.Purpose))
		}
	}
	optional := ""
	if len(off) > 0 {
		optional = "; not asked for, which is fine: " + strings.Join(off, ", ")
	}
	missing := lacking(have, need)
	switch {
	case missing != "":
		e.fail(what, "add them in the App's settings, Permissions & events, then accept them where it is installed", "missing %s", missing)
	case len(more) > 0:
		e.warn(what, "take it away in the App's settings, Permissions & events", "more than it needs: %s", strings.Join(more, ", "))
	default:
		e.ok(what, "what it needs, and no more%s", optional)
	}
}

func (e *examination) events(have []string) {
	const what = "events"
	var missing, more, off []string
	for _, name := range gh.Events() {
		if !slices.Contains(have, name) {
			missing = append(missing, name)
		}
	}
	known := gh.Events(gh.Extras()...)
	for _, extra := range gh.Extras() {
		if extra.Event != "" && !slices.Contains(have, extra.Event) {
			off = append(off, fmt.Sprintf("%s (%s; needs %s: %s)", extra.Event, extra.Purpose, extra.Permission, extra.Level))
		}
	}
	for _, name := range slices.Sorted(slices.Values(have)) {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "installation") {
			more = append(more, name)
		}
	}
	optional := ""
	if len(off) > 0 {
		optional = "; not subscribed, which is fine: " + strings.Join(off, ", ")
	}
	switch {
	case len(missing) > 0:
		e.fail(what, "subscribe to them in the App's settings, Permissions & events", "missing %s", strings.Join(missing, ", "))
	case len(more) > 0:
		e.warn(what, "unsubscribe in the App's settings, Permissions & events", "nobody reads %s", strings.Join(more, ", "))
	default:
		e.ok(what, "what it needs%s", optional)
	}
}

// lookedInto is how many installations are entered.
const lookedInto = 10

func (e *examination) installations(ctx context.Context, asked map[string]string) {
	const what = "installations"
	list, err := e.app.Installations(ctx)
	if err != nil {
		e.failed(what, err, "")
		return
	}
	if len(list) == 0 {
		e.warn(what, "install "+e.slug+" from its page on GitHub, Install App", "none, so there is nothing to do")
		return
	}
	slices.SortFunc(list, func(a, b gh.Installation) int { return cmp.Compare(a.ID, b.ID) })
	var suspended, waiting []string
	repos, entered := 0, 0
	for _, in := range list {
		if in.Suspended {
			suspended = append(suspended, in.Account)
			continue
		}
		if entered++; entered > lookedInto {
			continue
		}
		client := e.app.Installation(in.ID)
		granted, err := client.Granted(ctx)
		if lacks := lacking(granted, asked); lacks != "" && err == nil {
			waiting = append(waiting, in.Account+" ("+lacks+")")
		}
		found, err := client.Repositories(ctx)
		if err != nil {
			e.failed(what, fmt.Errorf("%s: %w", in.Account, err), "")
			return
		}
		repos += len(found)
	}
	text := count(len(list), "installation")
	if entered <= lookedInto {
		text += ", " + count(repos, "repository")
	}
	switch {
	case len(suspended) > 0:
		e.warn(what, "its owner can lift that in the installation's settings", "%s; suspended: %s", text, strings.Join(suspended, ", "))
	case len(waiting) > 0:
		e.warn(what, "its owner can accept them in the installation's settings", "%s; permissions not yet accepted: %s", text, strings.Join(waiting, ", "))
	case repos == 0:
		e.warn(what, "choose repositories in the installation's settings", "%s", text)
	default:
		e.ok(what, "%s", text)
	}
}

// lacking are the permissions that the App asks for and that an installation did not grant.
func lacking(granted, asked map[string]string) string {
	var lacks []string
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if !gh.Grants(granted[name], asked[name]) {
			lacks = append(lacks, name+": "+asked[name])
		}
	}
	return strings.Join(lacks, ", ")
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok && noun != "day" {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
