'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { host, program, connect, bytes, create1, status } = require('./helper');

const coded = (code, more) => Object.assign(new Error('the text'), { code }, more);

test('what the error of a handler means', async (t) => {
  let give;
  const h = await host(t, (sync) => {
    sync.globalHandleCreate((dataset, data, meta, cb) => cb(give));
  }, { notNow: (err) => err.mine === true });
  const cases = [
    [new Error('the text'), status.UNKNOWN],
    ['the text', status.UNKNOWN],
    [coded(11000), status.UNKNOWN],
    [new Error('fetch failed', { cause: coded('ECONNREFUSED') }), status.UNAVAILABLE, 'fetch failed'],
    [coded('ETIMEDOUT'), status.UNAVAILABLE],
    [coded('ECONNRESET'), status.UNAVAILABLE],
    [coded(undefined, { name: 'MongoNetworkError' }), status.UNAVAILABLE],
    [coded(undefined, { retryLater: true }), status.UNAVAILABLE],
    [coded(undefined, { mine: true }), status.UNAVAILABLE],
    [h.sync.retryLater(new Error('the text')), status.UNAVAILABLE],
    [h.sync.retryLater(), status.UNAVAILABLE, 'backend not available'],
    [h.sync.refuse('the text'), status.INVALID_ARGUMENT],
    [h.sync.notFound(), status.NOT_FOUND, 'record not found'],
    [coded('NOT_FOUND'), status.NOT_FOUND],
    [h.sync.conflict('the text'), status.ABORTED],
    [coded('CONFLICT'), status.ABORTED],
    [{ reason: 7 }, status.UNKNOWN, '{ reason: 7 }'],
    [new Error('x'.repeat(9000)), status.UNKNOWN, 'x'.repeat(2000) + '...'],
  ];
  for (const [err, code, details = 'the text'] of cases) {
    give = err;
    await assert.rejects(h.adapter('Create', create1()), { code, details });
  }
});

test('a handler that throws fails its call alone', async (t) => {
  const h = await host(t, (sync) => {
    sync.globalHandleCreate((dataset, data, meta, cb) => {
      if (data.bad) throw new Error('thrown');
      cb(null, { uid: 'u' });
    });
  });
  await assert.rejects(h.adapter('Create', create1({ bad: true }, 'a')), { code: status.UNKNOWN, details: 'thrown' });
  assert.equal((await h.adapter('Create', create1({}, 'b'))).uid, 'u');
});

test('a handler that never calls back', async (t) => {
  let calls = 0;
  const h = await host(t, (sync) => {
    sync.globalHandleCreate((dataset, data, meta, cb) => { calls++; void cb; });
    sync.globalHandleList((dataset, query, meta, cb) => { void cb; });
  }, { handlerTimeout: 50, listTimeout: 50 });
  await assert.rejects(h.adapter('Create', create1()), { code: status.DEADLINE_EXCEEDED, details: /handleCreate of dataset d has not called back within 50 ms/ });
  await assert.rejects(h.list('d'), { code: status.DEADLINE_EXCEEDED });
  assert.ok(h.log.lines.some((line) => /has not called back/.test(line)));
  await assert.rejects(h.adapter('Create', create1()), { code: status.DEADLINE_EXCEEDED });
  assert.equal(calls, 2, 'tried again');
});

test('requests that break the contract are refused', async (t) => {
  const h = await host(t, (sync) => {
    sync.globalHandleCreate((dataset, data, meta, cb) => cb(null, { uid: 'u' }));
    sync.globalHandleRead((dataset, uid, meta, cb) => cb(null, {}));
  });
  const refused = { code: status.INVALID_ARGUMENT };
  await assert.rejects(h.adapter('Create', { ...create1(), context: null }), refused);
  await assert.rejects(h.adapter('Create', { ...create1(), idempotency_key: '' }), refused);
  await assert.rejects(h.adapter('Create', { ...create1(), data: Buffer.from('[1]') }), refused);
  await assert.rejects(h.adapter('Create', { ...create1(), data: Buffer.from([0x22, 0xff, 0x22]) }), refused);
  await assert.rejects(h.adapter('Create', { ...create1(), context: { dataset: 'd', meta_data: bytes(1) } }), refused);
  await assert.rejects(h.adapter('Read', { context: { dataset: 'd' }, uid: '' }), refused);
});

test('a throw where nobody catches fails the call of its handler', async (t) => {
  const p = program(t, '../fixtures/awkward.js');
  const c = connect(await p.says('adapter is serving on '));
  t.after(() => c.close());
  await assert.rejects(c.adapter('Create', create1({ how: 'throw in a timer' }, 'a')), { code: status.UNKNOWN, details: 'from a timer' });
  await assert.rejects(c.adapter('Create', create1({ how: 'rejection that nobody waits for' }, 'b')), { code: status.UNKNOWN, details: 'from a promise' });
  assert.equal((await c.adapter('Create', create1({}, 'c'))).uid, 'good');
  p.child.kill('SIGTERM');
  assert.equal(await p.ended, 0);
});

test('a throw that is of no handler ends the process', async (t) => {
  const p = program(t, '../fixtures/awkward.js', 'throw');
  assert.equal(await p.ended, 1);
});

test('SIGTERM lets a call under way finish', async (t) => {
  const p = program(t, '../fixtures/awkward.js');
  const c = connect(await p.says('adapter is serving on '));
  t.after(() => c.close());
  const answer = c.adapter('Create', create1({ how: 'slow' }));
  await p.says('slow begins');
  p.child.kill('SIGTERM');
  assert.equal((await answer).uid, 'slow');
  assert.equal(await p.ended, 0);
});
