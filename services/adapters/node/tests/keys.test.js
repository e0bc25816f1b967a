'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { host, bytes, create1, status } = require('./helper');

// counting sets handlers that count how often they are called.
function counting(calls) {
  return (sync) => {
    sync.globalHandleCreate((dataset, data, meta, cb) => {
      calls.create = (calls.create ?? 0) + 1;
      const uid = 'uid' + calls.create;
      if (data.fail && calls.create === 1) return cb(new Error('once'));
      return setTimeout(cb, data.wait ?? 0, null, { uid });
    });
    sync.globalHandleUpdate((dataset, uid, data, meta, cb) => {
      calls.update = (calls.update ?? 0) + 1;
      cb(null, { large: 'x'.repeat(1e6) });
    });
  };
}

const update = (h, key) => h.adapter('Update', { context: { dataset: 'd' }, uid: 'u', data: bytes({}), idempotency_key: key });

test('a repeated change is answered as the first time', async (t) => {
  const calls = {};
  const h = await host(t, counting(calls));
  assert.equal((await h.adapter('Create', create1())).uid, 'uid1');
  assert.equal((await h.adapter('Create', create1())).uid, 'uid1');
  assert.equal((await h.adapter('Create', create1({}, 'k', 'other'))).uid, 'uid2');
  await update(h, 'k');
  await update(h, 'k');
  await update(h, 'other');
  assert.deepEqual(calls, { create: 2, update: 2 });
});

test('the same change at the same time is done once', async (t) => {
  const calls = {};
  const h = await host(t, counting(calls));
  const uids = await Promise.all([1, 2, 3].map(async () => (await h.adapter('Create', create1({ wait: 50 }))).uid));
  assert.deepEqual(uids, ['uid1', 'uid1', 'uid1']);
});

test('a change that failed does not use up its key', async (t) => {
  const h = await host(t, counting({}));
  await assert.rejects(h.adapter('Create', create1({ fail: true })), { code: status.UNKNOWN });
  assert.equal((await h.adapter('Create', create1({ fail: true }))).uid, 'uid2');
});

test('what a slow handler did after its caller gave up is found by the repeated call', async (t) => {
  const calls = {};
  const h = await host(t, counting(calls));
  await assert.rejects(h.adapter('Create', create1({ wait: 300 }), 50), { code: status.DEADLINE_EXCEEDED });
  assert.equal((await h.adapter('Create', create1({ wait: 300 }))).uid, 'uid1');
  assert.equal(calls.create, 1);
});

test('keys can be left to the handlers', async (t) => {
  const calls = {};
  const h = await host(t, counting(calls), { keys: false });
  await h.adapter('Create', create1());
  await h.adapter('Create', create1());
  assert.equal(calls.create, 2);
});

test('memory is bounded', async (t) => {
  const calls = {};
  const h = await host(t, async (sync) => counting(calls)(sync), { keys: require('..').keyMemory(1) });
  await h.adapter('Create', create1({}, 'a'));
  await h.adapter('Create', create1({}, 'b'));
  await h.adapter('Create', create1({}, 'b'));
  await h.adapter('Create', create1({}, 'a'));
  assert.equal(calls.create, 3);
});

test('keys in a file outlive the process, and a line that a crash cut off', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keys'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'keys.jsonl');
  const { keyFile } = require('..');
  const first = await host(t, counting({}), { keys: keyFile(file) });
  const uid = (await first.adapter('Create', create1())).uid;
  await update(first, 'k');
  fs.appendFileSync(file, '["half a li');

  const calls = {};
  const second = await host(t, counting(calls), { keys: keyFile(file) });
  assert.equal((await second.adapter('Create', create1())).uid, uid);
  await update(second, 'k');
  assert.deepEqual(calls, {});
  await second.adapter('Create', create1({}, 'new'));
  assert.ok(fs.statSync(file).size < 1000, 'results that nobody needs are not kept');

  const third = await host(t, counting(calls), { keys: keyFile(file) });
  await third.adapter('Create', create1({}, 'new'));
  assert.deepEqual(calls, { create: 1 });
  assert.equal(keyFile(file, { maxAge: -1 }).results.size, 0, 'what is too old goes');
});

test('a key that can not be kept does not fail a change that is in effect', async (t) => {
  const store = { get: () => undefined, put: async () => { throw new Error('disk full'); } };
  const h = await host(t, counting({}), { keys: store });
  assert.equal((await h.adapter('Create', create1())).uid, 'uid1');
  assert.ok(h.log.lines.some((line) => /disk full/.test(line)));
});
