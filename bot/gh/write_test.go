package gh

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

const testMarker = "<!-- oxidometer rust-kernel/linux#1 -->\n"

func ours(body string) bool { return strings.HasPrefix(body, testMarker) }

// pullWorld is a world with pull request 1.
func pullWorld(t *testing.T, change ...func(*ghtest.Options)) (*world, int) {
	t.Helper()
	w := newWorld(t, change...)
	return w, w.OpenPull(w.r, ghtest.Pull{Branch: "b", Author: "dev", Files: map[string]string{"x": "1"}})
}

// live are the bodies that can be seen on the pull request.
func (w *world) live(n int) (bodies []string) {
	for _, c := range w.Comments(w.r, n) {
		if !c.Deleted {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

func TestPutComment(t *testing.T) {
	w, n := pullWorld(t)
	put := func(id int64, body string) int64 {
		t.Helper()
		return must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, id, ours, testMarker+body))
	}
	_, err := w.c.FindComment(t.Context(), w.repo, n, ours)
	wantClass(t, err, ClassNotFound)
	id := put(0, "one")
	if again := put(id, "two"); again != id {
		t.Errorf("comment %d became %d", id, again)
	}
	if found := must[int64](t)(w.c.FindComment(t.Context(), w.repo, n, ours)); found != id {
		t.Errorf("found %d, want %d", found, id)
	}
	writes := w.calls("PATCH", "") + w.calls("POST", "/comments")
	put(id, "two")
	put(0, "two") // the store forgot
	put(id, "two\r\n")
	if now := w.calls("PATCH", "") + w.calls("POST", "/comments"); now != writes {
		t.Errorf("%d writes of an unchanged text", now-writes)
	}
	if again := put(0, "three"); again != id {
		t.Errorf("comment %d became %d", id, again)
	}
	if again := put(424242, "four"); again != id {
		t.Errorf("comment %d became %d", id, again)
	}
	equal(t, "comments", []string{testMarker + "four"}, w.live(n))
}

func TestPutCommentKnownNeedsNoSearch(t *testing.T) {
	w, n := pullWorld(t)
	id := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker))
	w.ResetCalls()
	must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, id, ours, testMarker+"new"))
	if lists := w.calls("GET", "/issues/1/comments"); lists != 0 {
		t.Errorf("%d listings", lists)
	}
}

func TestPutCommentAfterDeletion(t *testing.T) {
	w, n := pullWorld(t)
	id := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"one"))
	if err := w.DeleteComment(w.r, id, "rust-kernel"); err != nil {
		t.Fatal(err)
	}
	next := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, id, ours, testMarker+"two"))
	if next == id {
		t.Errorf("still comment %d", id)
	}
	equal(t, "comments", []string{testMarker + "two"}, w.live(n))
}

// TestDeleteComments: what is ours goes, and nothing else, whatever the store says. That it is gone is fine.
func TestDeleteComments(t *testing.T) {
	w, n := pullWorld(t)
	spoofed := must[int64](t)(w.PostComment(w.r, n, "mallory", testMarker+"spoofed"))
	must[int64](t)(w.PostCommentVia(w.r, n, "other[bot]", testMarker+"spoofed", testApp+1))
	id := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"marked"))
	for _, id := range []int64{id, id, 0, spoofed, 424242} {
		if err := w.c.DeleteComments(t.Context(), w.repo, n, id, ours); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "comments", []string{testMarker + "spoofed", testMarker + "spoofed"}, w.live(n))
	other := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, func(string) bool { return false }, "with another marker"))
	if err := w.c.DeleteComments(t.Context(), w.repo, n, other, ours); err != nil { // the store remembers it
		t.Fatal(err)
	}
	equal(t, "comments", []string{testMarker + "spoofed", testMarker + "spoofed"}, w.live(n))
}

