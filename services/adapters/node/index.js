'use strict';
// Handlers written for npm fh-sync, served as a Tandem adapter:
//
//   const sync = require('@tandem-sync/fh-sync-adapter');
//   sync.handleList('myShoppingList', (dataset_id, query_params, meta_data, cb) => ...);
//   sync.serve({ listen: '127.0.0.1:50052' });
//
// docs/13-adapter-node.md tells what each function does and what differs.
const { Handlers } = require('./lib/handlers');
const { CallInfos } = require('./lib/callinfo');
const { legacy } = require('./lib/legacy');
const { toConsole } = require('./lib/host');
const { FileStore } = require('./lib/keyfile');
const { MemoryStore } = require('./lib/keys');
const errors = require('./lib/errors');
const { serve } = require('./lib/serve');

// create makes an API with handlers of its own; the module is one.
function create() {
  const handlers = new Handlers();
  const infos = new CallInfos();
  let serving; // promise of what serve returns
  let options = {};

  const start = (given) => {
    if (serving) throw new Error('sync.serve was called before (connect does so where TANDEM_ADAPTER_LISTEN is set)');
    options = given;
    serving = serve(handlers, infos, given);
    serving.catch(() => { serving = undefined; });
    return serving;
  };
  // connect serves where the environment says so: such code needs no new line. It sets
  // its handlers later, so serving begins once none was set for a second.
  const autoServe = async () => {
    const listen = process.env.TANDEM_ADAPTER_LISTEN;
    if (!listen || serving) return;
    const quiet = setTimeout(() => {
      handlers.onSet = () => {};
      if (serving) return;
      start({ listen, otherwise: process.env.TANDEM_ADAPTER_OTHERWISE }).catch((err) => {
        console.error(err.message);
        process.exit(1);
      });
    }, 1000);
    handlers.onSet = () => quiet.refresh();
  };

  const sync = {
    ...handlers.api(),
    ...legacy({ log: toConsole, autoServe, gateway: () => options.gateway ?? process.env.TANDEM_GATEWAY ?? '' }),
    // serve resolves to {address, port, close()}.
    serve: async (given = {}) => start(given),
    // callInfo tells what a call carries beyond its arguments, by the meta_data that the
    // handler got: dataset, method, idempotencyKey, expected (what the record must still
    // hold), signal (of lists); of interceptors headers, cuid and fn.
    callInfo: (metaData) => infos.of(metaData),
    // Errors with a meaning, to call back with or to throw.
    refuse: errors.refuse,
    notFound: errors.notFound,
    conflict: errors.conflict,
    retryLater: errors.retryLater,
    // Where idempotency keys are remembered: the option keys of serve.
    keyFile: (path, more) => new FileStore(path, more),
    keyMemory: (limit) => new MemoryStore(limit),
    create,
  };
  sync.api = sync; // some code has require('fh-sync').api
  return sync;
}

module.exports = create();
