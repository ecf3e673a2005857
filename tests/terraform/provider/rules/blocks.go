package rules

import (
	"fmt"
	"math/big"
	"strings"

	"cos-agent/tests/terraform/provider/values"
)

// count is how many arguments are there, and how many may be there once they are known.
func count(block map[string]any, names []string) (there, unknown int) {
	for _, name := range names {
		value := block[name]
		list, isList := value.([]any)
		switch {
		case values.IsUnknown(value):
			unknown++
		case value != nil && (!isList || len(list) > 0):
			there++
		}
	}
	return there, unknown
}

func has(block map[string]any, name string) bool {
	there, _ := count(block, []string{name})
	return there == 1
}

// lacks is not the contrary of has: what is unknown does neither.
func lacks(block map[string]any, name string) bool {
	there, unknown := count(block, []string{name})
	return there+unknown == 0
}

// block is a check of a block or of a whole resource.
func block(check func(map[string]any) string) func(any) string {
	return func(value any) string {
		if members, is := value.(map[string]any); is {
			return check(members)
		}
		return ""
	}
}

func exactlyOne(names ...string) func(any) string {
	return block(func(members map[string]any) string {
		there, unknown := count(members, names)
		if there > 1 || there+unknown == 0 {
			return fmt.Sprintf("expected exactly one of %s, found %d", strings.Join(names, ", "), there)
		}
		return ""
	})
}

func atMostOne(names ...string) func(any) string {
	return block(func(members map[string]any) string {
		if there, _ := count(members, names); there > 1 {
			return fmt.Sprintf("expected at most one of %s, found %d", strings.Join(names, ", "), there)
		}
		return ""
	})
}

func atLeastOne(names ...string) func(any) string {
	return block(func(members map[string]any) string {
		if there, unknown := count(members, names); there+unknown == 0 {
			return fmt.Sprintf("expected at least one of %s, found none", strings.Join(names, ", "))
		}
		return ""
	})
}

// needs wants others beside an argument.
func needs(name string, others ...string) func(any) string {
	return block(func(members map[string]any) string {
		for _, other := range others {
			if has(members, name) && lacks(members, other) {
				return fmt.Sprintf("expected %s beside %s, found none", other, name)
			}
		}
		return ""
	})
}

// when wants arguments, and refuses others, if an argument has one of some values; fallback is what absence means.
func when(name, fallback string, is []string, wanted, refused []string) func(any) string {
	return block(func(members map[string]any) string {
		value := members[name]
		if value == nil {
			value = fallback
		}
		for _, one := range is {
			if value != one {
				continue
			}
			for _, other := range wanted {
				if lacks(members, other) {
					return fmt.Sprintf("expected %s, because %s is %q", other, name, one)
				}
			}
			for _, other := range refused {
				if has(members, other) {
					return fmt.Sprintf("expected no %s, because %s is %q", other, name, one)
				}
			}
		}
		return ""
	})
}

// ascending wants numbers in their order.
func ascending(names ...string) func(any) string {
	return block(func(members map[string]any) string {
		for i := 1; i < len(names); i++ {
			low, isLow := members[names[i-1]].(*big.Float)
			high, isHigh := members[names[i]].(*big.Float)
			if isLow && isHigh && low.Cmp(high) > 0 {
				return fmt.Sprintf("expected %s <= %s, found %s and %s", names[i-1], names[i], low.Text('f', -1), high.Text('f', -1))
			}
		}
		return ""
	})
}

// apart wants two percentages that are not further apart than AWS allows.
func apart(low, high string, most int64) func(any) string {
	return block(func(members map[string]any) string {
		least, isLow := members[low].(*big.Float)
		greatest, isHigh := members[high].(*big.Float)
		if !isLow || !isHigh {
			return ""
		}
		if difference, _ := new(big.Float).Sub(greatest, least).Int64(); difference > most {
			return fmt.Sprintf("expected %s and %s at most %d apart, found %d", low, high, most, difference)
		}
		return ""
	})
}

func number(members map[string]any, name string) (int64, bool) {
	value, is := members[name].(*big.Float)
	if !is {
		return 0, false
	}
	found, _ := value.Int64()
	return found, true
}
