module github.com/tandem-sync/tandem/api

go 1.26.0

require github.com/tandem-sync/tandem/proto v0.0.0

replace github.com/tandem-sync/tandem/proto => ../proto
