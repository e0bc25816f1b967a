// Package stats answers GET /mbaas/sync/stats for one process: it keeps the last
// samples of each metric and prints current, max, min and average as the
// reference server does.
//
// A *Stats may be nil, which is how collectStats: false looks: it then keeps
// nothing and every metric says "no stats available". Observe is cheap enough for
// every request and every store operation.
//
// The package knows no store and no role; they bring their numbers. Adding up
// several processes is not done here.
package stats
