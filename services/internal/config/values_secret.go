package config

import (
	"regexp"
	"strings"
)

// secretValue is a text of which people see only whether it is set.
type secretValue struct{ textValue }

func (v secretValue) shown() string {
	if *v.p == "" {
		return ""
	}
	return hiddenText
}

// urlsValue is a list of URLs that may hold users, passwords and tokens.
type urlsValue struct{ listValue }

func (v urlsValue) shown() string { return withoutUsers(v.String()) }

// urlStart is where the user of a URL may begin.
var urlStart = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// withoutUsers hides what stands before the @ of each URL in a list, a lone user
// too: that is a token. It goes by the last @, and takes an item with an @ but
// without a scheme for the rest of a password with commas in it, back to the last
// scheme: rather too much is hidden than too little.
func withoutUsers(list string) string {
	var shown []string
	for item := range strings.SplitSeq(list, ",") {
		start := urlStart.FindString(item)
		at := strings.LastIndexByte(item, '@')
		if at < 0 {
			shown = append(shown, item)
			continue
		}
		for ; start == "" && len(shown) > 0; shown = shown[:len(shown)-1] {
			start = urlStart.FindString(shown[len(shown)-1])
		}
		shown = append(shown, start+hiddenText+item[at:])
	}
	return strings.Join(shown, ",")
}
