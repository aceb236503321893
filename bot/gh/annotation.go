package gh

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"
)

const (
	maxAnnotations     = 50    // in one request
	maxAllAnnotations  = 1_000 // of one check run; ours, so that a bad file does not use up the rate limit
	maxAnnotationTitle = 255   // characters
)

// Annotation is a note of a check run on lines of a file, as they are in the check run's commit.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`             // from 1
	EndLine     int    `json:"end_line"`               // at least StartLine
	StartColumn int    `json:"start_column,omitempty"` // from 1; 0: none. Columns need StartLine = EndLine
	EndColumn   int    `json:"end_column,omitempty"`
	Level       string `json:"annotation_level"` // notice, warning or failure
	Message     string `json:"message"`          // plain text, at most 65,535 bytes
	Title       string `json:"title,omitempty"`  // at most 255 characters
	RawDetails  string `json:"raw_details,omitempty"`
}

// key is what two annotations have in common that are the same to a reader. GitHub may normalize space.
func (a Annotation) key() Annotation {
	plain := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	a.Message, a.Title, a.RawDetails = plain(a.Message), plain(a.Title), ""
	return a
}

// without returns those of notes that are not in have, each once.
func without(notes, have []Annotation) []Annotation {
	seen := map[Annotation]bool{}
	for _, a := range have {
		seen[a.key()] = true
	}
	return slices.DeleteFunc(slices.Clone(notes), func(a Annotation) bool {
		key := a.key()
		known := seen[key]
		seen[key] = true
		return known
	})
}

// annotations lists those of a check run.
func (c *Client) annotations(ctx context.Context, repo Repo, check int64) ([]Annotation, error) {
	path := repo.path("check-runs/%d/annotations", check)
	return pages(10_000, Annotation.key, func(o github.ListOptions) ([]Annotation, *github.Response, error) {
		var page []Annotation
		resp, err := send(ctx, c.api, http.MethodGet, path+"?"+paged(url.Values{}, o), nil, &page)
		return page, resp, err
	})
}

func validateAnnotations(op string, notes []Annotation) error {
	if len(notes) > maxAllAnnotations {
		return misuse(op, "%d annotations, at most %d", len(notes), maxAllAnnotations)
	}
	for _, a := range notes {
		switch {
		case a.Path == "" || a.Message == "":
			return misuse(op, "an annotation without path or message")
		case a.StartLine < 1 || a.EndLine < a.StartLine:
			return misuse(op, "an annotation on lines %d to %d", a.StartLine, a.EndLine)
		case a.StartColumn < 0 || a.EndColumn < 0 || a.StartLine != a.EndLine && a.StartColumn+a.EndColumn > 0:
			return misuse(op, "an annotation with columns on several lines")
		case !slices.Contains([]string{"notice", "warning", "failure"}, a.Level):
			return misuse(op, "an annotation of level %q", oneLine(a.Level))
		case len(a.Message) > maxCheckText, len(a.RawDetails) > maxCheckText, utf8.RuneCountInString(a.Title) > maxAnnotationTitle:
			return misuse(op, "an annotation is too long")
		}
	}
	return nil
}
