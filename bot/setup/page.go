package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"github.com/oxidometer/oxidometer/bot/gh"
)

//go:embed page.html.tmpl
var pageText string

//go:embed page.css
var style string

// pages is parsed when a page is first shown: every command of the program starts with this package.
var pages = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

// page is what the template shows: one of Form, Problem and Done.
type page struct {
	Style template.CSS
	Form  *form
	// Problem and Remedy are set when something went wrong.
	Problem, Remedy string
	Again           bool
	Done            *Result
	Dir             string
}

type form struct {
	Action, Manifest    string
	Owner, Site         string
	Webhook, Dir        string
	Permissions, Events []string
	Extras              []gh.Extra
}

func (f *flow) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.first)
	mux.HandleFunc("GET /callback", f.callback)
	return f.onlyHere(mux)
}

// onlyHere refuses requests for other hosts: a page elsewhere may have its name resolved to this machine.
func (f *flow) onlyHere(next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(f.host)
	sum := sha256.Sum256([]byte(style))
	policy := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; form-action %s http://%s; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]), f.site.origin(), f.host) // browsers apply form-action to where GitHub sends them back to as well
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "strict-origin") // a form without an Origin may be refused; the code never leaves
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Host != "127.0.0.1:"+port && r.Host != "localhost:"+port {
			http.Error(w, "This page is at http://"+f.host+"/", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (f *flow) first(w http.ResponseWriter, _ *http.Request) {
	m := f.manifest()
	text, err := json.Marshal(m)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError) // unreachable: only strings
		return
	}
	owner := "your own account"
	if f.o.Organization != "" {
		owner = "the organization " + f.o.Organization
	}
	show(w, http.StatusOK, page{Form: &form{
		Action: f.site.newApp(f.o.Organization, f.state), Manifest: string(text), Owner: owner, Site: f.site.web.Host, Dir: f.o.Dir,
		Webhook: m.Hook.URL, Permissions: m.permissionLines(), Events: m.Events, Extras: f.o.Extras,
	}})
}

// callback is where GitHub sends the browser back to.
func (f *flow) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(f.state)) != 1 {
		f.problem(w, http.StatusForbidden, &pageError{problem: "this does not come from the page that setup showed: its state is another", remedy: "start on the first page of the setup that runs now"})
		return
	}
	code := query.Get("code")
	switch denied := query.Get("error"); {
	case denied != "":
		f.problem(w, http.StatusOK, &pageError{problem: "GitHub did not create the App: " + cut(printable(denied), 100), remedy: "start again on the first page, as somebody who may create Apps there"})
		return
	case !codeForm().MatchString(code):
		f.problem(w, http.StatusBadRequest, &pageError{problem: "GitHub sent no code", remedy: "start again on the first page"})
		return
	}
	select {
	case _, open := <-f.turn:
		if !open {
			show(w, http.StatusConflict, page{Problem: "setup is already complete", Remedy: "the terminal has the link to install the App"})
			return
		}
	case <-r.Context().Done():
		return
	}
	f.finish(w, r, code)
}

// finish has the turn, and gives it back unless it ends the run.
func (f *flow) finish(w http.ResponseWriter, r *http.Request, code string) {
	app, err := f.exchange(context.WithoutCancel(r.Context()), code) // a code works once, whether the browser waits or not
	if err != nil {
		f.problem(w, http.StatusBadGateway, err)
		f.turn <- struct{}{}
		return
	}
	defer close(f.turn)
	if err := f.files.store(f.o, f.site, app); err != nil {
		err = fmt.Errorf("the App %s exists now, but its key cannot be stored in %s: %w; delete the App at %s, make room, and run setup again",
			app.Slug, f.o.Dir, cause(err), f.site.settings(f.o.Organization).JoinPath(app.Slug, "advanced"))
		show(w, http.StatusInternalServerError, page{Problem: err.Error()})
		f.done <- outcome{err: err}
		return
	}
	result := Result{
		Name: printable(app.Name), Slug: app.Slug, AppID: app.ID,
		InstallURL: f.site.installPage(app.HTMLURL, app.Slug), Settings: filepath.Join(f.o.Dir, settingsFile),
	}
	show(w, http.StatusOK, page{Done: &result, Dir: f.o.Dir})
	f.done <- outcome{result: result}
}

// problem shows an error to the browser and to the terminal.
func (f *flow) problem(w http.ResponseWriter, status int, err error) {
	p := page{Problem: err.Error()}
	if e, ok := errors.AsType[*pageError](err); ok {
		p = page{Problem: e.problem, Remedy: e.remedy, Again: e.again}
	}
	fmt.Fprintf(f.o.Out, "%s\n", printable(strings.TrimSpace(err.Error())))
	show(w, status, p)
}

func show(w http.ResponseWriter, status int, p page) {
	p.Style = template.CSS(style)
	var b bytes.Buffer
	if err := pages().Execute(&b, p); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError) // unreachable: the template is tested
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
