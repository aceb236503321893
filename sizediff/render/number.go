package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// num formats a size with thousands separators: 11,672,332.
func num(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	head := len(s) % 3
	groups := make([]string, 0, len(s)/3+1)
	if head > 0 {
		groups = append(groups, s[:head])
	}
	for i := head; i < len(s); i += 3 {
		groups = append(groups, s[i:i+3])
	}
	return sign + strings.Join(groups, ",")
}

// delta formats a difference: always with its sign, and 0 as it is.
func delta(n int64) string {
	if n > 0 {
		return "+" + num(n)
	}
	return num(n)
}

// bytesOf formats a size for a sentence: 2,148 B, and above 10,000 B the KiB in addition.
func bytesOf(n int64) string { return num(n) + " B" + kib(n) }

// deltaBytes is bytesOf with the sign of a difference.
func deltaBytes(n int64) string { return delta(n) + " B" + kib(n) }

// amountOf is so much of what a budget bounds: bytes, or a number of a quantity that is counted.
func amountOf(b sizediff.Budget, n int64) string {
	if b.Quantity.Counted() {
		return num(n)
	}
	return bytesOf(n)
}

// deltaAmount is amountOf with the sign of a difference.
func deltaAmount(b sizediff.Budget, n int64) string {
	if b.Quantity.Counted() {
		return delta(n)
	}
	return deltaBytes(n)
}

// unitOf stands behind a number of what a budget bounds.
func unitOf(b sizediff.Budget) string {
	if b.Quantity.Counted() {
		return ""
	}
	return " B"
}

func kib(n int64) string {
	k := math.Abs(float64(n)) / 1024
	if k <= 10000.0/1024 {
		return ""
	}
	if k < 10*1024 {
		return fmt.Sprintf(" (%.1f KiB)", k)
	}
	return fmt.Sprintf(" (%.1f MiB)", k/1024)
}

// percent of the base with a sign, "" when there is no base to relate to, nothing changed or the share rounds to nothing.
func percent(c sizediff.Change) string {
	if c.Base <= 0 {
		return ""
	}
	p := float64(c.Delta) * 100 / float64(c.Base)
	switch a := math.Abs(p); {
	case a < 0.0005:
		return ""
	case a < 0.1:
		return fmt.Sprintf("%+.3f%%", p)
	}
	return fmt.Sprintf("%+.2f%%", p)
}

// magnitude orders deltas; it does not overflow.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// counted is a number with its noun: 1 image, 3 images.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return num(int64(n)) + " " + plural(noun)
}

func plural(noun string) string {
	if strings.HasSuffix(noun, "y") {
		return strings.TrimSuffix(noun, "y") + "ies"
	}
	return noun + "s"
}

var numberWords = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

// inWords writes small numbers as words, as in the middle of a sentence.
func inWords(n int) string {
	if n >= 0 && n < len(numberWords) {
		return numberWords[n]
	}
	return num(int64(n))
}

// sentenceCase raises the first letter.
func sentenceCase(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// lowerFirst is for a sentence that becomes a clause.
func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// listed joins with commas and a final "and".
func listed(items []string) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}
