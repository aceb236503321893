package store

import (
	"fmt"
	"slices"
	"testing"
)

func TestMeasuredAt(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		must(t, s.PutRepo(t.Context(), Repo{ID: 1}))
		must(t, s.PutRepo(t.Context(), Repo{ID: 2}))
		put := func(m Measurement) {
			t.Helper()
			if _, err := s.PutMeasurement(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		const a, b = "abc4567890123456789012345678901234567890", "abcdef7890123456789012345678901234567890"
		put(Measurement{RepoID: 1, Target: "x", SHA: a, ArtifactID: 1, Blob: []byte("old")})
		put(Measurement{RepoID: 1, Target: "x", SHA: a, ArtifactID: 2, Blob: []byte("new")})
		put(Measurement{RepoID: 1, Target: "arm", SHA: a, ArtifactID: 3, Blob: []byte("arm")})
		put(Measurement{RepoID: 1, Target: "arm", SHA: a, ArtifactID: 4, Problem: "broken"})
		put(Measurement{RepoID: 1, Target: "x", SHA: b, ArtifactID: 5, Blob: []byte("b"), Trusted: true})
		put(Measurement{RepoID: 1, Target: "x", SHA: b, ArtifactID: 7, Blob: []byte("newer, but of a fork")})
		put(Measurement{RepoID: 2, Target: "x", SHA: a, ArtifactID: 6, Blob: []byte("another repository")})
		for _, c := range []struct {
			prefix string
			want   []string
		}{
			{a, []string{"arm abc4 arm", "x abc4 new"}},
			{"abc4", []string{"arm abc4 arm", "x abc4 new"}},
			{"abc", []string{"arm abc4 arm", "x abc4 new", "x abcd b"}},
			{b, []string{"x abcd b"}},
			{"f", nil},
			{"%", nil},
		} {
			list, err := s.MeasuredAt(t.Context(), 1, c.prefix)
			var got []string
			for _, known := range list {
				m, err := s.MeasurementByID(t.Context(), 1, known.ID)
				must(t, err)
				if m.Target != known.Target || m.SHA != known.SHA {
					t.Errorf("%s: listed as %+v, and is %+v", c.prefix, known, m)
				}
				got = append(got, fmt.Sprintf("%s %.4s %s", m.Target, m.SHA, m.Blob))
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, %v, want %v", c.prefix, got, err, c.want)
			}
		}
	})
}
