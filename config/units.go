package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// scalar is a value written as one word. The error says what is expected.
type scalar interface {
	parse(text string) error
	pattern() string // regular expression of what parse accepts, for the schema
}

// Size in bytes: 512B, 1KiB, 1.5 MiB, or a plain number.
type Size int64

var (
	errSize     = errors.New("write a size such as 512B, 1KiB or 2MiB")
	errGrowth   = errors.New("write a size such as 1KiB, or a share of the base such as 2%")
	errBand     = errors.New("write auto, or a size such as 16B")
	errDuration = errors.New("write a duration such as 45m, 2h or 90d")
)

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}, {"", 1}}

func (s *Size) parse(text string) error {
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := decimal(strings.TrimRight(number, " "))
		if err != nil {
			return sizeError(text)
		}
		n *= unit.bytes
		if n != math.Trunc(n) {
			return errors.New("write a whole number")
		}
		if n > 1<<50 {
			return errors.New("write a size below 1048576GiB")
		}
		*s = Size(n)
		return nil
	}
	return errSize
}

// sizeError spots the units that mean 1000 to some and 1024 to others.
func sizeError(text string) error {
	unit := strings.TrimLeft(text, "0123456789. ")
	if len(unit) > 0 && len(unit) < len(text) && strings.ContainsRune("kKmMgG", rune(unit[0])) {
		return fmt.Errorf("%s is ambiguous: write %siB for a multiple of 1024", unit, strings.ToUpper(unit[:1]))
	}
	return errSize
}

func (s *Size) pattern() string { return `^[0-9]+(\.[0-9]+)? *(B|KiB|MiB|GiB)?$` }

// Growth is a size, or a share of the base when Percent is not zero.
type Growth struct {
	Bytes   Size
	Percent float64
	Plain   bool // Bytes was written as a whole number without a unit
}

func (g *Growth) parse(text string) error {
	if number, ok := strings.CutSuffix(text, "%"); ok {
		n, err := decimal(strings.TrimRight(number, " "))
		if err != nil {
			return errGrowth
		}
		if n > 1000 {
			return errors.New("write at most 1000%")
		}
		*g = Growth{Percent: n}
		return nil
	}
	*g = Growth{Plain: strings.Trim(text, "0123456789") == ""}
	err := g.Bytes.parse(text)
	if errors.Is(err, errSize) {
		return errGrowth
	}
	return err
}

func (g *Growth) pattern() string { return `^[0-9]+(\.[0-9]+)? *(%|B|KiB|MiB|GiB)?$` }

// Band of noise: Auto takes it from history, else Bytes.
type Band struct {
	Auto  bool
	Bytes Size
}

func (b *Band) parse(text string) error {
	if text == "auto" {
		*b = Band{Auto: true}
		return nil
	}
	*b = Band{}
	err := b.Bytes.parse(text)
	if errors.Is(err, errSize) {
		return errBand
	}
	return err
}

// String is the band as it would be written in the file.
func (b Band) String() string {
	if b.Auto {
		return "auto"
	}
	return strconv.FormatInt(int64(b.Bytes), 10) + "B"
}

func (b *Band) pattern() string { return `^(auto|[0-9]+(\.[0-9]+)? *(B|KiB|MiB|GiB)?)$` }

// Duration is one or more numbers with a unit: s, m, h, d (24 h) or w (7 d).
type Duration time.Duration

var durationUnits = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

func (d *Duration) parse(text string) error {
	var sum time.Duration
	for rest := text; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits > 6 || digits == len(rest) {
			return errDuration
		}
		n, err := strconv.Atoi(rest[:digits])
		unit := durationUnits[rest[digits]]
		if err != nil || unit == 0 {
			return errDuration
		}
		if sum += time.Duration(n) * unit; n > int(maxDuration/unit) || sum > maxDuration {
			return errors.New("write at most 3650d")
		}
		rest = rest[digits+1:]
	}
	if text == "" {
		return errDuration
	}
	*d = Duration(sum)
	return nil
}

const maxDuration = 3650 * 24 * time.Hour

func (d *Duration) pattern() string { return `^([0-9]{1,6}[smhdw])+$` }

// decimal reads a number without sign, exponent or special values.
func decimal(text string) (float64, error) {
	if text == "" || strings.Trim(text, "0123456789.") != "" || strings.HasPrefix(text, ".") || strings.HasSuffix(text, ".") {
		return 0, errSize
	}
	return strconv.ParseFloat(text, 64)
}