// TestPutCommentTrustsNobody: people and other Apps can post our marker, before us and among several pages.
func TestPutCommentTrustsNobody(t *testing.T) {
	w, n := pullWorld(t)
	spoof := func(login string, app int64) int64 {
		t.Helper()
		return must[int64](t)(w.PostCommentVia(w.r, n, login, testMarker+"spoofed by "+login, app))
	}
	spoofed := spoof("mallory", 0)
	spoof("rust-kernel", 0)
	other := spoof("other[bot]", testApp+1)
	for i := range 20 {
		must[int64](t)(w.PostComment(w.r, n, "dev", fmt.Sprint("talk ", i)))
	}
	id := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"ours"))
	spoof("eve", 0)
	for _, wrong := range []int64{0, spoofed, other, id} { // whatever the store says
		if got := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, wrong, ours, testMarker+fmt.Sprint("ours ", wrong))); got != id {
			t.Errorf("with id %d it wrote %d, want %d", wrong, got, id)
		}
	}
	for _, c := range w.Comments(w.r, n) {
		if c.Deleted || c.ID != id && len(c.Edits) > 0 {
			t.Errorf("a comment of %s was changed", c.Author)
		}
	}
	if got := must[int64](t)(w.c.FindComment(t.Context(), w.repo, n, ours)); got != id {
		t.Errorf("found %d, want %d", got, id)
	}
}

// TestPutCommentStaysOnItsPull: an id of another pull request's comment is not used.
func TestPutCommentStaysOnItsPull(t *testing.T) {
	w, n := pullWorld(t)
	m := w.OpenPull(w.r, ghtest.Pull{Branch: "b2", Files: map[string]string{"x": "2"}})
	there := must[int64](t)(w.c.PutComment(t.Context(), w.repo, m, 0, ours, testMarker+"there"))
	here := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, there, ours, testMarker+"here"))
	if here == there {
		t.Error("wrote to the other pull request")
	}
	equal(t, "there", []string{testMarker + "there"}, w.live(m))
	equal(t, "here", []string{testMarker + "here"}, w.live(n))
}

func TestPutCommentRemovesDoubles(t *testing.T) {
	w, n := pullWorld(t)
	post := func(body string) int64 {
		t.Helper()
		return must[int64](t)(w.PostCommentVia(w.r, n, "oxidometer[bot]", body, testApp))
	}
	reply := post("a reply of ours, without the marker")
	oldest := post(testMarker + "first")
	for i := range 12 {
		post(testMarker + fmt.Sprint("double ", i))
	}
	if got := must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"now")); got != oldest {
		t.Errorf("kept %d, want %d", got, oldest)
	}
	equal(t, "comments", []string{"a reply of ours, without the marker", testMarker + "now"}, w.live(n))
	if reply == oldest {
		t.Fatal("unreachable")
	}

	// A double that cannot be removed now is an error when another try can help, and none when it cannot.
	post(testMarker + "double")
	undo := w.AddFault(ghtest.Fault{Match: ghtest.OnPath("DELETE", "/comments/"), Status: 502})
	_, err := w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"later")
	wantClass(t, err, ClassTemporary)
	undo()
	undo = w.AddFault(ghtest.Fault{Match: ghtest.OnPath("DELETE", "/comments/"), Status: 403, Body: `{"message":"no"}`})
	must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"later"))
	undo()
	if all := w.live(n); !slices.Contains(all, testMarker+"later") || len(all) != 3 {
		t.Errorf("comments %q", all)
	}
}

// TestTwoKindsOfComments: the report and the reply are two comments of ours on one pull request. Neither is taken for the
// other, nor deleted as its double, in whatever order they were written and whether their ids are known.
func TestTwoKindsOfComments(t *testing.T) {
	w, n := pullWorld(t)
	const reply = "\n<!-- oxidometer reply -->"
	isReply := func(body string) bool { return strings.HasSuffix(body, reply) }
	put := func(id int64, marker func(string) bool, body string) int64 {
		t.Helper()
		return must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, id, marker, body))
	}
	answer := put(0, isReply, "pong"+reply)
	report := put(0, ours, testMarker+"+0 B")
	for _, ids := range [][2]int64{{report, answer}, {0, 0}, {424242, 424243}} {
		if got := put(ids[0], ours, testMarker+fmt.Sprint("report ", ids)); got != report {
			t.Errorf("%v: the report became comment %d, was %d", ids, got, report)
		}
		if got := put(ids[1], isReply, fmt.Sprint("reply ", ids)+reply); got != answer {
			t.Errorf("%v: the reply became comment %d, was %d", ids, got, answer)
		}
		equal(t, "comments", []string{fmt.Sprint("reply ", ids) + reply, testMarker + fmt.Sprint("report ", ids)}, w.live(n))
	}
	must[int64](t)(w.PostCommentVia(w.r, n, "oxidometer[bot]", "double"+reply, testApp))
	put(0, ours, testMarker+"report")
	if got := len(w.live(n)); got != 3 {
		t.Errorf("%d comments after the report was written", got)
	}
	put(0, isReply, "reply"+reply)
	equal(t, "comments", []string{"reply" + reply, testMarker + "report"}, w.live(n))
}

