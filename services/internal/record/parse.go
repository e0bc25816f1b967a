package record

import (
	"math"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// parse reads raw into nodes, empties the buffers, and returns the outermost node.
func (c *canonizer) parse(raw []byte) (root node, err error) {
	c.src = raw
	c.open, c.nodes, c.keys, c.out = c.open[:0], c.nodes[:0], c.keys[:0], c.out[:0]
	if len(raw) > math.MaxInt32 {
		return node{}, &rawjson.SyntaxError{Offset: math.MaxInt32, Msg: "longer than 2 GiB"}
	}
	if err := rawjson.Text(raw); err != nil {
		return node{}, err
	}
	end, err := c.value(rawjson.Space(raw, 0), 0)
	if err != nil {
		return node{}, err
	}
	if end = rawjson.Space(raw, end); end != len(raw) {
		return node{}, rawjson.Fail(raw, end, "the end")
	}
	return c.open[0], nil
}

// value reads the value at src[i], which is not white space, pushes its node to
// c.open and returns the offset behind it. depth is how many containers are
// around it.
func (c *canonizer) value(i, depth int) (end int, err error) {
	b := c.src
	if i >= len(b) {
		return 0, rawjson.Fail(b, i, "a value")
	}
	k := verbatim
	switch ch := b[i]; {
	case ch == '{' || ch == '[':
		if depth >= rawjson.MaxDepth {
			return 0, rawjson.TooDeep(i)
		}
		if ch == '{' {
			return c.object(i, depth)
		}
		return c.array(i, depth)
	case ch == '"':
		var plain bool
		if end, plain, err = rawjson.String(b, i); !plain {
			k = escaped
		}
	case ch == '-' || '0' <= ch && ch <= '9':
		k = number
		end, err = rawjson.Number(b, i)
	default:
		end, err = rawjson.Literal(b, i)
	}
	if err != nil {
		return 0, err
	}
	c.open = append(c.open, node{kind: k, lo: uint32(i), hi: uint32(end)})
	return end, nil
}

func (c *canonizer) object(i, depth int) (end int, err error) {
	b, mark := c.src, len(c.open)
	i = rawjson.Space(b, i+1)
	if i < len(b) && b[i] == '}' {
		c.closeContainer(object, mark)
		return i + 1, nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return 0, rawjson.Fail(b, i, "a key")
		}
		keyEnd, plain, err := rawjson.String(b, i)
		if err != nil {
			return 0, err
		}
		keyLo, keyHi := i+1, keyEnd-1
		if !plain {
			keyLo = len(c.keys)
			c.keys = rawjson.AppendUnquoted(c.keys, b[i:keyEnd])
			keyHi = len(c.keys)
		}
		if i = rawjson.Space(b, keyEnd); i >= len(b) || b[i] != ':' {
			return 0, rawjson.Fail(b, i, "a colon")
		}
		if i, err = c.value(rawjson.Space(b, i+1), depth+1); err != nil {
			return 0, err
		}
		member := &c.open[len(c.open)-1]
		member.keyLo, member.keyHi, member.keyDecoded = uint32(keyLo), uint32(keyHi), !plain

		i = rawjson.Space(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = rawjson.Space(b, i+1)
		case i < len(b) && b[i] == '}':
			c.closeContainer(object, mark)
			return i + 1, nil
		default:
			return 0, rawjson.Fail(b, i, "a comma or }")
		}
	}
}

func (c *canonizer) array(i, depth int) (end int, err error) {
	b, mark := c.src, len(c.open)
	i = rawjson.Space(b, i+1)
	if i < len(b) && b[i] == ']' {
		c.closeContainer(array, mark)
		return i + 1, nil
	}
	for {
		if i, err = c.value(i, depth+1); err != nil {
			return 0, err
		}
		i = rawjson.Space(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = rawjson.Space(b, i+1)
		case i < len(b) && b[i] == ']':
			c.closeContainer(array, mark)
			return i + 1, nil
		default:
			return 0, rawjson.Fail(b, i, "a comma or ]")
		}
	}
}
