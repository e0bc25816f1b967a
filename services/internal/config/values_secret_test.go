package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestNatsSecretsAreNotShown(t *testing.T) {
	src := sources(t, "natsUrl: ['nats://ann:s3cret@a:4222', 'tls://t0ken@b', 'c:4222']\n",
		[]string{"TANDEM_NATS_PASSWORD=s3cret", "TANDEM_NATS_USER=ann"}, "--nats-token=t0ken")
	c, list, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	if c.Nats.Password != "s3cret" || c.Nats.Token != "t0ken" || c.Nats.URL[0] != "nats://ann:s3cret@a:4222" {
		t.Errorf("the values themselves changed: %v", c.Nats)
	}
	if all := fmt.Sprint(list); strings.Contains(all, "s3cret") || strings.Contains(all, "t0ken") {
		t.Errorf("a secret is shown in %s", all)
	}
	for key, want := range map[string]string{
		"natsUrl":      "nats://xxxxx@a:4222,tls://xxxxx@b,c:4222",
		"natsPassword": "xxxxx", "natsToken": "xxxxx", "natsUser": "ann", "natsSubjectPrefix": "tandem.wake",
	} {
		if got := find(t, list, key).Value; got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
	_, list, err = Load(Sources{})
	if err != nil || find(t, list, "natsPassword").Value != "" {
		t.Errorf("an empty secret looks set: %v", err)
	}
}

func TestWithoutUsers(t *testing.T) {
	for list, want := range map[string]string{
		"":                                "",
		"nats://a,b:4222":                 "nats://a,b:4222",
		"u:p@a,nats://b":                  "xxxxx@a,nats://b",
		"nats://u:p@q@a":                  "nats://xxxxx@a",
		"nats://u:p,q@a,tls://b":          "nats://xxxxx@a,tls://b",
		"nats://u:p,q,r@a":                "nats://xxxxx@a",
		"nats://u:p/q@a":                  "nats://xxxxx@a",
		"nats://u:p@a,nats://u:p@b":       "nats://xxxxx@a,nats://xxxxx@b",
		"nats://token@a:4222,wss://x@b/c": "nats://xxxxx@a:4222,wss://xxxxx@b/c",
	} {
		if got := withoutUsers(list); got != want {
			t.Errorf("%s: got %s, want %s", list, got, want)
		}
	}
}