// TestPutCommentTwice: the answer to creating it was lost; the next try finds it.
func TestPutCommentTwice(t *testing.T) {
	w, n := pullWorld(t)
	w.AddFault(ghtest.Fault{Match: ghtest.On("POST", "/comments"), Status: 502, Done: true, Times: 1})
	_, err := w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"one")
	wantClass(t, err, ClassTemporary)
	must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker+"two"))
	equal(t, "comments", []string{testMarker + "two"}, w.live(n))
}

func TestPutCommentRefused(t *testing.T) {
	w, n := pullWorld(t)
	long := strings.Repeat("é", maxCommentBody)
	w.ResetCalls()
	for _, body := range []string{long + "x", "", " \n"} {
		_, err := w.c.PutComment(t.Context(), w.repo, n, 0, ours, body)
		wantClass(t, err, ClassPermanent)
	}
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("%d requests", len(calls))
	}
	must[int64](t)(w.c.PutComment(t.Context(), w.repo, n, 0, func(s string) bool { return s == long }, long))

	w.SetLocked(w.r, n, true)
	_, err := w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker)
	wantClass(t, err, ClassLocked)
	w.SetLocked(w.r, n, false)
	w.Archive(w.r, true)
	_, err = w.c.PutComment(t.Context(), w.repo, n, 0, ours, testMarker)
	wantClass(t, err, ClassForbidden)
	_, err = w.c.PutComment(t.Context(), w.repo, 999, 0, ours, testMarker)
	wantClass(t, err, ClassNotFound)
}

// TestPutCommentOfAnOlderServer: where GitHub does not say which App wrote a comment, the id is believed about bots.
func TestPutCommentOfAnOlderServer(t *testing.T) {
	for kind, want := range map[string]string{"Bot": "PATCH", "User": "POST"} {
		t.Run(kind, func(t *testing.T) {
			f, c := fakeClient(t)
			f.json("GET repos/o/r/issues/comments/4", map[string]any{
				"id": 4, "body": "old", "issue_url": f.url + "/repos/o/r/issues/12", "user": map[string]any{"type": kind},
			})
			f.json("GET repos/o/r/issues/12/comments", []any{})
			wrote := ""
			write := func(w http.ResponseWriter, r *http.Request) {
				wrote = r.Method
				reply(w, map[string]any{"id": 5})
			}
			f.on("PATCH repos/o/r/issues/comments/4", write)
			f.on("POST repos/o/r/issues/12/comments", write)
			must[int64](t)(c.PutComment(t.Context(), testRepo, 12, 4, ours, "new"))
			if wrote != want {
				t.Errorf("wrote with %s, want %s", wrote, want)
			}
		})
	}
}

func TestReact(t *testing.T) {
	w, n := pullWorld(t)
	id := must[int64](t)(w.PostComment(w.r, n, "dev", "/size"))
	for range 2 {
		if err := w.c.React(t.Context(), w.repo, id, "eyes"); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "reactions", []string{"eyes"}, w.Comments(w.r, n)[0].Reactions)
	wantClass(t, w.c.React(t.Context(), w.repo, id, "size"), ClassPermanent)
	wantClass(t, w.c.React(t.Context(), w.repo, 424242, "eyes"), ClassNotFound)
}

