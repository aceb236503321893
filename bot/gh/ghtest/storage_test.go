package ghtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

// zeros is a large file that takes no memory.
type zeros struct{ at, size int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.at >= z.size {
		return 0, io.EOF
	}
	n := min(int64(len(b)), z.size-z.at)
	clear(b[:n])
	z.at += n
	return int(n), nil
}

func (z *zeros) Seek(offset int64, whence int) (int64, error) {
	z.at = offset + map[int]int64{io.SeekStart: 0, io.SeekCurrent: z.at, io.SeekEnd: z.size}[whence]
	return z.at, nil
}

func (w *world) link(artifact int64) string {
	w.t.Helper()
	a := w.do("GET", fmt.Sprintf("/repos/acme/linux/actions/artifacts/%d/zip", artifact), w.token(""), "")
	if a.StatusCode != 302 {
		w.t.Fatalf("%d %s", a.StatusCode, a.text)
	}
	return a.Header.Get("Location")
}

func TestArtifact(t *testing.T) {
	w := newWorld(t, nil)
	run := w.AddRun(w.repo, Run{Conclusion: "success"})
	data := []byte(strings.Repeat("PK\x03\x04 kernel ", 1000))
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	for name, o := range map[string]Artifact{
		"bytes": {Bytes: data}, "file": {File: file}, "open": {Open: func() io.ReadSeeker { return bytes.NewReader(data) }},
	} {
		id := w.AddArtifact(run, o)
		var shown struct {
			Size   int    `json:"size_in_bytes"`
			Digest string `json:"digest"`
		}
		unmarshal(t, w.do("GET", fmt.Sprintf("/repos/acme/linux/actions/artifacts/%d", id), w.token(""), "").text, &shown)
		if shown.Size != len(data) || shown.Digest != digest {
			t.Errorf("%s: %+v", name, shown)
		}
		u, _, err := w.client("").Actions.DownloadArtifact(context.Background(), "acme", "linux", id, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(u.String(), w.api) {
			t.Errorf("%s: artifacts are on the host of the API", name)
		}
		a := w.do("GET", u.String(), "", "", "Accept-Encoding", "gzip")
		if a.StatusCode != 200 || a.text != string(data) || a.Header.Get("Content-Encoding") != "" || a.ContentLength != int64(len(data)) {
			t.Errorf("%s: %d, %d bytes", name, a.StatusCode, len(a.text))
		}
		tag := a.Header.Get("ETag")
		if a := w.do("GET", u.String(), "", "", "Range", "bytes=100-", "If-Range", tag); a.StatusCode != 206 || a.text != string(data[100:]) ||
			a.Header.Get("Content-Range") != fmt.Sprintf("bytes 100-%d/%d", len(data)-1, len(data)) {
			t.Errorf("%s: range: %d %s", name, a.StatusCode, a.Header.Get("Content-Range"))
		}
		if a := w.do("GET", u.String(), "", "", "Range", fmt.Sprintf("bytes=%d-", len(data))); a.StatusCode != 416 {
			t.Errorf("%s: range behind the end: %d", name, a.StatusCode)
		}
	}
}

func TestStorageRefuses(t *testing.T) {
	w := newWorld(t, nil)
	id := w.AddArtifact(w.AddRun(w.repo, Run{Conclusion: "success"}), Artifact{Name: "kernel", Bytes: []byte("PK")})
	link := w.link(id)
	if a := w.do("GET", link, "ghs_token", ""); a.StatusCode != 400 {
		t.Errorf("with credentials: %d", a.StatusCode)
	}
	if texts := w.reports.take(); len(texts) != 1 || !strings.Contains(texts[0], "credentials were sent") {
		t.Errorf("reported %q", texts)
	}
	for name, bad := range map[string]string{
		"other artifact": strings.Replace(link, fmt.Sprint(id), fmt.Sprint(id+1), 1), "no signature": strings.Split(link, "&sig")[0],
		"longer life": strings.Replace(link, "se=", "se=9", 1), "no address": strings.Split(link, "/actions")[0] + "/x",
	} {
		if a := w.do("GET", bad, "", ""); a.StatusCode != 403 || !strings.Contains(a.text, "AuthenticationFailed") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		}
	}
	if a := w.do("POST", link, "", ""); a.StatusCode != 405 {
		t.Errorf("POST: %d", a.StatusCode)
	}
	w.clock.add(59 * time.Second)
	if a := w.do("GET", link, "", ""); a.StatusCode != 200 {
		t.Errorf("after 59 s: %d", a.StatusCode)
	}
	w.clock.add(time.Second)
	if a := w.do("GET", link, "", ""); a.StatusCode != 403 {
		t.Errorf("after a minute: %d", a.StatusCode)
	}
	w.ExpireArtifact(id)
	if a := w.do("GET", fmt.Sprintf("/repos/acme/linux/actions/artifacts/%d/zip", id), w.token(""), ""); a.StatusCode != 410 {
		t.Errorf("expired: %d", a.StatusCode)
	}
	old := w.AddArtifact(w.AddRun(w.repo, Run{Conclusion: "success"}), Artifact{Bytes: []byte("PK"), Digest: "-"})
	w.clock.add(artifactLife)
	o := w.do("GET", fmt.Sprintf("/repos/acme/linux/actions/artifacts/%d", old), w.token(""), "").json(t)
	if o["expired"] != true || o["digest"] != nil {
		t.Errorf("after 90 days: %v", o)
	}
	if a := w.do("GET", fmt.Sprintf("/repos/acme/linux/actions/artifacts/%d/tar", old), w.token(""), ""); a.StatusCode != 404 {
		t.Errorf("other format: %d", a.StatusCode)
	}
}

