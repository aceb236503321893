package rustname

import "testing"

func v0Names(b *testing.B) (names []string) {
	for _, row := range constructs(b) {
		if n, ok := Parse(row[0]); ok && n.Mangling == V0 {
			names = append(names, row[0])
		}
	}
	return names
}

// One operation is one name, of about 130 bytes.
func BenchmarkParse(b *testing.B) {
	names := v0Names(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok := Parse(names[i%len(names)]); !ok {
			b.Fatal("refused")
		}
	}
}

func BenchmarkMatchKey(b *testing.B) {
	var parsed []*Name
	for _, sym := range v0Names(b) {
		n, _ := Parse(sym)
		parsed = append(parsed, n)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = parsed[i%len(parsed)].MatchKey()
	}
}

func BenchmarkLooks(b *testing.B) {
	names := []string{"init_completion.__key", "_RasMessage", "__pfx_kfree", "_RNvC3drv3foo", "rust_helper_kunmap"}
	for i := 0; b.Loop(); i++ {
		Looks(names[i%len(names)])
	}
}
