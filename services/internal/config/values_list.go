package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// nodeValue is a value that YAML may write as more than a scalar.
type nodeValue interface {
	setNode(n *yaml.Node) error
}

// sizeValue is a number of bytes; K, M and G count in 1024s.
type sizeValue struct{ p *int64 }

var sizeUnits = []struct {
	name string
	size int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}, {"", 1}}

func (v sizeValue) kind() string { return "size" }
func (v sizeValue) want() string { return "a number of bytes above 0, or a size such as 512KB, 32MB" }

func (v sizeValue) String() string {
	for _, u := range sizeUnits {
		if *v.p%u.size == 0 {
			return strconv.FormatInt(*v.p/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(*v.p, 10)
}

func (v sizeValue) set(text string) error {
	upper := strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(text)), "IB", "B")
	for _, u := range sizeUnits {
		number, found := strings.CutSuffix(upper, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(math.Abs(n)*float64(u.size) < math.MaxInt64) {
			break
		}
		return assign(v, v.p, int64(n*float64(u.size)))
	}
	return fmt.Errorf("%q is no size", text)
}

func (v sizeValue) check() error {
	if *v.p < 1 {
		return fmt.Errorf("%d is out of range", *v.p)
	}
	return nil
}

// listValue is texts: a YAML list, or one text with commas.
type listValue struct{ p *[]string }

func (v listValue) String() string { return strings.Join(*v.p, ",") }
func (v listValue) kind() string   { return "list" }
func (v listValue) want() string   { return "a list of texts, or one text with commas" }

func (v listValue) set(text string) error {
	list := []string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return assign(v, v.p, list)
}

func (v listValue) check() error {
	if slices.Contains(*v.p, "") {
		return fmt.Errorf("it has an empty item")
	}
	return nil
}

func (v listValue) setNode(n *yaml.Node) error {
	var list []string
	if err := n.Decode(&list); err != nil {
		return fmt.Errorf("it is no list of texts")
	}
	return assign(v, v.p, list)
}
