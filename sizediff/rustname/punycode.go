package rustname

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxPunycode bounds a Punycode identifier: decoding inserts each character.
const maxPunycode = 1024 // characters

// identifier returns the text of a node's identifier.
func (t *tree) identifier(n *node) string {
	s := t.text(n.name)
	if !n.puny {
		return s
	}
	ascii, code := "", s
	if i := strings.LastIndexByte(s, '_'); i >= 0 {
		ascii, code = s[:i], s[i+1:]
	}
	if decoded, ok := punycode(ascii, code); ok {
		return decoded
	}
	if ascii != "" {
		ascii += "-"
	}
	return "punycode{" + ascii + code + "}"
}

// punycode decodes RFC 3492 with v0's digits (a-z, 0-9).
func punycode(ascii, code string) (string, bool) {
	const base, tMin, tMax, skew = 36, 1, 26, 38
	out := []rune(ascii)
	if len(out)+len(code) > maxPunycode {
		return "", false
	}
	n, i, bias, damp := 0x80, 0, 72, 700
	for len(code) > 0 {
		delta, weight := 0, 1
		for k := base; ; k += base {
			if code == "" {
				return "", false
			}
			digit := int(code[0]) - 'a'
			if isDigit(code[0]) {
				digit = int(code[0]) - '0' + 26
			}
			code = code[1:]
			if digit < 0 || weight > 1<<40 {
				return "", false
			}
			delta += digit * weight
			t := min(max(k-bias, tMin), tMax)
			if digit < t {
				break
			}
			weight *= base - t
		}
		size := len(out) + 1
		i += delta
		n += i / size
		i %= size
		if n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			return "", false
		}
		out = slices.Insert(out, i, rune(n))
		i++

		delta /= damp
		damp = 2
		delta += delta / size
		k := 0
		for ; delta > (base-tMin)*tMax/2; k += base {
			delta /= base - tMin
		}
		bias = k + (base-tMin+1)*delta/(delta+skew)
	}
	return string(out), true
}