func TestPutCheck(t *testing.T) {
	w := newWorld(t)
	sha := w.Branch(w.r, "rust-next")
	w.AddCheck(w.r, ghtest.CheckOptions{SHA: sha, Name: "oxidometer"}) // somebody else's
	check := Check{HeadSHA: sha, Name: "oxidometer", Status: "queued", Title: "Waiting for the build", ExternalID: "e1", DetailsURL: "https://h/r/1"}
	id := must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check))
	check.ID, check.Status, check.Title = id, "in_progress", "Measuring"
	check.Actions = []CheckAction{{Label: "Refresh", Description: "Measure again", Identifier: "refresh"}}
	if again := must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check)); again != id {
		t.Errorf("check %d became %d", id, again)
	}
	check.ID, check.Status, check.Conclusion, check.Actions = 0, "completed", "neutral", nil // the store forgot
	check.Title, check.Summary, check.Text = "+2,148 B", "**summary**", "text"
	if again := must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check)); again != id {
		t.Errorf("check %d became %d", id, again)
	}
	check.ID = 424242 // the store is wrong
	if again := must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check)); again != id {
		t.Errorf("check %d became %d", id, again)
	}
	var got []ghtest.CheckView
	for _, c := range w.Checks(w.r, sha) {
		if c.AppID == testApp {
			got = append(got, c)
		}
	}
	if len(got) != 1 {
		t.Fatalf("%d check runs of ours", len(got))
	}
	c := got[0]
	equal(t, "check run", []string{"oxidometer", "completed", "neutral", "+2,148 B", "**summary**", "text", "https://h/r/1", "e1", sha},
		[]string{c.Name, c.Status, c.Conclusion, c.Title, c.Summary, c.Text, c.DetailsURL, c.ExternalID, c.HeadSHA})
	if len(c.Actions) != 0 || len(c.History) < 3 {
		t.Errorf("buttons %v, %d states", c.Actions, len(c.History))
	}

	next := w.AddCommit(w.r, ghtest.Commit{Branch: "rust-next", Files: map[string]string{"x": "1"}})
	check.ID, check.HeadSHA = 0, next
	if other := must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check)); other == id {
		t.Error("one check run for two commits")
	}
	check.HeadSHA = sha1st
	_, err := w.c.PutCheck(t.Context(), w.repo, check)
	if class, _ := Classify(err); class != ClassPermanent && class != ClassNotFound {
		t.Errorf("an unknown commit: %v", err)
	}
}

// TestPutCheckTwice: the answer to creating it was lost; the next try finds it.
func TestPutCheckTwice(t *testing.T) {
	w := newWorld(t)
	sha := w.Branch(w.r, "rust-next")
	check := Check{HeadSHA: sha, Name: "oxidometer", Status: "queued", Title: "Queued"}
	w.AddFault(ghtest.Fault{Match: ghtest.On("POST", "/check-runs"), Cut: true, Done: true, Times: 1})
	_, err := w.c.PutCheck(t.Context(), w.repo, check)
	wantClass(t, err, ClassTemporary)
	must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check))
	if got := len(w.Checks(w.r, sha)); got != 1 {
		t.Errorf("%d check runs", got)
	}
}

