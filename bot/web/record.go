package web

import (
	"encoding/json"
	"fmt"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Record is what is stored of an evaluation, so that a page or a command can show it again.
type Record struct {
	Version    int                  `json:"version"`
	Repository string               `json:"repository"`
	Pull       int                  `json:"pull"`
	Title      string               `json:"title"`
	Evaluation *sizediff.Evaluation `json:"evaluation"`
	Steps      []string             `json:"steps"`            // how the base was chosen
	Hidden     bool                 `json:"hidden,omitempty"` // no page shows it: report.link was none
}

const recordVersion = 1

// Encode returns the stored form.
func (r Record) Encode() ([]byte, error) {
	r.Version = recordVersion
	return json.Marshal(r)
}

// DecodeRecord reads a stored evaluation.
func DecodeRecord(data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("stored evaluation: %w", err)
	}
	if r.Version != recordVersion || r.Evaluation == nil {
		return r, fmt.Errorf("stored evaluation has version %d, this program reads %d", r.Version, recordVersion)
	}
	return r, nil
}
