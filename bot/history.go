package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/sizediff"
)

// SizesOf returns what a baseline amounts to in these buckets: what the store has at hand, else from the measurement.
// summed says that it was the latter.
func SizesOf(ctx context.Context, s *store.Store, repoID int64, b store.Baseline, buckets []sizediff.Bucket) (sizes sizediff.Sizes, summed bool, err error) {
	if b.Sizes != nil && json.Unmarshal(b.Sizes, &sizes) == nil {
		return sizes, false, nil
	}
	m, err := MeasurementOf(ctx, s, repoID, b)
	if err != nil {
		return sizediff.Sizes{}, false, err
	}
	return sizediff.SizesOf(m, buckets, ""), true, nil
}

// MeasurementOf reads the measurement of a baseline.
func MeasurementOf(ctx context.Context, s *store.Store, repoID int64, b store.Baseline) (*sizediff.Measurement, error) {
	row, err := s.MeasurementByID(ctx, repoID, b.ID)
	if err != nil {
		return nil, err
	}
	m, err := sizediff.ReadMeasurement(bytes.NewReader(row.Blob))
	if err != nil {
		return nil, fmt.Errorf("stored measurement of commit %s: %w", b.SHA, err)
	}
	return m, nil
}

// TargetName is the name of a target as people write it, of the name that it has in the store.
func TargetName(stored string) string {
	for _, ext := range []string{".yml ", ".yaml ", " "} {
		if _, name, ok := strings.Cut(stored, ext); ok {
			return name
		}
	}
	return stored
}