func TestPutCheckRefused(t *testing.T) {
	w := newWorld(t)
	good := Check{HeadSHA: w.Branch(w.r, "rust-next"), Name: "oxidometer", Status: "completed", Conclusion: "success", Title: "t", Summary: "s"}
	action := CheckAction{Label: "Refresh", Description: "d", Identifier: "i"}
	for name, change := range map[string]func(*Check){
		"sha":         func(c *Check) { c.HeadSHA = "rust-next" },
		"name":        func(c *Check) { c.Name = "" },
		"status":      func(c *Check) { c.Status = "done" },
		"conclusion":  func(c *Check) { c.Conclusion = "" },
		"too early":   func(c *Check) { c.Status = "queued" },
		"no title":    func(c *Check) { c.Title = "" },
		"summary":     func(c *Check) { c.Summary = strings.Repeat("é", maxCheckText/2+1) },
		"text":        func(c *Check) { c.Text = strings.Repeat("x", maxCheckText+1) },
		"four":        func(c *Check) { c.Actions = []CheckAction{action, action, action, action} },
		"long label":  func(c *Check) { c.Actions = []CheckAction{{"123456789012345678901", "d", "i"}} },
		"description": func(c *Check) { c.Actions = []CheckAction{{"l", "", "i"}} },
		"identifier":  func(c *Check) { c.Actions = []CheckAction{{"l", "d", strings.Repeat("é", 21)}} },
		"notes":       func(c *Check) { c.Annotations = make([]Annotation, maxAllAnnotations+1) },
		"no path": func(c *Check) {
			c.Annotations = []Annotation{{StartLine: 1, EndLine: 1, Level: "notice", Message: "m"}}
		},
		"no message": func(c *Check) { c.Annotations = []Annotation{{Path: "p", StartLine: 1, EndLine: 1, Level: "notice"}} },
		"line 0":     func(c *Check) { c.Annotations = []Annotation{{Path: "p", Level: "notice", Message: "m"}} },
		"backwards": func(c *Check) {
			c.Annotations = []Annotation{{Path: "p", StartLine: 2, EndLine: 1, Level: "notice", Message: "m"}}
		},
		"level": func(c *Check) {
			c.Annotations = []Annotation{{Path: "p", StartLine: 1, EndLine: 1, Level: "error", Message: "m"}}
		},
		"columns": func(c *Check) {
			c.Annotations = []Annotation{{Path: "p", StartLine: 1, EndLine: 2, StartColumn: 1, Level: "notice", Message: "m"}}
		},
		"long message": func(c *Check) {
			c.Annotations = []Annotation{{Path: "p", StartLine: 1, EndLine: 1, Level: "notice", Message: strings.Repeat("m", maxCheckText+1)}}
		},
		"long title": func(c *Check) {
			c.Annotations = []Annotation{{Path: "p", StartLine: 1, EndLine: 1, Level: "notice", Message: "m", Title: strings.Repeat("é", 256)}}
		},
		"notes without title": func(c *Check) {
			c.Title, c.Summary = "", ""
			c.Annotations = []Annotation{{Path: "p", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"}}
		},
	} {
		check := good
		change(&check)
		if _, err := w.c.PutCheck(t.Context(), w.repo, check); err == nil {
			t.Errorf("%s: sent", name)
		} else {
			wantClass(t, err, ClassPermanent)
		}
	}
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("%d requests", len(calls))
	}
	good.Text = strings.Repeat("é", maxCheckText/2)
	must[int64](t)(w.c.PutCheck(t.Context(), w.repo, good))
}

func TestAnnotations(t *testing.T) {
	w := newWorld(t)
	sha := w.Branch(w.r, "rust-next")
	check := Check{HeadSHA: sha, Name: "oxidometer", Status: "completed", Conclusion: "action_required", Title: "The repository file has faults"}
	for i := range 120 {
		check.Annotations = append(check.Annotations, Annotation{Path: ".github/oxidometer.yml", StartLine: i + 1, EndLine: i + 1, StartColumn: 2, EndColumn: 3,
			Level: "failure", Message: fmt.Sprint("fault ", i), Title: "Unknown key", RawDetails: "targts:"})
	}
	notes := check.Annotations
	put := func() ghtest.CheckView {
		t.Helper()
		check.ID = must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check))
		all := w.Checks(w.r, sha)
		if len(all) != 1 {
			t.Fatalf("%d check runs", len(all))
		}
		for i, a := range all[0].Annotations {
			if a.StartLine != i+1 || a.Message != fmt.Sprint("fault ", i) || *a.EndColumn != 3 || a.Level != "failure" || a.Title != "Unknown key" {
				t.Fatalf("annotation %d is %+v", i, a)
			}
		}
		return all[0]
	}
	check.Annotations = notes[:50]
	put()
	if sent := w.calls("PATCH", "/check-runs/"); sent != 0 {
		t.Errorf("%d updates for the first 50", sent)
	}
	check.ID = 0 // the store forgot
	put()
	w.ResetCalls()
	check.Annotations = append(notes[:119:119], notes[3]) // one of them twice
	undo := w.AddFault(ghtest.Fault{Match: ghtest.OnPath("PATCH", "/check-runs/"), After: 1, Times: 1, Status: 502, Done: true})
	_, err := w.c.PutCheck(t.Context(), w.repo, check)
	wantClass(t, err, ClassTemporary)
	undo()
	if v := put(); len(v.Annotations) != 119 || v.Conclusion != "action_required" {
		t.Errorf("%d annotations, conclusion %s", len(v.Annotations), v.Conclusion)
	}
	check.Annotations = notes
	if v := put(); len(v.Annotations) != 120 {
		t.Errorf("%d annotations", len(v.Annotations))
	}
	check.Annotations, check.Conclusion = nil, "success"
	w.ResetCalls()
	if v := put(); len(v.Annotations) != 120 || v.Conclusion != "success" || w.calls("GET", "/annotations") != 0 {
		t.Errorf("%d annotations, conclusion %s", len(v.Annotations), v.Conclusion)
	}

	// More than one request takes, on a check run that is new.
	check = Check{HeadSHA: w.AddCommit(w.r, ghtest.Commit{Branch: "rust-next"}), Name: "oxidometer", Status: "completed", Conclusion: "neutral", Title: "t",
		Annotations: notes, Actions: []CheckAction{{"Refresh", "again", "refresh"}}}
	must[int64](t)(w.c.PutCheck(t.Context(), w.repo, check))
	if v := w.Checks(w.r, check.HeadSHA)[0]; len(v.Annotations) != 120 || len(v.Actions) != 1 {
		t.Errorf("%d annotations, buttons %v", len(v.Annotations), v.Actions)
	}
}

