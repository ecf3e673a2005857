// Reads files, one a line in base64, and writes what the daemons' own reader of HCL finds in each: the paths of keys that are
// set, and whether the value is a plain false. `null` stands for a file that it refuses.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"

	"github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/ast"
)

type setting struct {
	Path []string `json:"path"`
	Off  bool     `json:"off"`
}

type reader struct{ found []setting }

func (r *reader) set(path []string, off bool) {
	r.found = append(r.found, setting{append([]string{}, path...), off})
}

func (r *reader) object(list *ast.ObjectList, path []string) {
	before := len(r.found)
	for _, item := range list.Items {
		below := append([]string{}, path...)
		for _, key := range item.Keys {
			below = append(below, key.Token.Value().(string))
		}
		r.value(item.Val, below)
	}
	if len(r.found) == before && len(path) > 0 {
		r.set(path, false)
	}
}

func (r *reader) value(node ast.Node, path []string) {
	switch value := node.(type) {
	case *ast.ObjectType:
		r.object(value.List, path)
	case *ast.ListType:
		before := len(r.found)
		for _, item := range value.List {
			if _, literal := item.(*ast.LiteralType); !literal {
				r.value(item, path)
			}
		}
		if len(r.found) == before {
			r.set(path, false)
		}
	case *ast.LiteralType:
		text := strings.ToLower(strings.ReplaceAll(value.Token.Text, "\"", ""))
		r.set(path, text == "0" || text == "false")
	}
}

func read(text []byte) (found []setting) {
	// Its reader panics on some keys, and a daemon would too.
	defer func() {
		if recover() != nil {
			found = nil
		}
	}()
	file, err := hcl.ParseBytes(text)
	if err != nil {
		return nil
	}
	r := reader{found: []setting{}}
	r.object(file.Node.(*ast.ObjectList), nil)
	return r.found
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	answers := json.NewEncoder(out)
	for lines.Scan() {
		text, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			panic(err)
		}
		if err := answers.Encode(read(text)); err != nil {
			panic(err)
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}
