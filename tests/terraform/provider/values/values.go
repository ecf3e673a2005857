// Package values turns the values of Terraform into those of Go and back: nil, string, bool, *big.Float, []any,
// map[string]any, and Unknown.
package values

import (
	"fmt"
	"math/big"
	"reflect"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type unknown struct{}

// Unknown is a value that only an apply tells.
var Unknown any = unknown{}

// IsUnknown says whether a value is Unknown; parts of it may be unknown all the same.
func IsUnknown(value any) bool { _, is := value.(unknown); return is }

// IsSet says whether a value is there and is known.
func IsSet(value any) bool { return value != nil && !IsUnknown(value) }

// Number is a number in the form that numbers have here.
func Number(n int64) *big.Float { return new(big.Float).SetInt64(n) }

// Equal says whether two values are the same.
func Equal(a, b any) bool {
	left, isNumber := a.(*big.Float)
	right, isNumberToo := b.(*big.Float)
	if isNumber && isNumberToo {
		return left.Cmp(right) == 0
	}
	switch a := a.(type) {
	case []any:
		b, is := b.([]any)
		if !is || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, is := b.(map[string]any)
		if !is || len(a) != len(b) {
			return false
		}
		for key := range a {
			if !Equal(a[key], b[key]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// Decode reads a value of Terraform.
func Decode(value tftypes.Value) (any, error) {
	if !value.IsKnown() {
		return Unknown, nil
	}
	if value.IsNull() {
		return nil, nil
	}
	switch value.Type().(type) {
	case tftypes.Object, tftypes.Map:
		var members map[string]tftypes.Value
		if err := value.As(&members); err != nil {
			return nil, err
		}
		result := map[string]any{}
		for name, member := range members {
			var err error
			if result[name], err = Decode(member); err != nil {
				return nil, err
			}
		}
		return result, nil
	case tftypes.List, tftypes.Set:
		var members []tftypes.Value
		if err := value.As(&members); err != nil {
			return nil, err
		}
		result := []any{}
		for _, member := range members {
			decoded, err := Decode(member)
			if err != nil {
				return nil, err
			}
			result = append(result, decoded)
		}
		return result, nil
	}
	return decodePrimitive(value)
}

func decodePrimitive(value tftypes.Value) (any, error) {
	switch {
	case value.Type().Is(tftypes.String):
		var text string
		err := value.As(&text)
		return text, err
	case value.Type().Is(tftypes.Bool):
		var is bool
		err := value.As(&is)
		return is, err
	case value.Type().Is(tftypes.Number):
		number := new(big.Float)
		err := value.As(&number)
		return number, err
	}
	return nil, fmt.Errorf("no value of type %s is expected", value.Type())
}

// Encode makes a value of Terraform; an object gets a null for each attribute that is absent.
func Encode(value any, as tftypes.Type) tftypes.Value {
	if value == nil {
		return tftypes.NewValue(as, nil)
	}
	if IsUnknown(value) {
		return tftypes.NewValue(as, tftypes.UnknownValue)
	}
	switch as := as.(type) {
	case tftypes.Object:
		members := map[string]tftypes.Value{}
		for name, member := range as.AttributeTypes {
			members[name] = Encode(value.(map[string]any)[name], member)
		}
		return tftypes.NewValue(as, members)
	case tftypes.Map:
		members := map[string]tftypes.Value{}
		for name, member := range value.(map[string]any) {
			members[name] = Encode(member, as.ElementType)
		}
		return tftypes.NewValue(as, members)
	case tftypes.List:
		return tftypes.NewValue(as, encodeAll(value.([]any), as.ElementType))
	case tftypes.Set:
		return tftypes.NewValue(as, encodeAll(value.([]any), as.ElementType))
	}
	return tftypes.NewValue(as, value)
}

func encodeAll(members []any, as tftypes.Type) []tftypes.Value {
	result := []tftypes.Value{}
	for _, member := range members {
		result = append(result, Encode(member, as))
	}
	return result
}
