package sizediff

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

const (
	maxConfig  = 4 << 20
	maxOptions = 100_000
)

// ParseConfig reads a kernel configuration file. Lines that set no option are ignored; the result is sorted by name, and
// of an option that is set twice the last one counts, as in Kconfig.
func ParseConfig(text []byte) []Option {
	var out []Option
	for line := range bytes.Lines(text[:min(len(text), maxConfig)]) {
		name, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), "=")
		name, isOption := strings.CutPrefix(name, "CONFIG_")
		if ok && isOption && name != "" && len(out) < maxOptions {
			out = append(out, Option{printable([]byte(name)), optionValue(value)})
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(out, func(a, b Option) bool { return a.Name == b.Name })
}

// optionValue keeps a value short and harmless, and different from any other.
func optionValue(value string) string {
	if len(value) <= maxText {
		return printable([]byte(value))
	}
	return printable([]byte(value[:maxText/2])) + "... " + shortDigest([]byte(value))
}

// configDigest is the SHA-256 of the options in their order, in hexadecimal; "" for none.
func configDigest(options []Option) string {
	if len(options) == 0 {
		return ""
	}
	h := sha256.New()
	for _, o := range options {
		io.WriteString(h, o.Name+"="+o.Value+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

// isVersionOption reports whether an option only carries a tool's version, so that it differs whenever the tool does.
func isVersionOption(name string) bool {
	for _, s := range []string{"_VERSION", "_VERSION_TEXT", "_VERSION_SIZE"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return name == "BUILD_SALT" || name == "LOCALVERSION"
}

// embeddedConfig returns the compressed configuration between kernel_config_data and its end mark (CONFIG_IKCONFIG), and
// the section where it lies; nil when the image has none.
func embeddedConfig(im *elfmap.Image, marks *landmarks) (blob []byte, section int32, err error) {
	start, end := marks.config, marks.configEnd
	if start == nil || end == nil || start.Section != end.Section || end.Value <= start.Value || end.Value-start.Value > maxConfig {
		return nil, 0, nil
	}
	blob, err = symbolBytes(im, start, end.Value-start.Value)
	return blob, start.Section, err
}

// unpackConfig returns the options of a compressed configuration, nil when it cannot be read.
func unpackConfig(blob []byte) []Option {
	z, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(z, maxConfig))
	if err != nil {
		return nil
	}
	return ParseConfig(text)
}

// shortDigest names a blob in a text.
func shortDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:8])
}
