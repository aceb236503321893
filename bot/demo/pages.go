package demo

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/oxidometer/oxidometer/bot"
	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

//go:embed index.html.tmpl pull.html.tmpl style.css
var files embed.FS

var pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"markdown": markdown, "trusted": trusted, "style": style, "short": func(sha string) string { return fmt.Sprintf("%.7s", sha) }, "mark": mark,
	"reaction": func(name string) string { return reactions[name] }, "reply": isReply,
}).ParseFS(files, "*.tmpl"))

// Both render Markdown as GitHub does. What people write loses its HTML: GitHub would filter it, and we have no filter. What
// the App writes keeps it, so that its names are escaped by the App or not at all.
var (
	people = goldmark.New(goldmark.WithExtensions(extension.GFM))
	ours   = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
)

// policy keeps pages from running scripts and from asking any other host.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func markdown(text string) (template.HTML, error) { return convert(people, text) }
func trusted(text string) (template.HTML, error)  { return convert(ours, text) }

func convert(m goldmark.Markdown, text string) (template.HTML, error) {
	var b bytes.Buffer
	err := m.Convert([]byte(text), &b)
	return template.HTML(b.String()), err
}

func style() (template.CSS, error) {
	b, err := files.ReadFile("style.css")
	return template.CSS(b), err
}

// mark is the sign that GitHub puts before a check run, as text.
func mark(c ghtest.CheckView) string {
	switch {
	case c.Status != "completed":
		return "●"
	case c.Conclusion == "success":
		return "✓"
	case c.Conclusion == "failure":
		return "✗"
	}
	return "■"
}

// reactions are the App's, as GitHub shows them.
var reactions = map[string]string{"eyes": "👀", "+1": "👍", "-1": "👎", "confused": "😕"}

// isReply tells the App's answer to commands from its report.
func isReply(c ghtest.CommentView) bool { return strings.Contains(c.Body, "<!-- oxidometer-reply:") }

// pages serves the pull requests, and passes the App's own pages through as the App sends them.
func (d *demo) pages(app *bot.Server) http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET /{$}", d.index)
	own.HandleFunc("GET /penguins/linux/pull/{number}", d.pull)
	own.HandleFunc("POST /penguins/linux/pull/{number}/comment", d.comment)
	own.HandleFunc("POST /penguins/linux/pull/{number}/press", d.press)
	own.HandleFunc("POST /penguins/linux/pull/{number}/push", d.push)
	own.HandleFunc("POST /penguins/linux/pull/{number}/merge", d.mergePull)
	target, _ := url.Parse(app.URL())
	proxy := httputil.NewSingleHostReverseProxy(target)
	mux := http.NewServeMux()
	mux.Handle("GET /r/", proxy)
	mux.Handle("GET /p/", proxy)
	mux.Handle("GET /help", proxy)
	mux.Handle("/", headers(http.NewCrossOriginProtection().Handler(own)))
	return mux
}

