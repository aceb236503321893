// Package web serves the App's pages: reports of evaluations, the history of a pull request, the commands, health
// and metrics.
//
// Pages need no script and work under a strict content security policy. Addresses of pages that say something of a repository
// hold 128 random bits: who has the address may see the page, and no search engine is invited.
package web

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// policy allows what the pages hold and nothing else.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed head.html.tmpl history.html.tmpl help.html.tmpl
var templates embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"short": func(sha string) string { return sha[:min(7, len(sha))] },
	"when":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
}).ParseFS(templates, "*.tmpl"))

// Options of the pages.
type Options struct {
	Store   *store.Store
	Metrics *Metrics
	Log     *logrus.Logger
	History func(key string) (repoID int64, pull int, ok bool) // what a history page's key stands for

	Prefix   string // of commands, unless a repository chooses another
	Commands []Command
}

// Command is one that people can write in comments. All of it is plain text.
type Command struct {
	Name, Usage, Summary string
	Who                  string // may use it
	Closed               bool   // also works on closed pull requests
	Arguments            []Argument
	Examples             []string
}

// Argument of a command.
type Argument struct {
	Name  string // as a usage has it
	About string // half a sentence
}

// Handler serves all pages.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.Handle("GET /metrics", o.Metrics.Handler())
	mux.HandleFunc("GET /r/{id}", o.report)
	mux.HandleFunc("GET /p/{key}", o.history)
	mux.HandleFunc("GET /help", o.help)
	return headers(mux)
}

// headers sets what every answer has.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func (o Options) ready(w http.ResponseWriter, r *http.Request) {
	if err := o.Store.Ping(r.Context()); err != nil {
		o.Log.WithError(err).Error("the store does not answer")
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("ok\n"))
}

// report shows one evaluation, as a page or, with .json behind its id, as JSON.
func (o Options) report(w http.ResponseWriter, r *http.Request) {
	id, asJSON := strings.CutSuffix(r.PathValue("id"), ".json")
	e, err := o.Store.EvaluationByID(r.Context(), id)
	var rec Record
	if err == nil {
		rec, err = DecodeRecord(e.Record)
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && rec.Hidden {
		http.Error(w, "There is no such report. It may have been removed with its repository.", http.StatusNotFound)
		return
	}
	var page bytes.Buffer
	if err == nil && asJSON {
		w.Header().Set("Content-Type", "application/json")
		err = render.JSON(&page, rec.Evaluation)
	} else if err == nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err = render.HTML(&page, rec.Evaluation)
	}
	o.send(w, page.Bytes(), err)
}

// send writes a page that is complete, or says that there is none.
func (o Options) send(w http.ResponseWriter, page []byte, err error) {
	if err != nil {
		o.Log.WithError(err).Error("a page cannot be shown")
		http.Error(w, "This page cannot be shown; the server's log says why.", http.StatusInternalServerError)
		return
	}
	w.Write(page)
}

// historyRow is one evaluation of a pull request.
type historyRow struct {
	ID, Head, Base, State, Title string
	When                         time.Time
}

// maxHistory bounds how many evaluations one page shows: each has to be read from the store.
const maxHistory = 200

// history lists the evaluations of a pull request and what was accepted of them, newest first.
func (o Options) history(w http.ResponseWriter, r *http.Request) {
	repo, pull, ok := o.History(r.PathValue("key"))
	if !ok {
		http.Error(w, "There is no such page.", http.StatusNotFound)
		return
	}
	list, err := o.Store.Evaluations(r.Context(), repo, pull)
	var rows []historyRow
	name := ""
	for _, listed := range list[:min(len(list), maxHistory)] {
		var e store.Evaluation
		if e, err = o.Store.EvaluationByID(r.Context(), listed.ID); err != nil {
			break
		}
		var rec Record
		if rec, err = DecodeRecord(e.Record); err != nil {
			break
		}
		if rec.Hidden {
			continue
		}
		if name == "" {
			name = rec.Repository // as it is called now
		}
		rows = append(rows, historyRow{e.ID, e.HeadSHA, e.BaseSHA, e.State, render.CheckTitle(rec.Evaluation), e.Created})
	}
	var accepted []store.Acceptance
	if err == nil {
		accepted, err = o.Store.Acceptances(r.Context(), repo, pull)
		accepted = accepted[max(0, len(accepted)-maxHistory):]
		slices.Reverse(accepted)
	}
	if err == nil && len(list) > 0 && len(rows) == 0 { // hidden, all of them
		http.Error(w, "There is no such page.", http.StatusNotFound)
		return
	}
	var page bytes.Buffer
	if err == nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err = pages.ExecuteTemplate(&page, "history.html.tmpl", map[string]any{"Repository": name, "Pull": pull, "Rows": rows, "Accepted": accepted})
	}
	o.send(w, page.Bytes(), err)
}

// help explains the commands.
func (o Options) help(w http.ResponseWriter, r *http.Request) {
	var page bytes.Buffer
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err := pages.ExecuteTemplate(&page, "help.html.tmpl", o)
	o.send(w, page.Bytes(), err)
}
