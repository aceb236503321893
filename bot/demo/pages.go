package demo

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"

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

// pages serves the pull requests, and passes the App's own pages through as the App sends them.
func (d *demo) pages(app *bot.Server) http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET /{$}", d.index)
	own.HandleFunc("GET /penguins/linux/pull/{number}", d.pull)
	own.HandleFunc("POST /penguins/linux/pull/{number}/comment", d.comment)
	own.HandleFunc("POST /penguins/linux/pull/{number}/push", d.push)
	target, _ := url.Parse(app.URL())
	proxy := httputil.NewSingleHostReverseProxy(target)
	mux := http.NewServeMux()
	mux.Handle("GET /r/", proxy)
	mux.Handle("GET /p/", proxy)
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

func (d *demo) index(w http.ResponseWriter, r *http.Request) {
	var rows []row
	waiting := false
	for _, n := range d.github.Pulls(d.repo) {
		v, _ := d.row(n)
		waiting = waiting || v.Check == nil || v.Check.Status != "completed"
		rows = append(rows, v)
	}
	send(w, "index.html.tmpl", map[string]any{"Rows": rows, "Waiting": waiting, "File": repositoryFile})
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
	send(w, "pull.html.tmpl", map[string]any{
		"Pull": v, "Choices": choices, "Users": users,
		"Waiting": v.State == "open" && (v.Check == nil || v.Check.Status != "completed"),
	})
}

// users are the people that a form can comment as.
var users = []string{"maint", "author", "passer-by"}

// comment posts what a person writes.
func (d *demo) comment(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("number"))
	user := r.FormValue("user")
	if !slices.Contains(users, user) {
		http.Error(w, "Nobody of that name is here; choose one of the list.", http.StatusBadRequest)
		return
	}
	if _, err := d.github.PostComment(d.repo, n, user, r.FormValue("body")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, fmt.Sprintf("/penguins/linux/pull/%d", n), http.StatusSeeOther)
}

// push adds a commit to the pull request, and CI builds what was chosen.
func (d *demo) push(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("number"))
	name := r.FormValue("build")
	b, known := d.builds[name]
	if v, ok := d.github.PullView(d.repo, n); !ok || !known || v.State != "open" {
		http.NotFound(w, r)
		return
	}
	d.github.PushHead(d.repo, n, ghtest.Commit{Message: "v2: " + b.label, Files: map[string]string{"drivers/version": name + strconv.Itoa(len(d.github.Calls()))}})
	d.run(ghtest.Run{Pull: n}, name)
	http.Redirect(w, r, fmt.Sprintf("/penguins/linux/pull/%d", n), http.StatusSeeOther)
}
