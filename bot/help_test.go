package bot

import (
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/web"
)

// TestHelpPage holds that the page, the help in comments and README say the same of every command.
func TestHelpPage(t *testing.T) {
	w := httptest.NewRecorder()
	web.Handler(web.Options{Metrics: web.NewMetrics(nil), Prefix: command.DefaultPrefix, Commands: commandList()}).ServeHTTP(w, httptest.NewRequest("GET", "/help", nil))
	page := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(w.Body.String(), ""))
	all, readme := command.Help("", ""), strings.ReplaceAll(read(t, "README.md"), `\|`, "|")
	for _, s := range command.Specs() {
		usage := s.Usage("")
		texts := map[string]string{"the page": page, "the help": all, "README": readme, "its own help": command.Help("", s.Verb)}
		for where, text := range texts {
			if !strings.Contains(text, usage) || !strings.Contains(text, strings.TrimSuffix(s.Summary, ".")) {
				t.Errorf("%s: %s does not hold %q and %q", s.Verb, where, usage, s.Summary)
			}
		}
		details := []string{s.Who.String()}
		for _, p := range append(s.Args[:len(s.Args):len(s.Args)], s.Keys...) {
			details = append(details, p.Shown, p.About)
		}
		for _, e := range s.Examples {
			details = append(details, strings.TrimSpace(command.DefaultPrefix+" "+e))
		}
		for _, d := range details {
			if !strings.Contains(page, d) || !strings.Contains(command.Help("", s.Verb), d) {
				t.Errorf("%s: the page or its help does not hold %q", s.Verb, d)
			}
		}
	}
}