// TestCut breaks the download once; the rest can be had with Range.
func TestCut(t *testing.T) {
	w := newWorld(t, nil)
	data := strings.Repeat("0123456789", 100_000)
	id := w.AddArtifact(w.AddRun(w.repo, Run{Conclusion: "success"}), Artifact{Bytes: []byte(data)})
	link := w.link(id)
	w.AddFault(Fault{Match: OnStorage, Times: 1, CutAfter: 123_456})
	a, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(a.Body)
	a.Body.Close()
	if !errors.Is(err, io.ErrUnexpectedEOF) || string(got) != data[:123_456] || a.ContentLength != int64(len(data)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	rest := w.do("GET", link, "", "", "Range", fmt.Sprintf("bytes=%d-", len(got)))
	if string(got)+rest.text != data {
		t.Errorf("the rest has %d bytes", len(rest.text))
	}
	calls := w.Calls()
	if last := calls[len(calls)-2]; last.Host != "storage" || last.Status != 0 {
		t.Errorf("recorded %+v", last)
	}
}

// TestLargeArtifact holds that the size of an artifact costs no memory.
func TestLargeArtifact(t *testing.T) {
	const size = 256 << 20
	w := newWorld(t, nil)
	run := w.AddRun(w.repo, Run{Conclusion: "success"})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	id := w.AddArtifact(run, Artifact{Open: func() io.ReadSeeker { return &zeros{size: size} }, Digest: "-"})
	a, err := http.Get(w.link(id))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	n, err := io.Copy(io.Discard, a.Body)
	runtime.ReadMemStats(&after)
	if n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

func TestRuns(t *testing.T) {
	w := newWorld(t, nil)
	run := w.AddRun(w.repo, Run{})
	w.AddJob(run, Job{Name: "build", Conclusion: "failure", Steps: []Step{{"checkout", "success"}, {"make", "failure"}}})
	w.FinishRun(run, "failure")
	w.Rerun(run)
	w.AddJob(run, Job{Name: "build", Conclusion: "success"})
	w.FinishRun(run, "success")
	c, ctx := w.client(""), context.Background()
	for attempt, want := range map[int]string{1: "failure", 2: "success"} {
		got := must[*github.WorkflowRun](t)(c.Actions.GetWorkflowRunAttempt(ctx, "acme", "linux", run, attempt, nil))
		jobs := must[*github.Jobs](t)(c.Actions.ListWorkflowJobsAttempt(ctx, "acme", "linux", run, int64(attempt), nil))
		if got.GetConclusion() != want || got.GetRunAttempt() != attempt || len(jobs.Jobs) != 1 || jobs.Jobs[0].GetConclusion() != want {
			t.Errorf("attempt %d: %s %d, jobs %v", attempt, got.GetConclusion(), got.GetRunAttempt(), jobs.Jobs)
		}
		if attempt == 1 && (len(jobs.Jobs[0].Steps) != 2 || jobs.Jobs[0].Steps[1].GetConclusion() != "failure") {
			t.Errorf("steps: %v", jobs.Jobs[0].Steps)
		}
	}
	if jobs := must[*github.Jobs](t)(c.Actions.ListWorkflowJobs(ctx, "acme", "linux", run, &github.ListWorkflowJobsOptions{Filter: "all"})); jobs.GetTotalCount() != 2 {
		t.Errorf("%d jobs of all attempts", jobs.GetTotalCount())
	}
	got := must[*github.WorkflowRun](t)(c.Actions.GetWorkflowRunByID(ctx, "acme", "linux", run))
	if got.GetConclusion() != "success" || got.GetHeadSHA() != w.Branch(w.repo, "main") {
		t.Errorf("%+v", got)
	}
	w.DeleteRun(run)
	if _, resp, err := c.Actions.GetWorkflowRunByID(ctx, "acme", "linux", run); err == nil || resp.StatusCode != 404 {
		t.Errorf("deleted: %v", err)
	}
}
