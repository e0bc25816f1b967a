// Package sqltest gives tests a PostgreSQL and a MariaDB server.
//
// Each is the server that TANDEM_TEST_POSTGRES_URL or TANDEM_TEST_MYSQL_URL names, which is how the tests
// run against any real one, or else one that is started here, of the binaries that hack/sql/build.sh gets
// with Maven (Linux).
//
// A test process starts one server of a kind at most, when the first test asks, and all its tests share it;
// each takes a database of its own ([Postgres], [MariaDB]). A test that needs a server to itself has
// [StartPostgres] and [StartMariaDB].
//
// Promises: a server that cannot be had fails the test and says why, it never skips it. It does not matter
// whether tests run as root: PostgreSQL, which refuses that, is then run by an unprivileged user, from
// folders of its own. A server that was started here ends with the test process, also when that is killed:
// it is held by a pipe whose end the kernel closes. Nothing but copies in the temporary folder is written
// to, and they are removed. Ports are below 32768, where no outgoing connection takes one away.
package sqltest
