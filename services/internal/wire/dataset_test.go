package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckDatasetID(t *testing.T) {
	for _, id := range []string{"d", "myShoppingList", "7", "a-b_c.d", "買い物リスト", "été", "fhsync", "fhsyncdemo", "system", "systems.a",
		"collision", "x_collisions", "Constructor", "length", "a_", "a-", strings.Repeat("x", 100)} {
		if err := CheckDatasetID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for id, want := range map[string]string{
		"": "empty", strings.Repeat("x", 101): "101 bytes long", strings.Repeat("買", 34): "102 bytes long", "a\xff": "not UTF-8",
		"system.users": `"system."`, "System.users": `"system."`, "fhsync_queue": `"fhsync_"`, "fhsync_": `"fhsync_"`, "FHSYNC_x": `"fhsync_"`,
		"x_collision": `"_collision"`, "x_Collision": `"_collision"`, "_collision": `"_collision"`,
		"constructor": "JavaScript", "__proto__": "JavaScript", "prototype": "JavaScript", "hasOwnProperty": "JavaScript", "toString": "JavaScript",
		"valueOf": "JavaScript", "__defineGetter__": "JavaScript",
		"$cmd": `'$'`, "a$b": `'$'`, "a\x00b": `'\x00'`, "a b": `' '`, " a": `' '`, "a/b": `'/'`, `a\b`: `'\\'`, "..": "stands between", "a.": "stands between", "a..b": "stands between",
		".a": `'.'`, "-a": `'-'`, "_a": `'_'`, "a\n": `'\n'`, "a😀": "can't stand there", "a\"": `'"'`, "a%00": `'%'`,
	} {
		err := CheckDatasetID(id)
		var bad *Error
		if !errors.As(err, &bad) || bad.Status != 400 || !strings.Contains(bad.Msg, want) {
			t.Errorf("%q: %v, want %s", id, err, want)
		}
	}
}