func TestDeliveries(t *testing.T) {
	var got []Event
	var payloads [][]byte
	down := false
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, err := ParseEvent(r.Header.Get("X-GitHub-Event"), body)
		if err != nil {
			t.Error(err)
		}
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		got = append(got, e)
		payloads = append(payloads, body)
	}))
	defer hook.Close()
	w := newWorld(t, func(o *ghtest.Options) { o.WebhookURL, o.WebhookSecret = hook.URL, "s" })
	settle := func() {
		t.Helper()
		if err := w.WaitDeliveries(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-time.Minute)
	settle()
	equal(t, "webhook", HookConfig{URL: hook.URL, ContentType: "json", Secret: true}, must[HookConfig](t)(w.app.HookConfig(t.Context())))
	last := must[[]LoggedDelivery](t)(w.app.LastDeliveries(t.Context()))
	if len(last) == 0 || slices.ContainsFunc(last, func(d LoggedDelivery) bool { return !d.OK() || d.GUID == "" || d.DeliveredAt.IsZero() }) {
		t.Errorf("last deliveries: %+v", last)
	}
	failed := must[[]FailedDelivery](t)(w.app.FailedDeliveries(t.Context(), before))
	if len(failed) != 0 {
		t.Errorf("%d failed", len(failed))
	}
	settle()
	got, payloads, down = nil, nil, true
	for i := range 10 { // more than a page
		w.OpenPull(w.r, ghtest.Pull{Branch: fmt.Sprintf("b%d", i), Files: map[string]string{"x": fmt.Sprint(i)}})
	}
	settle()
	failed = must[[]FailedDelivery](t)(w.app.FailedDeliveries(t.Context(), before))
	opened := map[int]bool{}
	for i, f := range failed {
		if i > 0 && f.DeliveredAt.Before(failed[i-1].DeliveredAt) {
			t.Error("not oldest first")
		}
		event, guid, payload, err := w.app.DeliveryPayload(t.Context(), f.ID)
		if err != nil || event != f.Event || guid != f.GUID || f.InstallationID != w.inst {
			t.Fatalf("%s %s %v %+v", event, guid, err, f)
		}
		e, err := ParseEvent(event, payload)
		if err != nil {
			t.Fatal(err)
		}
		if e.Name == "pull_request" && e.Action == "opened" {
			opened[e.Pull] = true
		}
	}
	if len(opened) != 10 {
		t.Errorf("%d of 10 pull requests in %d failed deliveries", len(opened), len(failed))
	}
	down = false
	w.Redeliver(failed[0].ID)
	settle()
	left := must[[]FailedDelivery](t)(w.app.FailedDeliveries(t.Context(), before))
	if len(left) != len(failed)-1 || slices.ContainsFunc(left, func(f FailedDelivery) bool { return f.GUID == failed[0].GUID }) {
		t.Errorf("%d of %d left after one arrived", len(left), len(failed))
	}
	if n := len(must[[]FailedDelivery](t)(w.app.FailedDeliveries(t.Context(), time.Now().Add(time.Hour)))); n != 0 {
		t.Errorf("%d failed in the future", n)
	}
	_, _, _, err := w.app.DeliveryPayload(t.Context(), 424242)
	wantClass(t, err, ClassNotFound)
	if len(got) != 1 || len(payloads) != 1 {
		t.Errorf("%d arrived", len(got))
	}
}

