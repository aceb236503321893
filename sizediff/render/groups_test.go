package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestGroups: images of one group are one row under its name, with their sums; the others keep theirs. Order is by change.
func TestGroups(t *testing.T) {
	r := newReport(deltas{sizediff.BucketC: 50}, 0, 0)
	module := func(path, group string, status sizediff.Status, delta int64) {
		i := sizediff.ImageChange{Path: path, Group: group, Status: status, Sections: []sizediff.SectionChange{}}
		i.Totals.Resident = sizediff.NewChange(1000, 1000+delta)
		i.Totals.File = sizediff.NewChange(5000, 5000+2*delta)
		r.Images = append(r.Images, i)
		r.Totals.Resident, r.Totals.File = r.Totals.Resident.Plus(i.Totals.Resident), r.Totals.File.Plus(i.Totals.File)
	}
	module("a.ko", "modules", sizediff.ImageChanged, 40)
	module("b.ko", "modules", sizediff.Added, 30)
	module("same.ko", "modules", sizediff.ImageIdentical, 0)
	module("lib.so", "libraries", sizediff.ImageChanged, -8)
	g := groupImages(r)
	var got []string
	for _, i := range g.rows {
		got = append(got, i.Path+" "+string(i.Status)+" "+deltaBytes(i.Totals.Resident.Delta)+" "+deltaBytes(i.Totals.File.Delta))
	}
	want := "modules (2 images) changed +70 B +140 B|vmlinux changed +50 B +50 B|libraries (1 image) changed -8 B -16 B"
	if strings.Join(got, "|") != want || g.identical != 1 {
		t.Errorf("%s and %d identical, want %s and 1", strings.Join(got, "|"), g.identical, want)
	}
	e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{{Report: r}}}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return Text(b, e, Options{}) },
		"markdown": func(b *bytes.Buffer) error { return Markdown(b, e, MarkdownOptions{}) },
		"html":     func(b *bytes.Buffer) error { return HTML(b, e) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if s := b.String(); !strings.Contains(s, "modules (2 images)") || strings.Contains(s, "b.ko") {
			t.Errorf("%s does not show the group in place of its images:\n%s", name, s)
		}
	}
}

// TestOpaqueOnly: a build of files that only their size is known of has a headline of its own.
func TestOpaqueOnly(t *testing.T) {
	r := &sizediff.Report{State: sizediff.Changed, Opaque: []sizediff.OpaqueChange{
		{Path: "bzImage", Status: sizediff.ImageChanged, Change: sizediff.NewChange(100, 612)},
		{Path: "dtbs", Status: sizediff.ImageChanged, Change: sizediff.NewChange(100, 88)},
	}}
	e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{{Report: r}}}
	if got, want := CheckTitle(e), "Only files that are counted by size change: +500 B"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	var b bytes.Buffer
	if err := Markdown(&b, e, MarkdownOptions{}); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.HasPrefix(s, "**Only files that are counted by size change: +500 B.**") || !strings.Contains(s, "`bzImage` +512") {
		t.Errorf("the comment does not say what changed:\n%s", s)
	}
}
