package config

import (
	"strings"
	"testing"
)

// TestWarnings: what has no effect is said, and what is written as it is anyway is not.
func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"report: {link: authenticated}":                                                 "authenticated is not available; it is treated as none",
		"report: {link: none}":                                                          "",
		"report: {disassembly: changed_symbols}":                                        "disassembly has no effect in this version",
		"report: {disassembly: none}":                                                   "",
		"limits: {artifact_size: 3GiB}":                                                 "limits can only be lowered",
		"limits: {unpacked_size: 9GiB}":                                                 "limits can only be lowered",
		"limits: {analysis_time: 6m}":                                                   "limits can only be lowered",
		"limits: {artifact_size: 2GiB, unpacked_size: 1KiB, analysis_time: 5m}":         "",
		"targets: [{name: a, config_file: .config}]":                                    "",
		"targets: [{name: a, config_file: x/.config}]":                                  "config_file has no effect in this version",
		"targets: [{name: a, files: [{path: x.oxm, kind: measurement}]}]":               "a measurement stands for all files of its artifact",
		"targets: [{name: a, kind: measurement}]":                                       "",
		"targets: [{name: a, files: [{path: bzImage, kind: opaque, group: g}]}]":        "not shown in groups",
		"targets: [{name: a, kind: opaque, files: [{path: bzImage, group: g}]}]":        "not shown in groups",
		"targets: [{name: a, files: [{path: '**/*.ko', group: g}]}]\nattribution: both": "",
	} {
		r, err := ParseRepo("f.yml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		switch {
		case want == "" && r.Warnings != nil:
			t.Errorf("%s: %v", text, r.Warnings)
		case want != "" && (len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0].Message, want) || r.Warnings[0].Line != 1):
			t.Errorf("%s: %v, want %q", text, r.Warnings, want)
		}
	}
	for _, text := range []string{"limits: {artifact_size: 0}", "limits: {unpacked_size: 0B}", "limits: {analysis_time: 0s}"} {
		if _, err := ParseRepo("f.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), "nothing can be measured within a limit of 0") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
