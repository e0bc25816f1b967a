package record

import (
	"bytes"
	"encoding/json"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// normal prints raw as JSON in one form: keys sorted, the last of members with
// one key, no white space, texts and fractions as JSON.stringify prints them,
// integers as they are written. Errors as Hash.
func normal(raw json.RawMessage) (string, error) {
	c := canonizers.Get().(*canonizer)
	defer c.release()
	root, err := c.parse(raw)
	if err != nil {
		return "", err
	}
	c.stream = false
	c.printNormal(root)
	return string(c.out), nil
}

func (c *canonizer) printNormal(n node) {
	switch n.kind {
	case object:
		c.out = append(c.out, '{')
		first := true
		for i := n.lo; i < n.hi; i++ {
			member := c.nodes[i]
			if i+1 < n.hi && c.compare(member, c.nodes[i+1]) == 0 {
				continue
			}
			if !first {
				c.out = append(c.out, ',')
			}
			first = false
			c.out = rawjson.AppendQuoted(c.out, c.key(member))
			c.out = append(c.out, ':')
			c.printNormal(member)
		}
		c.out = append(c.out, '}')
	case array:
		c.out = append(c.out, '[')
		for i := n.lo; i < n.hi; i++ {
			if i > n.lo {
				c.out = append(c.out, ',')
			}
			c.printNormal(c.nodes[i])
		}
		c.out = append(c.out, ']')
	case number:
		if token := c.src[n.lo:n.hi]; !bytes.ContainsAny(token, ".eE") {
			c.out = append(c.out, token...)
			return
		}
		c.print(n)
	default:
		c.print(n)
	}
}
