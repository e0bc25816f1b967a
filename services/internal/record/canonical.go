package record

import (
	"crypto/sha1"
	"hash"
	"slices"
	"strconv"
	"sync"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// canonizer turns JSON into the list form of protocol section 3. Sync runs do
// this to every record that a backend lists, so that its buffers are reused.
//
// It reads the input once into nodes that point into it, with the members of
// each object sorted when the object closes, and then prints the nodes. Sorting
// printed text instead would move deep content once per level.
type canonizer struct {
	src   []byte
	open  []node // children of containers that are not closed yet
	nodes []node // children of closed containers; those of one are neighbours
	keys  []byte // keys that were escaped, as WTF-8
	tmp   []byte

	out     []byte
	sha     hash.Hash // takes what does not fit in out
	stream  bool
	flushed bool // sha holds the beginning
}

// node is one value. What lo and hi point into depends on kind.
type node struct {
	keyLo, keyHi uint32 // member of an object: in src, without quotes, or in keys
	lo, hi       uint32 // scalars: in src; containers: children in nodes
	kind         kind
	keyDecoded   bool // the key is in keys
}

type kind uint8

const (
	verbatim kind = iota // prints as it is written
	number
	escaped // a text with escapes
	object
	array
)

const (
	flushSize = 32 << 10
	keepSize  = 1 << 20 // larger buffers are not kept for the next value
)

var canonizers = sync.Pool{New: func() any { return &canonizer{sha: sha1.New()} }}

func (c *canonizer) release() {
	c.src = nil
	if cap(c.out)+cap(c.keys)+cap(c.tmp)+24*(cap(c.open)+cap(c.nodes)) <= keepSize {
		canonizers.Put(c)
	}
}

// run prints the canonical text of raw to c.out; with stream, c.sha gets the
// beginning of a long one (see flushed). ok is false when the value has no hash.
func (c *canonizer) run(raw []byte, stream bool) (ok bool, err error) {
	if len(raw) == 0 {
		return false, nil
	}
	c.stream, c.flushed = stream, false
	root, err := c.parse(raw)
	if err != nil {
		return false, err
	}
	token := raw[root.lo:]
	switch {
	case root.kind <= escaped && token[0] == '"':
		c.out = rawjson.ReplaceLone(rawjson.AppendUnquoted(c.out, raw[root.lo:root.hi]))
		return len(c.out) > 0, nil
	case root.kind == verbatim && (token[0] == 'n' || token[0] == 'f'):
		return false, nil
	}
	c.print(root)
	return root.kind != number || string(c.out) != "0", nil
}

// print appends the canonical form of a node.
func (c *canonizer) print(n node) {
	switch n.kind {
	case verbatim:
		c.out = append(c.out, c.src[n.lo:n.hi]...)
	case number:
		c.out = rawjson.AppendNumber(c.out, c.src[n.lo:n.hi])
	case escaped:
		c.tmp = rawjson.AppendUnquoted(c.tmp[:0], c.src[n.lo:n.hi])
		c.out = rawjson.AppendQuoted(c.out, c.tmp)
	case object:
		c.printObject(n)
	case array:
		c.printArray(n)
	}
	if c.stream && len(c.out) >= flushSize {
		if !c.flushed {
			c.sha.Reset()
		}
		c.sha.Write(c.out)
		c.out, c.flushed = c.out[:0], true
	}
}

func (c *canonizer) printObject(n node) {
	c.out = append(c.out, '[')
	first := true
	for i := n.lo; i < n.hi; i++ {
		member := c.nodes[i]
		if i+1 < n.hi && c.compare(member, c.nodes[i+1]) == 0 {
			continue // of two members with one key the later one counts
		}
		if !first {
			c.out = append(c.out, ',')
		}
		first = false
		c.out = append(c.out, `{"key":`...)
		if member.keyDecoded {
			c.out = rawjson.AppendQuoted(c.out, c.key(member))
		} else {
			c.out = append(c.out, c.src[member.keyLo-1:member.keyHi+1]...)
		}
		c.out = append(c.out, `,"value":`...)
		c.print(member)
		c.out = append(c.out, '}')
	}
	c.out = append(c.out, ']')
}

// printArray prints an array as the list that it is: indexes are keys, and sort
// as texts. The order 0, 1, 10, 100, 11, 2 is counted out rather than sorted.
func (c *canonizer) printArray(n node) {
	c.out = append(c.out, '[')
	count := n.hi - n.lo
	for i, index := uint32(0), uint32(0); i < count; i++ {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, `{"key":"`...)
		c.out = strconv.AppendUint(c.out, uint64(index), 10)
		c.out = append(c.out, `","value":`...)
		c.print(c.nodes[n.lo+index])
		c.out = append(c.out, '}')
		index = nextIndex(index, count)
	}
	c.out = append(c.out, ']')
}

// nextIndex returns the index after i in the order of texts, of count indexes.
// After the last it returns any.
func nextIndex(i, count uint32) uint32 {
	switch {
	case i == 0:
		return 1
	case uint64(i)*10 < uint64(count):
		return i * 10
	}
	for i%10 == 9 || i+1 >= count && i > 0 {
		i /= 10
	}
	return i + 1
}

func (c *canonizer) key(n node) []byte {
	if n.keyDecoded {
		return c.keys[n.keyLo:n.keyHi]
	}
	return c.src[n.keyLo:n.keyHi]
}

func (c *canonizer) compare(a, b node) int { return rawjson.Compare(c.key(a), c.key(b)) }

// closeContainer makes a node of the children that were opened since mark.
func (c *canonizer) closeContainer(k kind, mark int) {
	children := c.open[mark:]
	if k == object {
		// Stable, so that of members with one key the last stays last.
		slices.SortStableFunc(children, c.compare)
	}
	lo := len(c.nodes)
	c.nodes = append(c.nodes, children...)
	c.open = append(c.open[:mark], node{kind: k, lo: uint32(lo), hi: uint32(len(c.nodes))})
}