// onlyHere refuses requests for other hosts: a page elsewhere may have its name resolved to this machine.
func onlyHere(address string, next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(address)
	hosts := []string{address, net.JoinHostPort("localhost", port), net.JoinHostPort("127.0.0.1", port)}
	if port == "80" {
		hosts = append(hosts, "localhost", "127.0.0.1") // browsers leave it out
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(hosts, r.Host) {
			http.Error(w, "The demo is at http://"+address+"/", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headers sets what every page of the demo has, refusals included.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func send(w http.ResponseWriter, page string, data any) {
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, page, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes())
}

// row is one pull request in the list.
type row struct {
	ghtest.PullView
	Check *ghtest.CheckView // of the head, nil while there is none
}

// Blocked reports whether GitHub would not let anybody merge it: the check is required.
func (r row) Blocked() bool {
	return r.State != "open" || r.Check == nil || r.Check.Status != "completed" || r.Check.Conclusion == "failure"
}

// Condition is the state in GitHub's words.
func (r row) Condition() string {
	if r.Merged {
		return "merged"
	}
	return r.State
}

// Offers reports whether the check has the button.
func (r row) Offers(action string) bool {
	return r.State == "open" && r.Check != nil && slices.ContainsFunc(r.Check.Actions, func(a ghtest.CheckAction) bool { return a.Identifier == action })
}

func (d *demo) row(number int) (row, bool) {
	v, ok := d.github.PullView(d.repo, number)
	r := row{PullView: v}
	for i := range v.Checks {
		if v.Checks[i].HeadSHA == v.HeadSHA {
			r.Check = &v.Checks[i]
		}
	}
	return r, ok
}

// waiting reports whether what a page shows is about to change: it then loads itself again.
func (d *demo) waiting(ctx context.Context, rows ...row) bool {
	for _, r := range rows {
		if r.State == "open" && (r.Check == nil || r.Check.Status != "completed") {
			return true
		}
	}
	if d.working == nil {
		return false
	}
	working, err := d.working(ctx)
	return working && err == nil
}

func (d *demo) index(w http.ResponseWriter, r *http.Request) {
	var rows []row
	for _, n := range d.github.Pulls(d.repo) {
		v, _ := d.row(n)
		rows = append(rows, v)
	}
	file, _ := d.github.File(d.repo, "main", repositoryPath)
	send(w, "index.html.tmpl", map[string]any{"Rows": rows, "Waiting": d.waiting(r.Context(), rows...), "File": file})
}

// commands that a form offers, for any pull request.
var commands = []string{
	"/size help", "/size status", "/size explain core::fmt::write", "/size top n=5 bucket=runtime", "/size text", "/size refresh", "/size unaccept",
}

func (d *demo) pull(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("number"))
	v, ok := d.row(n)
	if !ok {
		http.NotFound(w, r)
		return
	}
	type choice struct{ Name, Label string }
	var choices []choice
	for _, name := range d.order {
		choices = append(choices, choice{name, d.builds[name].label})
	}
	file, _ := d.github.File(d.repo, v.HeadSHA, repositoryPath)
	if v.Merged || file != laterFile { // one pull request changes it
		file = ""
	}
	send(w, "pull.html.tmpl", map[string]any{
		"Pull": v, "Choices": choices, "People": users, "Commands": commands, "File": file,
		"Waiting": d.waiting(r.Context(), v), "Refresh": refresh(r, n),
	})
}

// act finds the pull request that a form is about. When there is none, it says so itself.
func (d *demo) act(w http.ResponseWriter, r *http.Request) (v row, ok bool) {
	n, _ := strconv.Atoi(r.PathValue("number"))
	if v, ok = d.row(n); !ok {
		http.NotFound(w, r)
	}
	return v, ok
}

// user is who a form speaks for. When that is nobody of the list, it says so itself.
func user(w http.ResponseWriter, r *http.Request) (login string, ok bool) {
	login = r.FormValue("user")
	if ok = slices.ContainsFunc(users, func(p person) bool { return p.Login == login }); !ok {
		http.Error(w, "Nobody of that name is here; choose one of the list.", http.StatusBadRequest)
	}
	return login, ok
}

// Places on a page that one is led back to: a comment, or the check.
var place = regexp.MustCompile(`^(comment-[0-9]+|our-check)$`)

// address is a place on the page of a pull request. A browser that is sent to the same address again does not load the page if
// there is a place in it, so turn tells one time from the next.
func address(number int, to string, turn int) string {
	return fmt.Sprintf("/penguins/linux/pull/%d?to=%s&turn=%d#%[2]s", number, to, turn)
}

// refresh is how a page that waits loads itself again, at the place that it was asked for.
func refresh(r *http.Request, number int) string {
	to := r.FormValue("to")
	if !place.MatchString(to) {
		return "1"
	}
	turn := 0
	if r.FormValue("turn") == "0" {
		turn = 1
	}
	return "1; url=" + address(number, to, turn)
}

// done leads back to the pull request, once the App has heard of what was done: from then on it is at work.
func (d *demo) done(w http.ResponseWriter, r *http.Request, number int, to string) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	d.github.WaitDeliveries(ctx)
	http.Redirect(w, r, address(number, to, 0), http.StatusSeeOther)
}

// comment posts what a person writes, or the command of the button that was pressed.
func (d *demo) comment(w http.ResponseWriter, r *http.Request) {
	v, found := d.act(w, r)
	if !found {
		return
	}
	by, known := user(w, r)
	if !known {
		return
	}
	id, err := d.github.PostComment(d.repo, v.Number, by, cmp.Or(r.FormValue("command"), r.FormValue("body")))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.done(w, r, v.Number, fmt.Sprintf("comment-%d", id))
}

// press is a press on a button of the check run.
func (d *demo) press(w http.ResponseWriter, r *http.Request) {
	v, found := d.act(w, r)
	if !found {
		return
	}
	by, known := user(w, r)
	if !known {
		return
	}
	if v.Check == nil {
		http.NotFound(w, r)
		return
	}
	if err := d.github.RequestAction(d.repo, v.Check.ID, r.FormValue("action"), by); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.done(w, r, v.Number, "our-check")
}

// mergePull merges a pull request whose check lets it.
func (d *demo) mergePull(w http.ResponseWriter, r *http.Request) {
	v, ok := d.act(w, r)
	if !ok {
		return
	}
	if v.Blocked() {
		http.Error(w, "The check oxidometer is required here, and keeps this from being merged.", http.StatusConflict)
		return
	}
	d.merge(v.PullView)
	d.done(w, r, v.Number, "our-check")
}

// push adds a commit to the pull request, and CI builds what was chosen.
func (d *demo) push(w http.ResponseWriter, r *http.Request) {
	v, ok := d.act(w, r)
	if !ok {
		return
	}
	name := r.FormValue("build")
	b, known := d.builds[name]
	if !known || v.State != "open" {
		http.NotFound(w, r)
		return
	}
	d.github.PushHead(d.repo, v.Number, ghtest.Commit{Message: "v2: " + b.label, Files: map[string]string{"drivers/version": name + strconv.Itoa(len(d.github.Calls()))}})
	d.buildPull(v.Number, name)
	d.done(w, r, v.Number, "our-check")
}
