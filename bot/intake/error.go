package intake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// FetchError says why an artifact was not downloaded. Its text is fit for people and holds no link.
type FetchError struct {
	Problem    string
	Remedy     string
	Temporary  bool          // trying again later may help
	RetryAfter time.Duration // as the host asked for; 0 is unknown
	Err        error         // the cause, or nil; its text may hold a link
}

// Error returns one line: what, problem, remedy.
func (e *FetchError) Error() string { return "artifact: " + e.Problem + "; " + e.Remedy }

// Unwrap returns Err.
func (e *FetchError) Unwrap() error { return e.Err }

func permanent(problem, remedy string) *FetchError {
	return &FetchError{Problem: problem, Remedy: remedy}
}

func temporary(problem string, cause error) *FetchError {
	if cause != nil {
		problem += ": " + harmless(cause.Error())
	}
	return &FetchError{Problem: problem, Remedy: "it is tried again", Temporary: true, Err: cause}
}

// byFile says that the repository file, and no limit of the server, was in the way.
func byFile(key string) string { return ", which is " + key + " in the repository file" }

// OtherLimits reports whether a reason is that a limit of the repository file was in the way, and the file sets another one now.
func OtherLimits(reason string, artifact int64, o MeasureOptions) bool {
	for key, limit := range map[string]string{
		"limits.artifact_size": formatSize(artifact), "limits.unpacked_size": formatSize(o.Unpacked), "limits.analysis_time": formatTime(o.Time),
	} {
		if strings.Contains(reason, byFile(key)) {
			return !strings.Contains(reason, limit+byFile(key))
		}
	}
	return false
}

// NotMeasured says why an artifact cannot be measured.
type NotMeasured struct {
	Reason string // one printable line; names in it are the artifact's
	Retry  bool   // the reason may be this machine's, not the artifact's
}

// Error returns one line.
func (e *NotMeasured) Error() string { return "not measured: " + e.Reason }

var linkSecret = regexp.MustCompile(`\?[^\s"'<>]*`)

// harmless makes text from outside one printable line without what signs a link.
func harmless(text string) string {
	const most = 300
	text = linkSecret.ReplaceAllString(strings.ToValidUTF8(text, "?"), "")
	var b strings.Builder
	for _, r := range strings.TrimSpace(text) {
		if b.Len() > most {
			break
		}
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	line := b.String()
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most-len("...")], "") + "..."
	}
	return line
}

func formatSize(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(u.size)), ".0") + " " + u.name
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// formatTime writes 5m0s as 5m.
func formatTime(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
