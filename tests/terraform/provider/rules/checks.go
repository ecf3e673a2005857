package rules

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// oneOf accepts some strings.
func oneOf(valid ...string) func(any) string {
	return func(value any) string {
		if text, is := value.(string); is && !slices.Contains(valid, text) {
			return fmt.Sprintf("expected %s, found %q", strings.TrimPrefix(strings.Join(valid, ", "), ", "), text)
		}
		return ""
	}
}

// matches accepts strings of a pattern; `expected` says it in words.
func matches(pattern, expected string) func(any) string {
	compiled := regexp.MustCompile(pattern)
	return func(value any) string {
		if text, is := value.(string); is && !compiled.MatchString(text) {
			return fmt.Sprintf("expected %s, found %q", expected, text)
		}
		return ""
	}
}

// not refuses strings of a pattern.
func not(pattern, wrong string) func(any) string {
	compiled := regexp.MustCompile(pattern)
	return func(value any) string {
		if text, is := value.(string); is && compiled.MatchString(text) {
			return fmt.Sprintf("%s, found %q", wrong, text)
		}
		return ""
	}
}

// length accepts strings of so many characters.
func length(least, most int) func(any) string {
	return func(value any) string {
		text, is := value.(string)
		if count := utf8.RuneCountInString(text); is && (count < least || count > most) {
			return fmt.Sprintf("expected %d to %d characters, found %d in %q", least, most, count, text)
		}
		return ""
	}
}

// between accepts numbers, also those that are written as strings.
func between(least, most int64) func(any) string {
	return func(value any) string {
		if text, is := value.(string); is {
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Sprintf("expected a number, found %q", text)
			}
			value = new(big.Float).SetInt64(number)
		}
		number, is := value.(*big.Float)
		if !is {
			return ""
		}
		found, accuracy := number.Int64()
		if accuracy != big.Exact || found < least || found > most {
			return fmt.Sprintf("expected %d to %d, found %s", least, most, number.Text('f', -1))
		}
		return ""
	}
}

// amongNumbers accepts some numbers.
func amongNumbers(valid ...int64) func(any) string {
	return func(value any) string {
		number, is := value.(*big.Float)
		if !is {
			return ""
		}
		if found, accuracy := number.Int64(); accuracy != big.Exact || !slices.Contains(valid, found) {
			return fmt.Sprintf("expected one of %v, found %s", valid, number.Text('f', -1))
		}
		return ""
	}
}

// both needs two checks to pass.
func both(checks ...func(any) string) func(any) string {
	return func(value any) string {
		for _, check := range checks {
			if wrong := check(value); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}

// orEmpty also accepts "", which many arguments have for "none".
func orEmpty(check func(any) string) func(any) string {
	return func(value any) string {
		if value == "" {
			return ""
		}
		return check(value)
	}
}

// each checks the elements of a list or a set, and the values of a map.
func each(check func(any) string) func(any) string {
	return func(value any) string {
		list, _ := value.([]any)
		if members, is := value.(map[string]any); is {
			for _, member := range members {
				list = append(list, member)
			}
		}
		for _, element := range list {
			if wrong := check(element); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}

// ipv4 accepts a range of IPv4 with a prefix of so many bits, and without bits behind the prefix.
func ipv4(least, most int) func(any) string {
	return func(value any) string {
		text, is := value.(string)
		if !is {
			return ""
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil || !prefix.Addr().Is4() {
			return fmt.Sprintf("expected an IPv4 range such as 10.0.0.0/16, found %q", text)
		}
		if prefix.Masked() != prefix {
			return fmt.Sprintf("expected an IPv4 range such as %s, found %q, which is an address in it", prefix.Masked(), text)
		}
		if prefix.Bits() < least || prefix.Bits() > most {
			return fmt.Sprintf("expected a range of /%d to /%d, found %q", least, most, text)
		}
		return ""
	}
}

func ipv6(value any) string {
	text, is := value.(string)
	if prefix, err := netip.ParsePrefix(text); is && (err != nil || !prefix.Addr().Is6() || prefix.Masked() != prefix) {
		return fmt.Sprintf("expected an IPv6 range such as 2001:db8::/56, found %q", text)
	}
	return ""
}

func address(value any) string {
	text, is := value.(string)
	if _, err := netip.ParseAddr(text); is && err != nil && text != "AmazonProvidedDNS" {
		return fmt.Sprintf("expected an address such as 10.0.0.2, or AmazonProvidedDNS, found %q", text)
	}
	return ""
}

// encoded accepts base64 of so many bytes.
func encoded(most int) func(any) string {
	return func(value any) string {
		text, is := value.(string)
		decoded, err := base64.StdEncoding.DecodeString(text)
		if is && err != nil {
			return fmt.Sprintf("expected base64, found %.20q", text)
		}
		if len(decoded) > most {
			return fmt.Sprintf("expected at most %d bytes, found %d", most, len(decoded))
		}
		return ""
	}
}

var (
	tagKey   = both(length(1, 128), tagCharacters, not("^(?i)aws:", "expected a key without the prefix aws:, which is reserved"))
	tagValue = both(length(0, 256), tagCharacters)
	// What EC2 accepts; some services accept more.
	tagCharacters = matches(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`, "letters, digits, spaces and _.:/=+-@")
)
