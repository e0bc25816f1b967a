'use strict';
// The contracts in the package, what old code calls, and calls that are handed on.
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { host, bytes, create1, status } = require('./helper');
const { from, to, files } = require('../scripts/copy-protos');
const { create } = require('..');

test('the contracts are those of the repository', () => {
  for (const file of files) {
    assert.equal(fs.readFileSync(path.join(to, file), 'utf8'), fs.readFileSync(path.join(from, file), 'utf8'),
      `proto/${file} is old: run npm run protos`);
  }
});

test('all functions of the reference server are there', () => {
  const sync = create();
  const names = ['init', 'start', 'stop', 'stopAll', 'setConfig', 'globalInterceptRequest', 'globalInterceptResponse',
    'interceptRequest', 'interceptResponse', 'listCollisions', 'removeCollision', 'getStats', 'setRecordHashFn', 'setGlobalHashFn',
    'connect', 'invoke', 'toJSON', 'getEventEmitter', 'setEventEmitter', 'globalHandleList', 'globalHandleCreate',
    'globalHandleRead', 'globalHandleUpdate', 'globalHandleDelete', 'globalHandleCollision', 'globalListCollisions',
    'globalRemoveCollision', 'handleList', 'handleCreate', 'handleRead', 'handleUpdate', 'handleDelete', 'handleCollision'];
  for (const name of names) assert.equal(typeof sync[name], 'function', name);
  assert.equal(sync.api, sync);
});

test('old code that sets up goes on', async (t) => {
  const said = [];
  t.mock.method(console, 'warn', (text) => said.push(text));
  const sync = create();
  const ready = new Promise((resolve) => sync.getEventEmitter().on('sync:ready', resolve));
  const done = (fn) => new Promise((resolve, reject) => fn((err, ...rest) => (err ? reject(err) : resolve(rest))));
  assert.deepEqual(await done((cb) => sync.connect('mongodb://x', {}, 'redis://x', cb)), [undefined, undefined]);
  await ready;
  await done((cb) => sync.init('orders', { syncFrequency: 5 }, cb));
  await done((cb) => sync.start(cb));
  await done((cb) => sync.stop('orders', cb));
  await done((cb) => sync.stopAll(cb));
  await done((cb) => sync.getStats(cb));
  sync.setConfig({ pendingWorkerConcurrency: 4 });
  sync.setRecordHashFn('orders', () => 'x');
  sync.setRecordHashFn('orders', () => 'x');
  sync.setGlobalHashFn('orders', () => 'x');
  const all = said.join('\n');
  for (const want of ['orders: {"syncFrequency":5}', 'tandem admin stop orders', 'pendingWorkerConcurrency', 'Set recordHash of dataset orders']) {
    assert.ok(all.includes(want), want);
  }
  assert.equal(said.filter((s) => s.includes('setRecordHashFn')).length, 1, 'said once');
  await assert.rejects(done((cb) => sync.invoke('orders', { fn: 'sync' }, cb)), /option gateway of serve/);
});

test('invoke hands a request on to Tandem', async (t) => {
  let got;
  const gateway = http.createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    got = [req.method, req.url, JSON.parse(body)];
    res.writeHead(got[2].fn === 'bad' ? 400 : 200);
    res.end(JSON.stringify(got[2].fn === 'bad' ? 'unknown fn' : { hash: 'h' }));
  });
  await new Promise((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  t.after(() => gateway.close());
  const h = await host(t, () => {}, { gateway: `http://127.0.0.1:${gateway.address().port}/` });
  const invoke = (params) => new Promise((resolve, reject) => h.sync.invoke('orders', params, (err, r) => (err ? reject(err) : resolve(r))));
  assert.deepEqual(await invoke({ fn: 'sync' }), { hash: 'h' });
  assert.deepEqual(got, ['POST', '/sync/orders', { fn: 'sync' }]);
  await assert.rejects(invoke({ fn: 'bad' }), { message: 'unknown fn', status: 400 });
});

test('what has no handler goes to the other adapter, as it is', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => ['u' + i, { n: i }]));
  const other = await host(t, (sync) => {
    sync.globalHandleList((dataset, query, meta, cb) => (query.fail ? cb(sync.refuse('not such')) : cb(null, many)));
    sync.globalHandleCreate((dataset, data, meta, cb) => cb(null, { uid: 'other' }));
    sync.globalHandleRead((dataset, uid, meta, cb) => cb(sync.conflict('as it was')));
  });
  const h = await host(t, (sync) => sync.handleCreate('own', (dataset, data, meta, cb) => cb(null, { uid: 'own' })), { otherwise: other.server.address });
  assert.equal((await h.adapter('Create', create1({}, 'k', 'own'))).uid, 'own');
  assert.equal((await h.adapter('Create', create1({}, 'k', 'd'))).uid, 'other');
  assert.deepEqual(await h.list('d'), many);
  await assert.rejects(h.list('d', { fail: true }), { code: status.INVALID_ARGUMENT, details: 'not such' });
  await assert.rejects(h.adapter('Read', { context: { dataset: 'd' }, uid: 'u' }), { code: status.ABORTED, details: 'as it was' });
  await other.server.close();
  await assert.rejects(h.adapter('Update', { context: { dataset: 'd' }, uid: 'u', data: bytes({}), idempotency_key: 'k' }), { code: status.UNAVAILABLE });
});

test('serve says what is wrong', async (t) => {
  const sync = create();
  await assert.rejects(sync.serve({ port: 1 }), /no option port/);
  await assert.rejects(sync.serve({ listen: '127.0.0.1:0', tls: { certFile: 'x' } }), /tls has certFile, keyFile/);
  const h = await host(t, () => {});
  await assert.rejects(sync.serve({ listen: h.server.address }), /can't listen on 127.0.0.1/);
  await assert.rejects(h.sync.serve({}), /called before/);
});
