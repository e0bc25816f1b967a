'use strict';
// What old code calls beside setting handlers. It goes on without a change of the code:
// what has no place here does nothing, and says once where it belongs in Tandem.
const { EventEmitter } = require('node:events');

// legacy makes these functions. log is that of the console until serve has another;
// autoServe is called by connect; gateway returns the URL of Tandem, "" when not set.
function legacy({ log, autoServe, gateway }) {
  let emitter = new EventEmitter();
  const said = new Set();
  const say = (text) => {
    if (said.has(text)) return;
    said.add(text);
    log.warn(text);
  };
  const later = (cb, ...args) => typeof cb === 'function' && setImmediate(cb, ...args);

  return {
    connect(mongoUrl, mongoOptions, redisUrl, cb) {
      say('sync.connect: Tandem has its own database and needs no Redis; the callback gets no clients. ' +
        'Handlers that use the MongoDB client open one themselves. ' +
        (process.env.TANDEM_ADAPTER_LISTEN ? '' : 'It serves where TANDEM_ADAPTER_LISTEN is set; else call sync.serve.'));
      autoServe().then(() => {
        emitter.emit('sync:ready');
        later(cb, null, undefined, undefined);
      }, (err) => later(cb, err));
    },
    init(dataset, options, cb) {
      if (options && Object.keys(options).length > 0) {
        say(`sync.init: options of a dataset are set in Tandem's configuration:\ndatasets:\n  ${dataset}: ${JSON.stringify(options)}`);
      }
      later(cb, null);
    },
    start: (cb) => later(cb),
    stop(dataset, cb) {
      say(`sync.stop: to stop a dataset, run: tandem admin stop ${dataset}`);
      later(cb);
    },
    stopAll(cb) {
      say('sync.stopAll does nothing: to stop a dataset, run tandem admin stop; to stop serving, close what serve returned');
      later(cb);
    },
    setConfig(conf) {
      say(`sync.setConfig: these settings belong in Tandem's configuration, under the same names: ${Object.keys(conf ?? {}).join(', ')}`);
    },
    getStats(cb) {
      say('sync.getStats: Tandem answers GET /mbaas/sync/stats');
      later(cb, null, {});
    },
    setRecordHashFn(dataset) {
      say(`sync.setRecordHashFn: the function is not used. Set recordHash of dataset ${dataset} in Tandem's configuration, ` +
        'for instance "field:version" or "fields:a,b"; without it, the hash of all the data decides.');
    },
    setGlobalHashFn(dataset) {
      say(`sync.setGlobalHashFn: the function of dataset ${dataset} is not used; the global hash is Tandem's own, and devices only compare it`);
    },
    toJSON: (dataset, data, cb) => later(cb, null, {}),
    getEventEmitter: () => emitter,
    setEventEmitter: (other) => { emitter = other; },
    invoke(dataset, params, cb) {
      if (typeof cb !== 'function') throw new Error('invoke requires 3 arguments');
      invoke(gateway(), dataset, params).then((answer) => cb(null, answer), (err) => cb(err, null));
    },
  };
}

// invoke hands a device's request on to Tandem, for servers whose devices still call them.
// The headers of the device's request do not come along.
async function invoke(gateway, dataset, params) {
  if (!gateway) {
    throw new Error("sync.invoke: devices call Tandem itself; to hand requests on to it, set the option gateway of serve (or TANDEM_GATEWAY) to Tandem's URL");
  }
  const answer = await fetch(`${gateway.replace(/\/+$/, '')}/sync/${encodeURIComponent(dataset)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params ?? {}),
  });
  const body = await answer.text();
  if (answer.ok) return JSON.parse(body);
  let message = body;
  try {
    message = JSON.parse(body);
  } catch { /* a proxy's own words */ }
  throw Object.assign(new Error(typeof message === 'string' ? message : body), { status: answer.status });
}

module.exports = { legacy };
