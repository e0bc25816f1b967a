package rawjson

// Valid checks that b is one JSON value in UTF-8, with nothing but white space
// around it. Error: a *SyntaxError.
func Valid(b []byte) error {
	if err := Text(b); err != nil {
		return err
	}
	var open []byte // the containers around i, by what closes them
	i := Space(b, 0)
	for {
		// A value begins at i.
		end, closer, err := begin(b, i)
		if err != nil {
			return err
		}
		i = Space(b, end)
		switch {
		case closer == 0: // a whole scalar
		case len(open) == MaxDepth:
			return TooDeep(end - 1)
		case i < len(b) && b[i] == closer: // an empty container
			i = Space(b, i+1)
		default:
			open = append(open, closer)
			if closer == '}' {
				if i, err = key(b, i); err != nil {
					return err
				}
			}
			continue
		}
		// A value ended before i.
		for len(open) > 0 && i < len(b) && b[i] == open[len(open)-1] {
			open = open[:len(open)-1]
			i = Space(b, i+1)
		}
		switch {
		case len(open) == 0 && i == len(b):
			return nil
		case len(open) == 0:
			return Fail(b, i, "the end")
		case i >= len(b) || b[i] != ',':
			return Fail(b, i, "a comma or "+string(open[len(open)-1:]))
		}
		i = Space(b, i+1)
		if open[len(open)-1] == '}' {
			if i, err = key(b, i); err != nil {
				return err
			}
		}
	}
}

// begin scans the scalar at b[i], or the first byte of the container there:
// closer is then the byte that will close it.
func begin(b []byte, i int) (end int, closer byte, err error) {
	if i >= len(b) {
		return 0, 0, Fail(b, i, "a value")
	}
	switch c := b[i]; {
	case c == '{':
		return i + 1, '}', nil
	case c == '[':
		return i + 1, ']', nil
	case c == '"':
		end, _, err = String(b, i)
	case c == '-' || '0' <= c && c <= '9':
		end, err = Number(b, i)
	default:
		end, err = Literal(b, i)
	}
	return end, 0, err
}

// key scans a key and its colon at b[i] and returns where the value begins.
func key(b []byte, i int) (int, error) {
	if i >= len(b) || b[i] != '"' {
		return 0, Fail(b, i, "a key")
	}
	i, _, err := String(b, i)
	if err != nil {
		return 0, err
	}
	if i = Space(b, i); i >= len(b) || b[i] != ':' {
		return 0, Fail(b, i, "a colon")
	}
	return Space(b, i+1), nil
}
