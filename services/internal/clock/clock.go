// Package clock is the one door through which stored times enter, so that a
// simulation can turn the hands.
package clock

import "time"

// Clock tells the time.
type Clock func() time.Time

// System is the machine's clock, cut to the milliseconds that the store keeps.
func System() time.Time { return time.Now().Truncate(time.Millisecond) }
