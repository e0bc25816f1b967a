'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { host, bytes, create1, status } = require('./helper');

const context = (dataset = 'd', metaData) => ({ dataset, meta_data: metaData ? bytes(metaData) : undefined });

test('each handler gets the arguments of the reference server', async (t) => {
  const got = {};
  const note = (name, result) => function (...args) {
    const cb = args.pop();
    got[name] = args;
    cb(null, result);
  };
  const h = await host(t, (sync) => {
    sync.handleList('d', note('list', { a: { n: 1 } }));
    sync.handleCreate('d', note('create', { uid: 7, data: {} }));
    sync.handleRead('d', note('read', { n: 1 }));
    sync.handleUpdate('d', note('update'));
    sync.handleDelete('d', note('delete'));
    sync.handleCollision('d', note('collision'));
    sync.listCollisions('d', note('collisions', { c: { uid: 'u' } }));
    sync.removeCollision('d', note('remove', { n: 2, ok: 1 }));
  });
  const c = context('d', { user: 'ada' });
  const meta = { user: 'ada' };
  assert.deepEqual(await h.list('d', { done: false }), { a: { n: 1 } });
  assert.equal((await h.adapter('Create', { ...create1({ n: 1 }), context: c })).uid, '7');
  assert.deepEqual(JSON.parse((await h.adapter('Read', { context: c, uid: 'u' })).data), { n: 1 });
  await h.adapter('Update', { context: c, uid: 'u', data: bytes({ n: 2 }), expected_data: bytes({ n: 1 }), idempotency_key: 'k' });
  await h.adapter('Delete', { context: c, uid: 'u', idempotency_key: 'k' });
  await h.adapter('HandleCollision', { context: c, uid: 'u', hash: 'h', timestamp: 1700000000123, pre: bytes({ n: 1 }), idempotency_key: 'k' });
  assert.deepEqual(JSON.parse((await h.adapter('ListCollisions', { context: c })).collisions), { c: { uid: 'u' } });
  assert.equal((await h.adapter('RemoveCollision', { context: c, hash: 'h' })).removed, 2);
  assert.deepEqual(got, {
    list: ['d', { done: false }, {}],
    create: ['d', { n: 1 }, meta],
    read: ['d', 'u', meta],
    update: ['d', 'u', { n: 2 }, meta],
    delete: ['d', 'u', meta],
    collision: ['d', 'h', 1700000000123, 'u', { n: 1 }, undefined, meta],
    collisions: ['d', meta],
    remove: ['d', 'h', meta],
  });
});

test("a dataset's own handler goes before the global one", async (t) => {
  const h = await host(t, (sync) => {
    sync.globalHandleRead((dataset, uid, meta, cb) => cb(null, { from: 'global' }));
    sync.handleRead('own', (dataset, uid, meta, cb) => cb(null, { from: 'own' }));
  });
  const read = async (dataset) => JSON.parse((await h.adapter('Read', { context: context(dataset), uid: 'u' })).data).from;
  assert.equal(await read('own'), 'own');
  assert.equal(await read('other'), 'global');
});

test('handlers may return promises', async (t) => {
  const h = await host(t, (sync) => {
    sync.globalHandleRead(async (dataset, uid) => ({ uid }));
    sync.globalHandleUpdate(async () => { throw new Error('no'); });
    sync.globalHandleDelete(async (dataset, uid, meta) => { void meta; });
    // One that uses its callback: the promise of nothing, which is there first, does not count.
    sync.globalHandleCreate(async (dataset, data, meta, cb) => {
      setTimeout(cb, 20, null, { uid: 'later' });
    });
  });
  assert.deepEqual(JSON.parse((await h.adapter('Read', { context: context(), uid: 'u' })).data), { uid: 'u' });
  await h.adapter('Delete', { context: context(), uid: 'u', idempotency_key: 'k' });
  assert.equal((await h.adapter('Create', create1())).uid, 'later');
  await assert.rejects(h.adapter('Update', { context: context(), uid: 'u', data: bytes({}), idempotency_key: 'k' }), { code: status.UNKNOWN, details: 'no' });
});

test('callInfo tells what meta_data does not show', async (t) => {
  let seen, shown;
  const h = await host(t, (sync) => {
    sync.globalHandleUpdate((dataset, uid, data, meta, cb) => {
      seen = sync.callInfo(meta);
      shown = [JSON.stringify(meta), Reflect.ownKeys(meta).length, sync.callInfo({}), sync.callInfo(undefined)];
      cb();
    });
  });
  await h.adapter('Update', { context: context('d', { a: 1 }), uid: 'u', data: bytes({}), expected_data: bytes({ was: 1 }), idempotency_key: 'key' });
  assert.deepEqual({ ...seen }, { dataset: 'd', method: 'handleUpdate', idempotencyKey: 'key', expected: { was: 1 } });
  assert.deepEqual(shown, ['{"a":1}', 1, undefined, undefined]);
});

test('what a handler may not give', async (t) => {
  const h = await host(t, (sync) => {
    sync.handleCreate('d', (dataset, data, meta, cb) => cb(null, data.result));
    sync.handleRead('d', (dataset, uid, meta, cb) => cb(null, { none: null, empty: undefined, text: 'x', array: [] }[uid]));
    sync.handleList('nothing', (dataset, query, meta, cb) => cb());
    sync.handleList('null', (dataset, query, meta, cb) => cb(null, null));
    sync.handleList('half', (dataset, query, meta, cb) => cb(null, { a: { n: 1 }, b: 'no object' }));
  });
  for (const result of [null, {}, { uid: '' }, { uid: {} }]) {
    await assert.rejects(h.adapter('Create', create1({ result }, JSON.stringify(result))), { code: status.INTERNAL });
  }
  const read = (uid) => h.adapter('Read', { context: context(), uid });
  await assert.rejects(read('none'), { code: status.NOT_FOUND });
  await assert.rejects(read('empty'), { code: status.NOT_FOUND });
  await assert.rejects(read('text'), { code: status.INTERNAL });
  await assert.rejects(read('array'), { code: status.INTERNAL });
  assert.deepEqual(await h.list('null'), {});
  await assert.rejects(h.list('nothing'), { code: status.INTERNAL, details: /without a list/ });
  await assert.rejects(h.list('half'), { code: status.INTERNAL, details: /record b is not an object/ });
});

test('a handler that is not there makes changes wait', async (t) => {
  const h = await host(t, (sync) => sync.handleList('orders', (dataset, query, meta, cb) => cb(null, {})));
  assert.ok(h.log.lines.some((line) => /no handlers for dataset orders: handleCreate, handleRead/.test(line)));
  const read = () => h.adapter('Read', { context: context('orders'), uid: 'u' });
  await assert.rejects(read(), { code: status.UNAVAILABLE, details: /no handleRead for dataset orders/ });
  h.sync.handleRead('orders', (dataset, uid, meta, cb) => cb(null, {}));
  await read();
  for (const [method, more] of [['ListCollisions', {}], ['RemoveCollision', { hash: 'h' }], ['HandleCollision', { uid: 'u', idempotency_key: 'k' }]]) {
    await assert.rejects(h.adapter(method, { context: context('orders'), ...more }), { code: status.UNIMPLEMENTED });
  }
});

test('only functions can be handlers', async (t) => {
  await host(t, (sync) => {
    assert.throws(() => sync.handleList('d', 'x'), /handleList for dataset d.* must be a function/);
    assert.throws(() => sync.globalHandleRead(), /globalHandleRead.* must be a function/);
    assert.throws(() => sync.handleList(() => {}), /first argument is the dataset's id/);
  });
});
