package adaptertest

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
)

// oddities are records that are legal JSON, and that devices do send.
var oddities = []struct{ name, data string }{
	{"Empty", `{}`},
	{"Types", `{"null":null,"yes":true,"no":false,"zero":0,"text":"","list":[],"object":{},"mixed":[null,true,1,"1",[],[[]],{}]}`},
	{"Unicode", `{"é":"日本語 🎉","שלום":"\u00e9\u0301 ﷺ","emoji":"\ud83d\ude00"}`},
	{"DollarAndDotKeys", `{"$set":{"a":1},"a.b":{"c.d":1},"$":{"$":"$"},".":".","..":0,"a":{"$ne":null}}`},
	{"ReservedKeys", `{"__proto__":{"x":1},"constructor":"c","uid":"u","hash":"h","data":{},"id":7}`},
	{"IDKey", `{"_id":"mine","a":{"_id":1}}`},
	{"EmptyKeys", `{"":1,"a":{"":{"":""}}," ":" "}`},
	{"NUL", `{"text":"a\u0000b","key\u0000":1,"\u0000":{"\u0000":"\u0000"}}`},
	{"ControlCharacters", `{"a":"\b\f\n\r\t\u0001\u001f\u007f\\\"\/"}`},
	{"LoneSurrogates", `{"high":"\ud800","low":"\udc00x","reversed":"\ude00\ud83d","\udbff":1}`},
	{"ForHTML", `{"a":"<script>&amp;</script>\u2028\u2029"}`},
	{"Numbers", `{"a":1e21,"b":1e-7,"c":5e-324,"d":1.7976931348623157e308,"e":0.1,"f":-1.5,"g":123456789.125,"h":1.0,"i":100000000000000000000000}`},
	{"BigIntegers", `{"a":9007199254740991,"b":9007199254740993,"c":12345678901234567890,"d":-9223372036854775808,"e":2147483648,"f":18446744073709551615}`},
	{"DateLikeTexts", `{"a":"2020-01-01T00:00:00.000Z","b":{"$date":"2020-01-01T00:00:00Z"},"c":{"$oid":"0123456789abcdef01234567"},"d":{"$numberLong":"1"}}`},
	{"ManyKeys", `{"k":0` + `,"` + strings.Repeat("long key ", 60) + `":[1,2,3]` + manyKeys(1000) + `}`},
	{"Deep", strings.Repeat(`{"a":[`, 250) + `1` + strings.Repeat(`]}`, 250)},
	{"OneMegabyte", `{"text":"` + strings.Repeat("0123456789abcdef", 1<<16) + `"}`},
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	return b.String()
}

// roundTrips makes a test of each oddity: it comes back as it was created and as
// it was updated, and compares equal to itself where the adapter compares.
func roundTrips() []test {
	var tests []test
	for _, o := range oddities {
		tests = append(tests, test{name: o.name, run: func(s *subject) {
			uid := s.create(o.data)
			s.wantRecord(uid, o.data)
			const plain = `{"plain":1}`
			s.wantCode("Update that expects what was created", s.update(uid, plain, o.data, newKey()), codes.OK)
			s.wantRecord(uid, plain)
			s.wantCode("Update", s.update(uid, o.data, plain, newKey()), codes.OK)
			s.wantRecord(uid, o.data)
			s.wantCode("Delete that expects what was updated", s.delete(uid, o.data, newKey()), codes.OK)
			s.wantNone(uid)
		}})
	}
	return tests
}
