package memadapter_test

import (
	"testing"

	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	"github.com/tandem-sync/tandem/api/adapter/internal/localtest"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
)

func TestConformance(t *testing.T) {
	adaptertest.Exercise(t, localtest.Client(t, memadapter.New()), adaptertest.Options{})
}