// TestParseEventOfGhtest makes ghtest send all it can and reads it.
func TestParseEventOfGhtest(t *testing.T) {
	seen := map[string]bool{}
	events := make(chan Event, 1000)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, err := ParseEvent(r.Header.Get("X-GitHub-Event"), body)
		if err != nil {
			t.Errorf("%v\n%s", err, body)
		}
		events <- e
	}))
	defer hook.Close()
	w := newWorld(t, func(o *ghtest.Options) { o.WebhookURL, o.WebhookSecret = hook.URL, "s" })
	fork := w.AddFork(w.r, "dev")
	n := w.OpenPull(w.r, ghtest.Pull{Head: fork, Branch: "b", Draft: true, Files: map[string]string{"x": "1"}})
	head := w.Branch(fork, "b")
	w.Ping()
	w.SetDraft(w.r, n, false)
	w.PushHead(w.r, n, ghtest.Commit{Files: map[string]string{"x": "2"}})
	w.AddCommit(w.r, ghtest.Commit{Branch: "other", Files: map[string]string{"y": "2"}})
	w.SetBase(w.r, n, "other")
	w.SetTitle(w.r, n, "another title")
	run := w.AddRun(w.r, ghtest.Run{Pull: n})
	w.FinishRun(run, "success")
	must[int64](t)(w.PostComment(w.r, n, "dev", "/size"))
	review := w.AddReview(w.r, n, "maintainer", "COMMENTED", "/size accept")
	check := must[int64](t)(w.c.PutCheck(t.Context(), w.repo, Check{HeadSHA: head, Name: "oxidometer", Status: "queued", Title: "t",
		Actions: []CheckAction{{"Refresh", "again", "refresh"}}}))
	if err := w.RerequestCheck(w.r, check, "dev"); err != nil {
		t.Fatal(err)
	}
	if err := w.RequestAction(w.r, check, "refresh", "dev"); err != nil {
		t.Fatal(err)
	}
	w.RerequestSuite(w.r, head, "dev")
	w.AddMergeGroup(w.r, n)
	w.ClosePull(w.r, n)
	w.ReopenPull(w.r, n)
	other := w.OpenPull(w.r, ghtest.Pull{Branch: "c", Files: map[string]string{"z": "1"}})
	tip, merged := w.MergePull(w.r, other, true), false
	w.SetBranch(w.r, "other2", head)
	w.SetBranch(w.r, "other2", "")
	w.Rename(w.r, "kernel")
	w.Archive(w.r, true)
	w.UninstallRepo(w.r)
	w.Suspend(w.inst, true)
	w.Suspend(w.inst, false)
	w.Uninstall(w.inst)
	if err := w.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(events)
	for e := range events {
		seen[e.Name+" "+e.Action] = true
		switch e.Name + " " + e.Action {
		case "pull_request synchronize":
			if e.Pull != n || e.HeadSHA == head || e.HeadRepoID != fork.ID || e.HeadBranch != "b" {
				t.Errorf("%+v", e)
			}
		case "workflow_run completed":
			if e.RunID != run || e.RunEvent != "pull_request" || e.HeadRepoID != fork.ID || e.Branch != "" {
				t.Errorf("%+v", e)
			}
		case "issue_comment created":
			if e.Pull != n || !e.ForIssueIsPull || e.PullState != "open" || e.PullAuthor.Login != "dev" || e.Comment == nil || e.Comment.Review || e.Comment.Body != "/size" || e.Sender.Login != "dev" {
				t.Errorf("%+v", e)
			}
		case "pull_request_review submitted":
			c := e.Comment
			if e.Pull != n || e.PullState != "open" || e.PullAuthor.Login != "dev" || c == nil || c.ID != review || !c.Review || c.Body != "/size accept" ||
				c.Author.Login != "maintainer" || c.CreatedAt.IsZero() {
				t.Errorf("%+v, %+v", e, c)
			}
		case "pull_request closed":
			merged = merged || e.Merged
			if e.Merged != (e.Pull == other) || (e.MergeCommitSHA == tip) != e.Merged || e.PullState != "closed" {
				t.Errorf("%+v", e)
			}
		case "check_run requested_action":
			if e.CheckRunID != check || e.RequestedAction != "refresh" || e.App != testApp || e.HeadSHA != head {
				t.Errorf("%+v", e)
			}
		case "merge_group checks_requested":
			if e.MergeGroup.HeadSHA != e.HeadSHA || e.MergeGroup.BaseSHA == "" {
				t.Errorf("%+v", e)
			}
		}
	}
	if !merged {
		t.Error("no pull request was merged")
	}
	for _, want := range []string{
		"ping ", "pull_request opened", "pull_request synchronize", "pull_request reopened", "pull_request ready_for_review", "pull_request edited",
		"pull_request closed", "pull_request_review submitted", "workflow_run requested", "workflow_run completed", "check_suite rerequested", "check_run rerequested",
		"check_run requested_action", "issue_comment created", "push ", "merge_group checks_requested", "installation created",
		"installation suspend", "installation deleted", "installation_repositories added", "installation_repositories removed", "repository renamed",
	} {
		if !seen[want] {
			t.Errorf("no event %s", want)
		}
	}
}
