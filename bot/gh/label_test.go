package gh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/gh/ghtest"
)

const (
	overBudget = "binary-size/over-budget"
	accepted   = "binary-size/accepted"
)

func TestSetLabels(t *testing.T) {
	w, n := pullWorld(t, func(o *ghtest.Options) { o.Permissions = Permissions(Extras()...) })
	for i := range 9 { // more than a page
		w.SetLabel(w.r, n, "dev", fmt.Sprintf("area/%d", i), true)
	}
	set := func(want map[string]bool, writes int, labels ...string) {
		t.Helper()
		w.ResetCalls()
		if err := w.c.SetLabels(t.Context(), w.repo, n, want); err != nil {
			t.Fatal(err)
		}
		if got := w.calls("POST", "/labels") + w.calls("DELETE", "/labels/"); got != writes {
			t.Errorf("%v: %d writes, want %d", want, got, writes)
		}
		v, _ := w.PullView(w.r, n)
		equal(t, fmt.Sprint(want), fmt.Sprint(labels), fmt.Sprint(v.Labels[9:]))
	}
	set(nil, 0)
	set(map[string]bool{overBudget: false, accepted: false}, 0)
	set(map[string]bool{overBudget: true, accepted: false}, 1, overBudget)
	set(map[string]bool{overBudget: true, accepted: false}, 0, overBudget)
	set(map[string]bool{strings.ToUpper(overBudget): true}, 0, overBudget)
	set(map[string]bool{overBudget: false, accepted: true}, 2, accepted)
	set(map[string]bool{overBudget: true, accepted: true, "binary-size/improved": false}, 1, accepted, overBudget)
	set(map[string]bool{strings.ToUpper(accepted): false, overBudget: false}, 2)

	// Somebody else takes it away at the same time.
	w.SetLabel(w.r, n, "dev", accepted, true)
	undo := w.AddFault(ghtest.Fault{Match: ghtest.OnPath("DELETE", "/labels/"), Status: 404, Body: `{"message":"Label does not exist"}`, Times: 1})
	set(map[string]bool{accepted: false}, 1, accepted)
	undo()
	undo = w.AddFault(ghtest.Fault{Match: ghtest.OnPath("DELETE", "/labels/"), Status: 502, Times: 1})
	wantClass(t, w.c.SetLabels(t.Context(), w.repo, n, map[string]bool{accepted: false}), ClassTemporary)
	undo()

	w.ResetCalls()
	for _, name := range []string{"", ".", "..", strings.Repeat("é", 51)} {
		wantClass(t, w.c.SetLabels(t.Context(), w.repo, n, map[string]bool{name: true}), ClassPermanent)
	}
	if calls := len(w.Calls()); calls != 0 {
		t.Errorf("%d requests for what is no label", calls)
	}
	wantClass(t, w.c.SetLabels(t.Context(), w.repo, 999, map[string]bool{accepted: true}), ClassNotFound)
	w.Archive(w.r, true)
	wantClass(t, w.c.SetLabels(t.Context(), w.repo, n, map[string]bool{overBudget: true}), ClassForbidden)
}

// TestSetLabelsNotGranted: without the permission on issues, only labels that the repository has can be set.
func TestSetLabelsNotGranted(t *testing.T) {
	w, n := pullWorld(t)
	wantClass(t, w.c.SetLabels(t.Context(), w.repo, n, map[string]bool{overBudget: true}), ClassForbidden)
	w.SetLabel(w.r, n, "dev", overBudget, true)
	w.SetLabel(w.r, n, "dev", overBudget, false)
	if err := w.c.SetLabels(t.Context(), w.repo, n, map[string]bool{overBudget: true}); err != nil {
		t.Error(err)
	}
	if must[bool](t)(w.c.Has(t.Context(), "issues", "write")) {
		t.Error("a permission that was not granted")
	}
}

func TestLabelsSet(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second) // near to the clock that signs
	w := newWorld(t, func(o *ghtest.Options) {
		o.Permissions = Permissions(Extras()...)
		o.Now = func() time.Time { return now }
	})
	n := w.OpenPull(w.r, ghtest.Pull{Branch: "b", Author: "dev", Labels: []string{"rust-upgrade", "Size"}})
	if got := must[[]Label](t)(w.c.LabelsSet(t.Context(), w.repo, w.OpenPull(w.r, ghtest.Pull{Branch: "c"}))); got != nil {
		t.Errorf("labels of a pull request without: %v", got)
	}
	opened := now
	step := func(login, name string, on bool) {
		now = now.Add(time.Second)
		w.SetLabel(w.r, n, login, name, on)
	}
	for i := range 5 { // several pages of history, and other things in between
		step("dev", "rust-upgrade", false)
		step(fmt.Sprint("triager", i), "rust-upgrade", true)
		w.SetTitle(w.r, n, fmt.Sprint("title ", i))
	}
	last := now
	step("dev", "gone", true)
	step("dev", "gone", false)
	now = now.Add(time.Second)
	if err := w.c.SetLabels(t.Context(), w.repo, n, map[string]bool{accepted: true}); err != nil {
		t.Fatal(err)
	}
	got := must[[]Label](t)(w.c.LabelsSet(t.Context(), w.repo, n))
	for i := range got {
		if got[i].By.ID == 0 {
			t.Errorf("%s was set by nobody", got[i].Name)
		}
		got[i].By.ID = 0
	}
	equal(t, "labels", []Label{
		{"Size", Sender{Login: "dev"}, opened},
		{accepted, Sender{Login: "oxidometer[bot]", Bot: true}, now},
		{"rust-upgrade", Sender{Login: "triager4"}, last},
	}, got)
	_, err := w.c.LabelsSet(t.Context(), w.repo, 999)
	wantClass(t, err, ClassNotFound)
}

// TestLabelsSetByNobodyKnown: where the history does not say who, nobody is named.
func TestLabelsSetByNobodyKnown(t *testing.T) {
	type event map[string]any
	label := map[string]any{"name": "rust-upgrade"}
	dev := map[string]any{"login": "dev", "id": 2, "type": "User"}
	at := func(minute int) string { return fmt.Sprintf("2026-03-01T10:%02d:00Z", minute) }
	for name, events := range map[string][]any{
		"none":            {},
		"null":            {nil},
		"deleted account": {event{"id": 1, "event": "labeled", "actor": dev, "label": label, "created_at": at(1)}, event{"id": 2, "event": "labeled", "actor": nil, "label": label, "created_at": at(2)}},
		"taken away":      {event{"id": 2, "event": "unlabeled", "actor": dev, "label": label, "created_at": at(2)}, event{"id": 1, "event": "labeled", "actor": dev, "label": label, "created_at": at(1)}},
		"another label":   {event{"id": 1, "event": "labeled", "actor": dev, "label": map[string]any{"name": "rust"}, "created_at": at(1)}},
		"no label":        {event{"id": 1, "event": "labeled", "actor": dev, "label": nil, "created_at": at(1)}},
		"another event":   {event{"id": 1, "event": "assigned", "actor": dev, "label": label, "created_at": at(1)}},
	} {
		f, c := fakeClient(t)
		f.json("GET repos/o/r/issues/1/labels", []any{nil, label})
		f.json("GET repos/o/r/issues/1/events", events)
		got := must[[]Label](t)(c.LabelsSet(t.Context(), testRepo, 1))
		equal(t, name, []Label{{Name: "rust-upgrade"}}, got)
	}
}
