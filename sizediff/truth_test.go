package sizediff_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// TestTruth compares us with the independent reader, on real kernels. Rules differ in one point: the reader counts names,
// so a prefix (__pfx_) is a symbol of its own there, and each alias counts; both are undone before comparing.
func TestTruth(t *testing.T) {
	for _, variant := range []string{"fmtgrowth", "binder"} {
		t.Run(variant, func(t *testing.T) {
			tr := readTruth(t, "truth-"+variant+".json")
			base, head, r := compareKernels(t, "base.zip", variant+".zip")
			if r.State != sizediff.Changed {
				t.Errorf("state %s, want changed", r.State)
			}
			for _, path := range tr.Identical {
				if got := imageRow(t, r, path).Status; got != sizediff.ImageIdentical {
					t.Errorf("%s is %s, want identical", path, got)
				}
			}
			for path, want := range tr.Files {
				row := imageRow(t, r, path)
				if got := triple(row.Totals.File); got != want.FileSize {
					t.Errorf("%s: file size %v, want %v", path, got, want.FileSize)
				}
				if diff := cmp.Diff(want.Sections, changedSections(row)); diff != "" {
					t.Errorf("%s: sections (-truth +ours):\n%s", path, diff)
				}
				b, h := image(t, base, path), image(t, head, path)
				checkCrates(t, path+" by defining crate", want.CrateMangled, b, h, func(im *sizediff.Image, s *sizediff.Symbol) int32 { return s.Crate })
				checkCrates(t, path+" by instantiating crate", want.CrateInst, b, h, func(im *sizediff.Image, s *sizediff.Symbol) int32 {
					if s.Inst != 0 {
						return s.Inst
					}
					return s.Crate
				})
				got := symbolChanges(b, h)
				for _, name := range aliasesWithoutPrefix[variant] {
					if got[name] != [2]int64{0, 16} {
						t.Errorf("%s: %v, want one prefix of 16 bytes in head", name, got[name])
					}
					delete(got, name)
				}
				if diff := cmp.Diff(truthSymbols(want.Deltas), got); diff != "" {
					t.Errorf("%s: symbols (-truth +ours):\n%s", path, diff)
				}
			}
		})
	}
}

// aliasesWithoutPrefix are names of bytes that LLVM merged with another function's. objtool gave the body one prefix, under
// one of its names; we say that the body has a prefix, whatever its name.
var aliasesWithoutPrefix = map[string][]string{
	"binder": {
		"__pfx_<rust_binder::DeliverCode as rust_binder::DeliverToRead>::cancel",
		"__pfx_<rust_binder::process::freeze::FreezeMessage as rust_binder::DeliverToRead>::cancel",
		"__pfx_<rust_binder::transaction::Transaction as core::ops::drop::Drop>::drop",
	},
}

func triple(c sizediff.Change) [3]int64 { return [3]int64{c.Base, c.Head, c.Delta} }

func imageRow(t *testing.T, r *sizediff.Report, path string) *sizediff.ImageChange {
	t.Helper()
	for i := range r.Images {
		if r.Images[i].Path == path {
			return &r.Images[i]
		}
	}
	t.Fatalf("no image %s in the report", path)
	return nil
}

func image(t *testing.T, m *sizediff.Measurement, path string) *sizediff.Image {
	t.Helper()
	for _, f := range m.Images {
		if f.Path == path {
			return f.Image
		}
	}
	t.Fatalf("no image %s in the build", path)
	return nil
}

func changedSections(row *sizediff.ImageChange) map[string][3]int64 {
	out := map[string][3]int64{}
	for _, s := range row.Sections {
		if s.Delta != 0 {
			out[s.Name] = triple(s.Change)
		}
	}
	return out
}

// checkCrates compares the bytes of named symbols per crate; the reader lists crates that changed.
func checkCrates(t *testing.T, what string, want map[string][3]int64, b, h *sizediff.Image, of func(*sizediff.Image, *sizediff.Symbol) int32) {
	t.Helper()
	got := map[string][3]int64{}
	for side, im := range []*sizediff.Image{b, h} {
		for i := range im.Symbols {
			s := &im.Symbols[i]
			if s.How != sizediff.ByName {
				continue // the reader knows names only
			}
			c := got[im.Crates[of(im, s)]]
			c[side] += int64(s.Size)
			c[2] = c[1] - c[0]
			got[im.Crates[of(im, s)]] = c
		}
	}
	for crate, c := range got {
		if c[2] == 0 {
			delete(got, crate)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-truth +ours):\n%s", what, diff)
	}
}

func truthSymbols(rows [][5]any) map[string][2]int64 {
	out := map[string][2]int64{}
	for _, r := range rows {
		out[r[2].(string)] = [2]int64{int64(r[3].(float64)), int64(r[4].(float64))}
	}
	return out
}

// symbolChanges sums sizes by hash-free name as the reader does: bodies without prefix, aliases once per name, prefixes
// under the name of their symbol.
func symbolChanges(b, h *sizediff.Image) map[string][2]int64 {
	out := map[string][2]int64{}
	for side, im := range []*sizediff.Image{b, h} {
		put := func(name string, n int64) {
			if n > 0 {
				c := out[name]
				c[side] += n
				out[name] = c
			}
		}
		add := func(name string, s *sizediff.Symbol) {
			put(plain(name), int64(s.Size)-int64(s.Prefix))
			put("__pfx_"+plain(name), int64(s.Prefix))
		}
		for i := range im.Symbols {
			s := &im.Symbols[i]
			if s.Flags&sizediff.FlagInferred != 0 {
				continue
			}
			add(s.Name, s)
		}
		for _, a := range im.Aliases {
			add(a.Name, &im.Symbols[a.Symbol])
		}
	}
	for name, c := range out {
		if c[0] == c[1] {
			delete(out, name)
		}
	}
	return out
}

func plain(name string) string {
	if n, ok := rustname.Parse(name); ok {
		return n.String()
	}
	return name
}
