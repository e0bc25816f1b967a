'use strict';
// A host with handlers of the test's own, and a client that speaks to it over gRPC.
const path = require('node:path');
const { spawn } = require('node:child_process');
const readline = require('node:readline');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { create } = require('..');

const protos = loader.loadSync(['adapter/v1/adapter.proto', 'interceptor/v1/interceptor.proto'], {
  keepCase: true, longs: Number, defaults: true, includeDirs: [path.join(__dirname, '..', 'proto')],
});
const { tandem } = grpc.loadPackageDefinition(protos);

const quiet = () => {
  const lines = [];
  const add = (text) => lines.push(text);
  return { lines, info: add, warn: add, error: add };
};

// connect makes functions that call the services at an address; deadline in ms.
function connect(address) {
  const adapter = new tandem.adapter.v1.AdapterService(address, grpc.credentials.createInsecure());
  const interceptor = new tandem.interceptor.v1.InterceptorService(address, grpc.credentials.createInsecure());
  const call = (client) => (method, request, deadline = 20_000) => new Promise((resolve, reject) =>
    client[method](request, { deadline: Date.now() + deadline }, (err, answer) => (err ? reject(err) : resolve(answer))));
  return {
    adapter: call(adapter),
    intercept: call(interceptor),
    async list(dataset, query = {}) {
      const found = {};
      const stream = adapter.List({ context: { dataset }, query_params: bytes(query) });
      for await (const { records } of stream) for (const r of records) found[r.uid] = JSON.parse(r.data);
      return found;
    },
    close: () => [adapter, interceptor].forEach((c) => c.close()),
  };
}

// host serves what setup(sync) sets, until the test t ends.
async function host(t, setup, options = {}) {
  const sync = create();
  await setup(sync);
  const log = quiet();
  const server = await sync.serve({ listen: '127.0.0.1:0', signals: false, catchThrows: false, grace: 100, log, ...options });
  const client = connect(server.address);
  t.after(async () => {
    client.close();
    await server.close();
  });
  return { sync, server, log, ...client };
}

// program runs a script as a process; says waits for a line that begins with a text.
function program(t, script, ...args) {
  const child = spawn(process.execPath, [path.join(__dirname, script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    ended: new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal))),
    async says(prefix) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the program ended before it said ${prefix}`);
        if (value.startsWith(prefix)) return value.slice(prefix.length);
      }
    },
  };
}

const bytes = (value) => Buffer.from(JSON.stringify(value));
const create1 = (data = { n: 1 }, key = 'k', dataset = 'd') => ({ context: { dataset }, data: bytes(data), idempotency_key: key });

module.exports = { host, program, connect, bytes, create1, quiet, status: grpc.status };
