'use strict';
// The methods of the adapter contract, each on top of the handler of that name.
const { run, within } = require('./call');
const { metaData } = require('./callinfo');
const { refuse, retryLater, notFound, notOffered, unusable } = require('./errors');
const json = require('./json');
const { sendList } = require('./list');
const results = require('./results');

const ofCollisions = new Set(['handleCollision', 'listCollisions', 'removeCollision']);

// How each method speaks to its handler. args are those before meta_data, answer makes
// the response of what the handler gave, remember marks methods that carry a key.
const methods = {
  Create: {
    handler: 'handleCreate', remember: true,
    args: (d, r) => [json.object(d, 'data', r.data)],
    keep: (d, what, result) => results.uid(what, result),
    answer: (d, what, uid) => ({ uid }),
  },
  Read: {
    handler: 'handleRead',
    args: (d, r) => [needUID(d, r)],
    answer: (d, what, data, r) => {
      if (!data) throw notFound(`dataset ${d}: there is no record ${r.uid}`);
      return { data: json.encode(what, data) };
    },
  },
  Update: {
    handler: 'handleUpdate', remember: true,
    args: (d, r) => [needUID(d, r), json.object(d, 'data', r.data)],
    answer: () => ({}),
  },
  Delete: {
    handler: 'handleDelete', remember: true,
    args: (d, r) => [needUID(d, r)],
    answer: () => ({}),
  },
  HandleCollision: {
    handler: 'handleCollision', remember: true,
    args: (d, r) => [r.hash, r.timestamp, needUID(d, r), json.optional(d, 'pre', r.pre), json.optional(d, 'post', r.post)],
    answer: () => ({}),
  },
  ListCollisions: {
    handler: 'listCollisions',
    args: () => [],
    answer: (d, what, found) => ({ collisions: json.encode(what, results.collisions(found)) }),
  },
  RemoveCollision: {
    handler: 'removeCollision',
    args: (d, r) => [r.hash],
    answer: (d, what, result) => ({ removed: results.removed(result) }),
  },
};

// adapterMethods makes the implementation of AdapterService. host has handlers, keys
// (or null), infos, otherwise (or null), settle, and the options of serve.
function adapterMethods(host) {
  const service = { Describe: (call, done) => done(null, describe(host)) };
  for (const [name, m] of Object.entries(methods)) {
    service[name] = (call, done) => host.settle(name, call, done, () => serveOne(host, name, m, call));
  }
  service.List = (call) => host.settleStream('List', call, () => serveList(host, call));
  return service;
}

function describe({ options }) {
  return {
    name: options.name, version: options.version,
    compare_and_write: options.compareAndWrite, remembers_keys: options.remembersKeys,
  };
}

async function serveOne(host, name, m, call) {
  const r = call.request;
  const dataset = needDataset(r);
  const fn = host.handlers.find(dataset, m.handler);
  if (!fn) {
    if (host.otherwise) return host.otherwise.unary(name, call);
    throw missing(dataset, m.handler);
  }
  if (m.remember && r.idempotency_key === '') throw refuse(`dataset ${dataset}: the request has no idempotency_key`);
  const what = `${m.handler} of dataset ${dataset}`;
  const meta = metaData(dataset, r.context.meta_data);
  const args = [dataset, ...m.args(dataset, r), meta];
  host.infos.attach(meta, {
    dataset, method: m.handler, idempotencyKey: r.idempotency_key || undefined,
    expected: json.optionalObject(dataset, 'expected_data', r.expected_data, undefined),
  });
  const keep = m.keep ?? ((d, w, result) => result);
  const work = async () => keep(dataset, what, await run(what, fn, args));
  // Of a method without an answer only that it was done is worth keeping.
  const done = m.remember && host.keys
    ? host.keys.once(name, dataset, r.idempotency_key, m.keep ? work : async () => { await work(); return null; })
    : work();
  const result = await within(host.options.handlerTimeout, what, done, () => {
    host.log.error(`${what} has not called back within ${host.options.handlerTimeout} ms; the call is answered with "not now" and will be repeated`);
    done.abandon?.();
  });
  return m.answer(dataset, what, result, r);
}

async function serveList(host, call) {
  const r = call.request;
  const dataset = needDataset(r);
  const fn = host.handlers.find(dataset, 'handleList');
  if (!fn) {
    if (host.otherwise) return host.otherwise.stream('List', call);
    throw missing(dataset, 'handleList');
  }
  const query = json.optionalObject(dataset, 'query_params', r.query_params, {});
  const meta = metaData(dataset, r.context.meta_data);
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  host.infos.attach(meta, { dataset, method: 'handleList', signal: gone.signal });
  const what = `handleList of dataset ${dataset}`;
  const list = await within(host.options.listTimeout, what, run(what, fn, [dataset, query, meta]), () =>
    host.log.error(`${what} has not called back within ${host.options.listTimeout} ms`));
  if (list === undefined) throw unusable(`${what} called back without a list`);
  await sendList(call, what, list);
}

function needDataset(r) {
  const dataset = r.context?.dataset;
  if (!dataset) throw refuse('the request names no dataset');
  return dataset;
}

function needUID(dataset, r) {
  if (r.uid === '') throw refuse(`dataset ${dataset}: the request names no uid`);
  return r.uid;
}

// missing makes changes wait: one that is refused is lost to its device, and the handler
// may be set a moment later. Nothing waits for the handlers of collisions.
function missing(dataset, handler) {
  const text = `there is no ${handler} for dataset ${dataset}: set one, or the option otherwise of serve to the address of an adapter that has it`;
  return ofCollisions.has(handler) ? notOffered(text) : retryLater(text);
}

module.exports = { adapterMethods };
