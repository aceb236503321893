package render_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// hostile is a name as a file can have it.
const hostile = "a|b`c\x1b[31m\n# d<img src=x>"

func hostileSummary() *insight.Summary {
	item := insight.Duplicate{Name: hostile, Crate: hostile, Bucket: hostile, Copies: []insight.Copy{{Image: hostile}, {Image: "b"}}, Bytes: 3, Beyond: 1}
	part := []insight.Part{{Name: hostile, Instances: 1, Bytes: 2}}
	return &insight.Summary{
		OneCopy: insight.OneCopy{Items: []insight.Duplicate{item}, Modules: []insight.Module{{Image: hostile, Uses: []insight.Use{{Bucket: hostile, Carries: 1, Carried: 2}}}}},
		Exports: insight.ExportTax{Known: true, Rows: []insight.ExportRow{{Image: hostile, Bucket: hostile, Crate: hostile, Exports: 1}}},
		Generics: insight.GenericCode{Families: []insight.Family{{Name: hostile, Instances: 1, Bytes: 2, ByCrate: part, ByArgs: part}},
			Crates: []insight.CrateCode{{Crate: hostile, Plain: 1}}},
		Costs: insight.Ledger{Columns: insight.Columns(), Rows: []insight.CostRow{{Image: hostile, Bucket: hostile, Crate: hostile, Listed: 1}, {Image: "b", Bucket: hostile}}},
	}
}

func hostileChanges() *insight.Changes {
	s := hostileSummary()
	part := []insight.PartChange{{Name: hostile}}
	return &insight.Changes{
		OneCopy: []insight.ItemChange{{Duplicate: s.OneCopy.Items[0], Images: sizediff.NewChange(1, 2)}},
		Exports: insight.ExportChanges{Known: true, Rows: []insight.ExportChange{{Image: hostile, Bucket: hostile, Crate: hostile}},
			Added: []insight.Export{{Name: hostile, Names: 1204, Held: 3100}}},
		Generics: []insight.FamilyChange{{Name: hostile, Crate: hostile, ByCrate: part}},
		Costs:    []insight.CostChange{{Image: hostile, Bucket: hostile, Crate: hostile, Listed: sizediff.NewChange(1, 2)}},
	}
}

// Names from files are never markup, nor control characters.
func TestInsightHostile(t *testing.T) {
	var text, markdown bytes.Buffer
	o := render.Options{Top: -1}
	for _, err := range []error{
		render.Insight(&text, hostileSummary(), o), render.InsightChanges(&text, hostileChanges(), o),
		render.InsightMarkdown(&markdown, hostileSummary(), o), render.InsightChangesMarkdown(&markdown, hostileChanges(), o),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []string{text.String(), markdown.String()} {
		if strings.Contains(s, "\x1b") || strings.Contains(s, "\n# d") {
			t.Errorf("a name is more than a name:\n%q", s)
		}
	}
	for _, line := range strings.Split(markdown.String(), "\n") {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|")-strings.Count(line, `\|`) > 11 {
			t.Errorf("a name makes columns: %s", line)
		}
	}
}

// The sentence that reviewers want.
func TestExportSentence(t *testing.T) {
	var b bytes.Buffer
	if err := render.InsightChanges(&b, hostileChanges(), render.Options{}); err != nil {
		t.Fatal(err)
	}
	want := "Adds 1 export: 1,204 B of names, keeps 3,100 B alive, imported by nobody."
	if !strings.Contains(b.String(), want) {
		t.Errorf("got\n%s\nwant %s", b.String(), want)
	}
}

// What is not known is said, and is never a change of nothing.
func TestInsightUnknown(t *testing.T) {
	var b bytes.Buffer
	if err := render.InsightChanges(&b, &insight.Changes{}, render.Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Exports are not compared") {
		t.Errorf("got\n%s", b.String())
	}
	b.Reset()
	if err := render.Insight(&b, &insight.Summary{}, render.Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Exports are not known") || !strings.Contains(b.String(), "is not known: not every image says so") {
		t.Errorf("got\n%s", b.String())
	}
	data, err := json.Marshal(hostileSummary())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"imports":null`) || !strings.Contains(string(data), `"sharing":null`) {
		t.Errorf("JSON without what is not known is %s", data)
	}
}
