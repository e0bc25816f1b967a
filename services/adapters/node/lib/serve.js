'use strict';
// Serves the handlers over gRPC, with the health service and reflection, until it is
// told to stop: then it takes no new calls and lets those under way finish.
const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { HealthImplementation } = require('grpc-health-check');
const { ReflectionService } = require('@grpc/reflection');
const { adapterMethods } = require('./adapter');
const { interceptorMethods } = require('./interceptors');
const { Host } = require('./host');
const { untilSignal, catchThrows } = require('./process');

const maxMessageBytes = 64 << 20; // as the contract says
const flushed = 500; // ms that the last answers have to leave
// For the health service; "" is the whole.
const served = ['', 'tandem.adapter.v1.AdapterService', 'tandem.interceptor.v1.InterceptorService'];
const channelOptions = {
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
};

const defaults = {
  listen: '127.0.0.1:50052', // HOST:PORT; :PORT is all of the machine's addresses; unix:PATH
  name: 'fh-sync-adapter', // shown by Describe
  version: require('../package.json').version,
  tls: undefined, // {certFile, keyFile, caFile}: caFile asks callers for certificates that it signed
  otherwise: undefined, // address of the adapter for what has no handler
  otherwiseTls: undefined, // how to call it: {caFile, certFile, keyFile}; {}: the machine's authorities
  gateway: undefined, // URL of Tandem, for old code that calls sync.invoke
  handlerTimeout: 60_000, // ms that a handler has to call back
  listTimeout: 300_000, // ms that handleList has
  keys: undefined, // where keys are remembered: in memory; keyFile(path); false: nowhere
  compareAndWrite: false, // the update and delete handlers compare callInfo(meta_data).expected in one step
  remembersKeys: false, // the handlers keep idempotencyKey in one step with what they write
  notNow: undefined, // (err) => true for more errors that mean "not now"
  grace: 10_000, // ms that calls under way have at the end
  signals: true, // SIGTERM and SIGINT end it, and the process with exit code 0
  catchThrows: true, // an error that a handler throws where nobody catches fails its call alone
  log: undefined, // {info, warn, error}, each of a text; console when absent
};

// serve returns {address, port, close()} once it listens.
async function serve(handlers, infos, given = {}) {
  for (const name of Object.keys(given)) {
    if (!(name in defaults)) throw new Error(`serve has no option ${name}; it has ${Object.keys(defaults).join(', ')}`);
  }
  const options = { ...defaults, ...given };
  const protos = loader.loadSync(['adapter/v1/adapter.proto', 'interceptor/v1/interceptor.proto'], {
    keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true,
    includeDirs: [path.join(__dirname, '..', 'proto')],
  });
  const { tandem } = grpc.loadPackageDefinition(protos);
  const Adapter = tandem.adapter.v1.AdapterService;
  const Interceptor = tandem.interceptor.v1.InterceptorService;

  const host = new Host(handlers, infos, options, Adapter, channelOptions);
  const server = new grpc.Server(channelOptions);
  const health = new HealthImplementation(Object.fromEntries(served.map((name) => [name, 'SERVING'])));
  server.addService(Adapter.service, adapterMethods(host));
  server.addService(Interceptor.service, interceptorMethods(host));
  health.addToServer(server);
  new ReflectionService(protos).addToServer(server);

  const port = await bind(server, options);
  const address = options.listen.startsWith('unix:') ? options.listen : options.listen.replace(/:\d+$/, ':' + port);
  host.log.info(`adapter is serving on ${address}`);
  if (!host.otherwise) {
    handlers.missing().forEach((lack) => host.log.warn(`no handlers for dataset ${lack}; set them, or the option otherwise`));
  }
  let closed;
  const close = () => (closed ??= stop(server, health, host).finally(() => {
    release.forEach((undo) => undo());
    host.close();
    host.log.info('adapter has stopped');
  }));
  const release = [];
  if (options.signals) release.push(untilSignal(close, host.log));
  if (options.catchThrows) release.push(catchThrows(host.log));
  return { address, port, close };
}

function bind(server, options) {
  const { listen, tls } = options;
  const address = listen.startsWith(':') ? '0.0.0.0' + listen : listen;
  const credentials = tls ? serverCredentials(tls) : grpc.ServerCredentials.createInsecure();
  return new Promise((resolve, reject) => server.bindAsync(address, credentials, (err, port) =>
    (err ? reject(new Error(`can't listen on ${listen}: ${err.message}`)) : resolve(port))));
}

function serverCredentials({ certFile, keyFile, caFile, ...rest }) {
  const unknown = Object.keys(rest);
  if (unknown.length > 0 || !certFile || !keyFile) {
    throw new Error(`tls has certFile, keyFile and, to ask callers for certificates, caFile; got ${unknown.join(', ') || 'too few'}`);
  }
  const pair = { cert_chain: fs.readFileSync(certFile), private_key: fs.readFileSync(keyFile) };
  return grpc.ServerCredentials.createSsl(caFile ? fs.readFileSync(caFile) : null, [pair], Boolean(caFile));
}

// stop lets calls under way finish, for as long as grace says, and then cuts connections
// that their other end keeps open.
function stop(server, health, host) {
  served.forEach((name) => health.setStatus(name, 'NOT_SERVING'));
  return new Promise((resolve) => {
    const timers = [];
    const end = () => {
      timers.forEach(clearTimeout);
      resolve();
    };
    const cut = () => {
      server.forceShutdown(); // which may leave tryShutdown without an answer
      end();
    };
    timers.push(setTimeout(cut, host.options.grace));
    host.idle().then(() => timers.push(setTimeout(cut, flushed)));
    server.tryShutdown(end);
  });
}

module.exports = { serve };
