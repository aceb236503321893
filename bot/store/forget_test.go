package store

import (
	"errors"
	"sync"
	"testing"
)

// What is left of a forgotten repository's deliveries is that they came.
func TestForgottenDeliveries(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for _, forget := range []func() error{
			func() error { return s.DeleteRepo(ctx, 1) },
			func() error { return s.DeleteInstallation(ctx, 3) },
		} {
			d := delivery(s.NewID())
			_, err := s.Accept(ctx, d, nil)
			must(t, err)
			must(t, forget())
			got, err := s.DeliveryByGUID(ctx, d.GUID)
			must(t, err)
			if len(got.Payload) != 0 || got.RepoID != 0 || got.Installation != 0 {
				t.Errorf("%+v is left", got)
			}
			if fresh, err := s.Accept(ctx, d, nil); fresh || err != nil {
				t.Errorf("the same again: fresh %v, error %v", fresh, err)
			}
		}
	})
}

func TestAcceptWithoutPayload(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		fresh, err := s.Accept(t.Context(), Delivery{GUID: "g", Event: "push"}, nil)
		if !fresh || err != nil {
			t.Fatalf("fresh %v, error %v", fresh, err)
		}
		if d, err := s.DeliveryByGUID(t.Context(), "g"); err != nil || len(d.Payload) != 0 {
			t.Errorf("%+v, error %v", d, err)
		}
	})
}

// A removal is never merged with a look at the same installation.
func TestKeyOfRemoval(t *testing.T) {
	look := Job{Kind: "installation", Installation: 3}
	whole, one, other := look, look, look
	whole.Removed, one.Removed, other.Removed = true, true, true
	one.RepoID, other.RepoID = 1, 2
	seen := map[string]bool{}
	for _, j := range []Job{look, whole, one, other} {
		if seen[j.Key()] {
			t.Errorf("%+v has the key of another: %s", j, j.Key())
		}
		seen[j.Key()] = true
	}
}

// A measurement that is finished while its repository is forgotten is not kept, whichever comes first.
func TestMeasurementOfForgotten(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		m := Measurement{RepoID: 1, Target: "x", ArtifactID: 1}
		if _, err := s.PutMeasurement(ctx, m); !errors.Is(err, ErrRemoved) {
			t.Errorf("of a repository that is not known: %v", err)
		}
		left := 0
		for range 50 {
			must(t, s.PutRepo(ctx, Repo{ID: 1}))
			var all sync.WaitGroup
			for artifact := range int64(4) {
				all.Go(func() {
					m := m
					m.ArtifactID = artifact
					if _, err := s.PutMeasurement(ctx, m); err != nil && !errors.Is(err, ErrRemoved) {
						t.Error(err)
					}
				})
			}
			all.Go(func() {
				if err := s.DeleteRepo(ctx, 1); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			left += s.count(t, "measurements")
		}
		if left != 0 {
			t.Errorf("%d measurements are left of a repository that was forgotten", left)
		}
	})
}
