// Package mongotest gives tests a MongoDB server.
//
// It takes the first of these:
//
//   - the server at TANDEM_TEST_MONGODB_URI, which is how the tests run against any real MongoDB;
//   - a mongod on the PATH, on a folder of its own;
//   - the wire server of hack/mongo, which build.sh there gets and compiles (java and maven).
//
// A test process starts one server at most, when the first test asks, and all its tests share it; each
// takes a database of its own ([Database]). A test that needs a server to itself has [Start].
//
// Promises: a server that cannot be had fails the test and says why, it never skips it. A server that was
// started here ends with the test process, also when that is killed: it is held by a pipe whose end the
// kernel closes. Ports are below 32768, where no outgoing connection takes one away.
package mongotest
